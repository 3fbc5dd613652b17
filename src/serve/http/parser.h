// Bytes to requests. The only place that knows Boost.Beast, whose parser is driven without sockets,
// so that a fuzzer can do the same.
//
// Bodies of a known length are not parsed at all: after kHead the caller takes head().length bytes
// for itself and calls start() again for the next request.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "leat/status.h"
#include "serve/http/request_head.h"

namespace leat {

class RequestParser {
 public:
  enum class Event : uint8_t {
    kMore,   // all that could be used was used: more bytes are needed
    kHead,   // the head is complete
    kChunk,  // chunk() holds the next piece of a chunked body
    kEnd,    // the chunked body is complete
    kWrong,  // fault() says why; http_status() what to answer
  };

  // The head goes to `head`, which must outlive this. `most`: bytes allowed in a head.
  RequestParser(RequestHead& head, size_t most);
  ~RequestParser();

  // A new request begins.
  void start();
  // Reads from `bytes`, and says in `used` how many it took. Those not taken are handed in again,
  // with more behind them.
  Event next(std::string_view bytes, size_t& used);

  std::string_view chunk() const;  // a part of what was given to next()
  const Status& fault() const;
  int http_status() const;

 private:
  class Beast;
  std::unique_ptr<Beast> beast_;
};

}  // namespace leat
