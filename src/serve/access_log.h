// A line for every answer: when, what was asked, what came of it, how long it took. Never a
// payload.
#pragma once

#include <memory>
#include <string>

#include "leat/status.h"
#include "serve/http/exchange.h"

namespace leat {

class AccessLog {
 public:
  // `path`: a file to append to, or "-" for standard error.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& path, bool json);
  ~AccessLog();

  // `nanos`: from the head's last byte to the answer's. Any thread.
  void write(const Exchange& exchange, int64_t nanos, size_t bytes);

 private:
  AccessLog(int descriptor, bool json) : fd_(descriptor), json_(json) {}
  const int fd_;
  const bool json_;
};

}  // namespace leat
