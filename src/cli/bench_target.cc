#include "cli/bench_target.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"
#include "cli/inputs.h"

namespace leat {

namespace {

class Here final : public BenchTarget {
 public:
  Here(std::shared_ptr<Engine> engine, std::shared_ptr<Pipeline> pipeline,
       std::vector<std::vector<Value>> samples, int64_t timeout)
      : engine_(std::move(engine)),
        pipeline_(std::move(pipeline)),
        samples_(std::move(samples)),
        timeout_(timeout) {}

  Status call(size_t i) override {
    Request request(*pipeline_);
    const std::vector<Value>& sample = samples_[i % samples_.size()];
    for (size_t port = 0; port < sample.size(); ++port) request.set(port, sample[port]);
    request.options.timeout = timeout_;
    return pipeline_->run(std::move(request)).status;
  }
  std::string metrics() override { return engine_->metrics(); }

 private:
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Pipeline> pipeline_;
  std::vector<std::vector<Value>> samples_;
  int64_t timeout_;
};

// One connection a thread, kept open.
class Connection {
 public:
  ~Connection() { drop(); }

  Status post(const std::string& host, const std::string& port, const std::string& head,
              const std::string& body) {
    if (socket_ < 0) LEAT_TRY(open(host, port));
    Status status = exchange(head, body);
    if (!status.ok() && status.code() == Code::kUnavailable) drop();
    return status;
  }

 private:
  void drop() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }

  Status open(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) {
      return Status(Code::kUnavailable, cat("no address for ", host));
    }
    for (addrinfo* at = found; at && socket_ < 0; at = at->ai_next) {
      socket_ = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
      if (socket_ >= 0 && connect(socket_, at->ai_addr, at->ai_addrlen) != 0) drop();
    }
    freeaddrinfo(found);
    if (socket_ < 0) {
      return Status(Code::kUnavailable,
                    cat("cannot connect to ", host, ":", port, ": ", strerror(errno)));
    }
    return {};
  }

  Status exchange(const std::string& head, const std::string& body) {
    for (const std::string* part : {&head, &body}) {
      size_t sent = 0;
      while (sent < part->size()) {
        ssize_t n = send(socket_, part->data() + sent, part->size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return Status(Code::kUnavailable, "the connection broke while sending");
        sent += static_cast<size_t>(n);
      }
    }
    buffer_.clear();
    size_t head_end = std::string::npos;
    while (head_end == std::string::npos) {
      LEAT_TRY(receive());
      head_end = buffer_.find("\r\n\r\n");
    }
    size_t at = buffer_.find("Content-Length: ");
    if (at == std::string::npos || at > head_end) {
      return Status(Code::kUnavailable, "an answer without Content-Length");
    }
    size_t whole = head_end + 4 + static_cast<size_t>(std::atoll(buffer_.c_str() + at + 16));
    while (buffer_.size() < whole) LEAT_TRY(receive());
    int code = std::atoi(buffer_.c_str() + 9);
    if (code == 200) return {};
    Code kind = code == 429   ? Code::kOverloaded
                : code == 504 ? Code::kDeadline
                : code < 500  ? Code::kBadInput
                              : Code::kStepFailed;
    return Status(kind, cat("HTTP ", code, ": ", buffer_.substr(head_end + 4, 200)));
  }

  Status receive() {
    char piece[64 << 10];
    ssize_t n = recv(socket_, piece, sizeof piece, 0);
    if (n <= 0) return Status(Code::kUnavailable, "the connection was closed");
    buffer_.append(piece, static_cast<size_t>(n));
    return {};
  }

  int socket_ = -1;
  std::string buffer_;
};

class Remote final : public BenchTarget {
 public:
  Remote(std::string host, std::string port, const std::string& path,
         std::vector<std::string> bodies, int64_t timeout)
      : host_(std::move(host)), port_(std::move(port)), bodies_(std::move(bodies)) {
    std::string query = timeout > 0 ? cat("?timeout=", timeout / 1000, "us") : "";
    for (const std::string& body : bodies_) {
      bool json = body.starts_with('{');
      heads_.push_back(cat("POST ", path, query, " HTTP/1.1\r\nHost: ", host_, "\r\nContent-Type: ",
                           json ? "application/json" : "application/octet-stream",
                           "\r\nContent-Length: ", body.size(), "\r\n\r\n"));
    }
  }
  Status call(size_t i) override {
    thread_local Connection connection;
    i %= bodies_.size();
    return connection.post(host_, port_, heads_[i], bodies_[i]);
  }
  std::string metrics() override { return {}; }

 private:
  std::string host_, port_;
  std::vector<std::string> bodies_, heads_;
};

}  // namespace

Result<std::unique_ptr<BenchTarget>> bench_here(const std::string& path,
                                                std::vector<BenchSample> samples, int64_t timeout) {
  auto engine = Engine::make({});
  LEAT_ASSIGN(auto pipeline, engine->load(path));
  std::vector<std::vector<Value>> values;
  for (const BenchSample& sample : samples) {
    Request request(*pipeline);
    LEAT_TRY(read_inputs(*pipeline, sample.inputs, request));
    values.emplace_back(request.inputs().begin(), request.inputs().end());
  }
  return std::unique_ptr<BenchTarget>(
      std::make_unique<Here>(std::move(engine), std::move(pipeline), std::move(values), timeout));
}

Result<std::unique_ptr<BenchTarget>> bench_url(const std::string& url,
                                               std::vector<BenchSample> samples, int64_t timeout) {
  std::string_view rest = url;
  if (!rest.starts_with("http://")) {
    return Status(Code::kBadInput, cat("--url ", url, ": http://HOST:PORT/run/NAME is wanted"));
  }
  rest.remove_prefix(7);
  size_t slash = rest.find('/');
  std::string_view address = rest.substr(0, slash);
  size_t colon = address.rfind(':');
  std::string host(address.substr(0, colon));
  std::string port(colon == std::string_view::npos ? "80" : address.substr(colon + 1));
  std::string path(slash == std::string_view::npos ? "/" : rest.substr(slash));
  std::vector<std::string> bodies;
  for (const BenchSample& sample : samples) {
    std::string body = sample.inputs.empty() ? "" : sample.inputs[0];
    if (size_t at = body.find("@"); at != std::string::npos && (at == 0 || body[at - 1] == '=')) {
      LEAT_ASSIGN(body, read_file(body.substr(at + 1)));
    }
    bodies.push_back(std::move(body));
  }
  return std::unique_ptr<BenchTarget>(
      std::make_unique<Remote>(host, port, path, std::move(bodies), timeout));
}

}  // namespace leat
