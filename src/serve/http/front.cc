#include "serve/http/front.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/cpu.h"
#include "base/text.h"
#include "serve/http/connection.h"
#include "serve/http/exchange.h"

namespace leat {

namespace {

// A note that runs something once and is gone.
template <typename Act>
class Errand final : public Mailbox::Note {
 public:
  explicit Errand(Act act) : act_(std::move(act)) {}
  void arrive() override {
    act_();
    delete this;
  }
  static bool send(Mailbox& mailbox, Act act) {
    auto* errand = new Errand(std::move(act));
    if (mailbox.post(*errand)) return true;
    delete errand;
    return false;
  }

 private:
  Act act_;
};

int spare_descriptor() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

// Accepts on one socket, in the first loop.
class Front::Listener final : public Loop::Watched {
 public:
  Listener(Front& front, Loop& loop, Site& site, int descriptor)
      : front_(front), loop_(loop), site_(site), fd_(descriptor), spare_(spare_descriptor()) {}
  ~Listener() override {
    close(fd_);
    if (spare_ >= 0) close(spare_);
  }

  void on_halt() override { loop_.leave(*this); }
  void on_events(uint32_t) override {
    constexpr int kTurn = 64;
    for (int i = 0; i < kTurn; ++i) {
      int client = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client >= 0) {
        front_.adopt(client, site_);
        continue;
      }
      if ((errno == EMFILE || errno == ENFILE) && spare_ >= 0) {
        // No descriptor is left: the one in reserve lets us turn the client away, who would else
        // wake us for ever.
        close(spare_);
        client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0) close(client);
        spare_ = spare_descriptor();
        front_.counters_->too_many_connections.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      if (errno != EINTR && errno != ECONNABORTED) return;
    }
  }

 private:
  Front& front_;
  Loop& loop_;
  Site& site_;
  const int fd_;
  int spare_;
};

Front::Front(const ServerOptions& options)
    : options_(options),
      clock_(options.clock ? *options.clock : SteadyClock::instance()),
      most_bytes_(options.bytes_in_flight > 0 ? options.bytes_in_flight
                                              : static_cast<int64_t>(memory_limit() / 4)),
      counters_(std::make_shared<HttpCounters>()) {
  int count = options.io_threads > 0 ? options.io_threads : std::max(1, cpu_budget() / 2);
  for (int i = 0; i < count; ++i) threads_.push_back(std::make_unique<Thread>(clock_));
}

Front::~Front() { stop(0); }

Result<int> Front::listen(const std::string& host, int port, Site& site) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  std::string service = std::to_string(port);
  if (int error = getaddrinfo(host.c_str(), service.c_str(), &wanted, &found); error != 0) {
    return Status(Code::kBadInput, cat("cannot serve on host \"", host, "\": ", gai_strerror(error),
                                       "; choose a name or an address of this machine"));
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, SOMAXCONN) != 0) {
    std::string_view remedy = errno == EADDRINUSE ? "; choose another port, or 0 for any free one"
                              : errno == EACCES   ? "; ports below 1024 are for privileged users"
                              : errno == EADDRNOTAVAIL ? "; choose an address of this machine"
                                                       : "";
    Status status(Code::kBadInput,
                  cat("cannot listen on ", host, " port ", port, ": ", strerror(errno), remedy));
    if (fd >= 0) close(fd);
    return status;
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  int number = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                                 : reinterpret_cast<sockaddr_in&>(bound).sin_port);
  Loop& loop = threads_[0]->loop;
  loop.watch(std::make_unique<Listener>(*this, loop, site, fd), fd, false);
  return number;
}

void Front::begin() {
  for (size_t i = 0; i < threads_.size(); ++i) {
    threads_[i]->thread = std::thread([this, i] {
      name_thread(cat("leat-io-", i).c_str());
      threads_[i]->loop.run();
    });
  }
}

void Front::adopt(int client, Site& site) {
  counters_->accepted.fetch_add(1, std::memory_order_relaxed);
  if (counters_->open.load(std::memory_order_relaxed) >= options_.connections) {
    constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
        "Content-Length: 83\r\nConnection: close\r\nRetry-After: 1\r\n\r\n"
        "{\"error\":\"too many connections are open; try again later\",\"code\":\"unavailable\"}   "
        " ";
    counters_->too_many_connections.fetch_add(1, std::memory_order_relaxed);
    counters_->answered(503);
    [[maybe_unused]] ssize_t sent = send(client, kFull.data(), kFull.size(), MSG_NOSIGNAL);
    shutdown(client, SHUT_WR);
    char scrap[4096];  // unread bytes would turn the close into a reset, and the answer would be
                       // lost
    [[maybe_unused]] ssize_t got = recv(client, scrap, sizeof scrap, MSG_DONTWAIT);
    close(client);
    return;
  }
  auto emptiest = std::min_element(threads_.begin(), threads_.end(), [](auto& a, auto& b) {
    return a->connections.load(std::memory_order_relaxed) <
           b->connections.load(std::memory_order_relaxed);
  });
  Thread& thread = **emptiest;
  thread.connections.fetch_add(1, std::memory_order_relaxed);
  auto welcome = [this, &thread, &site, client] {
    auto connection = std::make_unique<Connection>(*this, thread.loop, site.connect(), client,
                                                   thread.connections);
    thread.loop.watch(std::move(connection), client, true);
  };
  if (&thread == threads_[0].get()) {
    welcome();
  } else if (!Errand<decltype(welcome)>::send(*thread.loop.mailbox(), welcome)) {
    close(client);
  }
}

void Front::leave() {
  if (busy_.fetch_sub(1) == 1 && stopping()) {
    std::lock_guard lock(mutex_);
    quiet_.notify_all();
  }
}

template <typename Act>
void Front::on_each(Act act) {
  for (auto& thread : threads_) {
    auto run = [act, loop = &thread->loop] { act(*loop); };
    Errand<decltype(run)>::send(*thread->loop.mailbox(), run);
  }
}

bool Front::stop(int64_t nanos) {
  std::lock_guard one(stop_mutex_);
  if (stopped_) return ended_;
  stopped_ = true;
  stopping_ = true;
  on_each([](Loop& loop) {
    loop.each([](Loop::Watched& watched) {
      if (auto* connection = dynamic_cast<Connection*>(&watched)) connection->on_stop();
    });
  });
  {
    std::unique_lock lock(mutex_);
    ended_ = quiet_.wait_for(lock, std::chrono::nanoseconds(nanos), [this] { return busy_ == 0; });
  }
  on_each([](Loop& loop) { loop.halt(); });
  for (auto& thread : threads_) {
    if (thread->thread.joinable()) thread->thread.join();
  }
  return ended_;
}

}  // namespace leat
