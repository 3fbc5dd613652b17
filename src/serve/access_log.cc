#include "serve/access_log.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "serve/protocol/json_writer.h"

namespace leat {

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path, bool json) {
  int fd = path == "-" ? STDERR_FILENO
                       : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) {
    return Status(Code::kBadInput,
                  cat("the access log ", path, " cannot be opened: ", strerror(errno)));
  }
  return std::unique_ptr<AccessLog>(new AccessLog(fd, json));
}

AccessLog::~AccessLog() {
  if (fd_ != STDERR_FILENO) close(fd_);
}

void AccessLog::write(const Exchange& exchange, int64_t nanos, size_t bytes) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  gmtime_r(&now.tv_sec, &parts);
  char time[40];
  size_t length = strftime(time, sizeof time, "%FT%T", &parts);
  snprintf(time + length, sizeof time - length, ".%03ldZ", now.tv_nsec / 1'000'000);
  // A client that left before its answer has none.
  int status = exchange.answered() && bytes > 0 ? exchange.status() : 499;
  const RequestHead& head = exchange.head;
  thread_local std::string line;
  line.clear();
  if (json_) {
    JsonWriter json(line);
    json.begin_object().member("time", static_cast<const char*>(time)).member("status", status);
    json.member("method", head.verb).member("path", head.path);
    json.member("micros", nanos / 1000)
        .member("received", head.length.value_or(exchange.body.size));
    json.member("sent", bytes);
    if (!head[Field::kRequestId].empty()) json.member("request_id", head[Field::kRequestId]);
    json.end_object();
  } else {
    auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
    line = cat(static_cast<const char*>(time), " ", status, " ", or_dash(head.verb), " ",
               or_dash(head.path), " ", nanos / 1000,
               "us received=", head.length.value_or(exchange.body.size), " sent=", bytes, " id=");
    for (char c : or_dash(head[Field::kRequestId])) line += c == ' ' ? '_' : c;
  }
  line += '\n';
  // One write a line: lines of several threads and processes do not mix.
  [[maybe_unused]] ssize_t written = ::write(fd_, line.data(), line.size());
}

}  // namespace leat
