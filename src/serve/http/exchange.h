// One request and its answer, between a connection, which knows bytes, and a service, which knows
// what they mean.
//
// The life of an exchange, all on the connection's thread:
//   Service::on_head    the head is there. Answer now, or ask for the body: want_body().
//   Service::on_body    the body is there (also when it is empty). Answer, or submit() a call.
//   Service::on_answer  the call has ended. Answer.
//   Service::on_end     the answer has been sent or the client has left: let go of everything.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "leat/pipeline.h"
#include "serve/http/request_head.h"
#include "serve/http/scatter.h"

namespace leat {

// The bytes of a body, in a block of the pool. At least kPadding readable bytes follow them.
struct Body {
  static constexpr size_t kPadding = 64;  // what a JSON parser may read past the end
  Block* block = nullptr;
  std::byte* data = nullptr;
  size_t size = 0;
  std::string_view text() const { return {reinterpret_cast<const char*>(data), size}; }
};

class Exchange {
 public:
  RequestHead head;
  Body body;        // complete from on_body on; tensors may be views of it
  Nanos began = 0;  // when the head was complete

  // The answer: fill these, then call answer().
  Scatter reply;
  std::string reply_fields;  // more header lines, each "Name: value\r\n"

  // Lets the body in, up to the server's limit (or `most`), placed so that the byte at `aligned`
  // lies on a 64-byte boundary.
  void want_body(size_t most, size_t aligned = 0) {
    wanted_ = most;
    aligned_ = aligned;
  }
  void answer(int status, std::string_view type) {
    status_ = status;
    reply_type_ = type;
  }
  // An answer in JSON made from a failure, in place of whatever was begun.
  void fail(const Status& status) { fail(0, status); }
  // The same under another HTTP status than the table's. 0: the table's.
  void fail(int http_status, const Status& status);

  bool answered() const { return status_ != 0; }
  int status() const { return status_; }
  std::string_view reply_type() const { return reply_type_; }

  // Hands a call over; on_answer follows, maybe at once. Keeps `pipeline` until then.
  virtual void submit(std::shared_ptr<const Pipeline> pipeline, Request request, bool admitted) = 0;

 protected:
  ~Exchange() = default;
  void reset();
  size_t wanted_ = 0;
  size_t aligned_ = 0;
  int status_ = 0;
  std::string_view reply_type_;  // of static storage
};

// One connection's side of what is served; serves one exchange after another.
class Service {
 public:
  virtual ~Service() = default;
  virtual void on_head(Exchange& exchange) = 0;
  virtual void on_body(Exchange& exchange) = 0;
  virtual void on_answer(Exchange& exchange, Answer& answer) = 0;
  // `bytes`: sent of the answer, 0 when the client had left.
  virtual void on_end(Exchange& exchange, size_t bytes) = 0;
};

// What is served on a port.
class Site {
 public:
  virtual ~Site() = default;
  virtual std::unique_ptr<Service> connect() = 0;
};

}  // namespace leat
