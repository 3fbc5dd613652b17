#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "cli/bench/http.h"
#include "cli/bench/target.h"
#include "cli/inputs.h"

namespace leat {

namespace {

struct Message {
  std::string head, body;
};

// One input that is a file goes as the body, as curl would send it; several go as a form.
Result<Message> message_of(const Sample& sample, const HttpUrl& url, Nanos timeout) {
  std::string type = "application/octet-stream";
  std::string body;
  bool bare = sample.size() == 1 && sample[0].starts_with('@');
  bool file = sample.size() == 1 && sample[0].find("=@") != std::string::npos;
  if (bare || file) {
    LEAT_ASSIGN(body, read_file(sample[0].substr(sample[0].find('@') + 1)));
  } else if (!sample.empty()) {
    constexpr std::string_view kBoundary = "leat-bench-3b1f6c0a9d";
    type = cat("multipart/form-data; boundary=", kBoundary);
    for (const std::string& input : sample) {
      size_t equals = input.find('=');
      if (equals == std::string::npos) {
        return Status(Code::kBadInput, cat("--input ", input, ": NAME=VALUE or NAME=@FILE wanted"));
      }
      std::string value = input.substr(equals + 1);
      if (value.starts_with('@')) {
        LEAT_ASSIGN(value, read_file(value.substr(1)));
      }
      body += cat("--", kBoundary, "\r\nContent-Disposition: form-data; name=\"",
                  input.substr(0, equals), "\"\r\n\r\n", value, "\r\n");
    }
    body += cat("--", kBoundary, "--\r\n");
  }
  std::string query = timeout > 0 ? cat("?timeout=", timeout / kMicrosecond, "us") : "";
  return Message{cat("POST ", url.path, query, " HTTP/1.1\r\nHost: ", url.host, ":", url.port,
                     "\r\nContent-Type: ", type, "\r\nContent-Length: ", body.size(), "\r\n\r\n"),
                 std::move(body)};
}

// The `code` of an error's JSON, or the status where there is none.
std::string code_of(const HttpReply& reply) {
  constexpr std::string_view kKey = "\"code\":\"";
  size_t begin = reply.body.find(kKey);
  if (begin == std::string::npos) return cat("http_", reply.status);
  begin += kKey.size();
  return reply.body.substr(begin, reply.body.find('"', begin) - begin);
}

class There final : public Target {
 public:
  There(HttpUrl url, HttpUrl metrics, std::vector<Message> messages, int connections)
      : url_(std::move(url)), metrics_(std::move(metrics)), messages_(std::move(messages)) {
    for (int i = 0; i < connections; ++i) threads_.emplace_back([this] { work(); });
  }
  ~There() override {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  CallEnd call(size_t i) override {
    std::unique_ptr<HttpConnection> connection;
    {
      std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        connection = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!connection) connection = std::make_unique<HttpConnection>(url_.host, url_.port);
    const Message& message = messages_[i % messages_.size()];
    auto reply = connection->exchange(message.head, message.body);
    {
      std::lock_guard lock(mutex_);
      idle_.push_back(std::move(connection));
    }
    if (!reply.ok()) return {"connection", reply.status().message()};
    if (reply->status == 200) return {};
    return {code_of(*reply), reply->body.substr(0, 300)};
  }

  void start(size_t i, std::function<void(const CallEnd&)> done) override {
    {
      std::lock_guard lock(mutex_);
      waiting_.emplace_back(i, std::move(done));
    }
    wake_.notify_one();
  }

  std::string metrics() override {
    HttpConnection connection(metrics_.host, metrics_.port);
    auto reply = connection.exchange(
        cat("GET ", metrics_.path, " HTTP/1.1\r\nHost: ", metrics_.host, "\r\n\r\n"), "");
    return reply.ok() && reply->status == 200 ? reply->body : std::string();
  }
  std::string name() const override { return url_.path.substr(url_.path.rfind('/') + 1); }

 private:
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      auto [i, done] = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      done(call(i));
    }
  }

  const HttpUrl url_, metrics_;
  const std::vector<Message> messages_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;                                                        // guarded
  std::deque<std::pair<size_t, std::function<void(const CallEnd&)>>> waiting_;  // guarded
  std::vector<std::unique_ptr<HttpConnection>> idle_;                           // guarded
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<Target>> target_at(const std::string& url, const std::string& metrics_url,
                                          const std::vector<Sample>& samples, Nanos timeout,
                                          int connections) {
  auto where = HttpUrl::parse(url);
  if (!where.ok()) return where.status().within("--url");
  auto metrics = HttpUrl::parse(metrics_url.empty() ? cat("http://[", where->host, "]:8002/metrics")
                                                    : metrics_url);
  if (!metrics.ok()) return metrics.status().within("--metrics-url");
  std::vector<Message> messages;
  for (const Sample& sample : samples) {
    LEAT_ASSIGN(Message message, message_of(sample, *where, timeout));
    messages.push_back(std::move(message));
  }
  return std::unique_ptr<Target>(std::make_unique<There>(*std::move(where), *std::move(metrics),
                                                         std::move(messages), connections));
}

}  // namespace leat
