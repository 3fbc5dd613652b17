// What HTTP costs over the least that a server can do. Run by bench/http_floor.sh; by itself:
//   http_floor floor PORT    answers every request of a known size with a canned answer: bare epoll
//   http_floor asio PORT     the same on Boost.Asio's sockets
//   http_floor leat PORT     the whole HTTP front, before pipelines that give back what they get
// `floor` and `asio` know where a request ends by its first Content-Length and read no further.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "leat/server.h"

namespace {

constexpr int kThreads = 2;  // as the server has by default on 4 cores

// Reads one request of a client and writes one answer that is as long.
struct Client {
  int fd = -1;
  std::string in = std::string(1 << 20, '\0');
  size_t have = 0;
  size_t want = 0;  // bytes of the whole request; 0: not known
  std::string out;
  size_t sent = 0;

  // After `have` has grown: is a whole request here? Then `out` is its answer.
  bool complete() {
    if (want == 0) {
      size_t end = in.find("\r\n\r\n");
      if (end == std::string::npos || end > have) return false;
      size_t at = in.find("\r\nContent-Length: ");
      size_t length = at < end ? std::strtoul(in.data() + at + 18, nullptr, 10) : 0;
      want = end + 4 + length;
      if (out.size() < length) {
        out = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" +
              std::string(length, 'x');
      }
    }
    return have >= want;
  }
  void next() { have = want = sent = 0; }
};

int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, 512) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  return fd;
}

void serve_events(int epoll) {
  epoll_event events[256];
  while (true) {
    int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      auto* client = static_cast<Client*>(events[i].data.ptr);
      bool open = true;
      while (open) {
        if (!client->complete()) {
          ssize_t got = recv(client->fd, client->in.data() + client->have,
                             client->in.size() - client->have, MSG_DONTWAIT);
          if (got == 0) open = false;
          if (got <= 0) break;
          client->have += static_cast<size_t>(got);
          continue;
        }
        ssize_t put = send(client->fd, client->out.data() + client->sent,
                           client->out.size() - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put <= 0) break;
        client->sent += static_cast<size_t>(put);
        if (client->sent == client->out.size()) {
          client->next();
          break;  // the client waits for this before it sends more
        }
      }
      if (!open) {
        close(client->fd);
        delete client;
      }
    }
  }
}

void run_floor(int port) {
  int epolls[kThreads];
  for (int& epoll : epolls) {
    epoll = epoll_create1(EPOLL_CLOEXEC);
    std::thread(serve_events, epoll).detach();
  }
  int listener = listen_on(port);
  for (size_t n = 0;; ++n) {
    auto* client = new Client;
    client->fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    int on = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = client;
    epoll_ctl(epolls[n % kThreads], EPOLL_CTL_ADD, client->fd, &event);
  }
}

namespace asio = boost::asio;

class AsioClient : public std::enable_shared_from_this<AsioClient> {
 public:
  explicit AsioClient(asio::io_context& context) : socket(context) {}
  void read() {
    socket.async_read_some(
        asio::buffer(client_.in.data() + client_.have, client_.in.size() - client_.have),
        [self = shared_from_this()](auto error, size_t got) {
          if (error) return;
          self->client_.have += got;
          self->client_.complete() ? self->write() : self->read();
        });
  }
  asio::ip::tcp::socket socket;

 private:
  void write() {
    asio::async_write(socket, asio::buffer(client_.out),
                      [self = shared_from_this()](auto error, size_t) {
                        if (error) return;
                        self->client_.next();
                        self->read();
                      });
  }
  Client client_;
};

void run_asio(int port) {
  std::vector<std::unique_ptr<asio::io_context>> contexts;
  for (int i = 0; i < kThreads; ++i) contexts.push_back(std::make_unique<asio::io_context>(1));
  asio::ip::tcp::acceptor acceptor(
      *contexts[0], {asio::ip::make_address("127.0.0.1"), static_cast<asio::ip::port_type>(port)});
  size_t next = 0;
  std::function<void()> accept = [&] {
    auto& context = *contexts[next++ % kThreads];
    auto client = std::make_shared<AsioClient>(context);
    acceptor.async_accept(client->socket, [&, client](auto error) {
      if (!error) {
        client->socket.set_option(asio::ip::tcp::no_delay(true));
        asio::post(client->socket.get_executor(), [client] { client->read(); });
      }
      accept();
    });
  };
  accept();
  std::vector<std::thread> threads;
  for (auto& context : contexts) {
    threads.emplace_back([&context] {
      auto work = asio::make_work_guard(*context);
      context->run();
    });
  }
  for (auto& thread : threads) thread.join();
}

// Gives back what it gets.
class Identity final : public leat::Pipeline {
 public:
  Identity(std::string name, std::string_view type)
      : name_(std::move(name)),
        inputs_{{"x", leat::Type::of(type)}},
        outputs_{{"y", leat::Type::of(type)}} {}
  const std::string& name() const override { return name_; }
  const std::string& description() const override { return name_; }
  const std::vector<leat::Port>& inputs() const override { return inputs_; }
  const std::vector<leat::Port>& outputs() const override { return outputs_; }
  bool batched() const override { return false; }
  int64_t max_batch() const override { return 0; }
  std::string_view platform() const override { return "leat"; }
  leat::PipelineStats stats() const override { return {}; }
  leat::Result<std::string> graph(std::string_view) const override { return std::string(); }
  leat::Status admit(const leat::CallOptions&) const override { return {}; }
  using leat::Pipeline::submit;
  leat::Ticket submit(leat::Request request, leat::Completion& completion, bool) const override {
    leat::Answer answer;
    answer.outputs.push_back(request.inputs()[0]);
    completion.done(answer);
    return {};
  }

 private:
  std::string name_;
  std::vector<leat::Port> inputs_, outputs_;
};

void run_leat(int port) {
  leat::ServerOptions options;
  options.http_port = port;
  options.metrics_port = -1;
  options.io_threads = kThreads;
  auto server = leat::Server::start(options, nullptr);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().message().c_str());
    std::exit(1);
  }
  (*server)->serve("small", "1", std::make_shared<Identity>("small", "FP32[16]"));
  (*server)->serve("image", "1", std::make_shared<Identity>("image", "FP32[3,224,224]"));
  (*server)->serve("text", "1", std::make_shared<Identity>("text", "BYTES"));
  (*server)->serve("any", "1", std::make_shared<Identity>("any", "ANY[...]"));
  pause();
}

}  // namespace

int main(int count, char** arguments) {
  std::string mode = count == 3 ? arguments[1] : "";
  int port = count == 3 ? std::atoi(arguments[2]) : 0;
  if (mode == "floor") run_floor(port);
  if (mode == "asio") run_asio(port);
  if (mode == "leat") run_leat(port);
  if (count == 1) return std::puts("http_floor: run by bench/http_floor.sh"), 0;
  std::fputs("usage: http_floor floor|asio|leat PORT\n", stderr);
  return 2;
}
