// What HTTP costs over the least that a server can do. Run by bench/http_floor.sh; by itself:
//   http_floor models FOLDER      writes small.onnx and image.onnx, which give back what they get
//   http_floor floor PORT FOLDER  answers every request with a canned answer of the same size,
//   after
//                                 a bare Run of small.onnx: bare epoll
// `floor` knows where a request ends by its first Content-Length and reads no further.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <onnxruntime_c_api.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "model/testing/tiny_onnx.h"

namespace {

constexpr int kThreads = 2;  // as the server has by default on 4 cores

void require(OrtStatus* status) {
  if (!status) return;
  std::fprintf(stderr, "http_floor: %s\n",
               OrtGetApiBase()->GetApi(ORT_API_VERSION)->GetErrorMessage(status));
  std::exit(1);
}

// A model called with nothing around it. Threads: run() from any, each with a value of its own.
class BareModel {
 public:
  explicit BareModel(const std::string& file) : ort_(OrtGetApiBase()->GetApi(ORT_API_VERSION)) {
    OrtEnv* env = nullptr;
    OrtSessionOptions* options = nullptr;
    require(ort_->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "floor", &env));
    require(ort_->CreateSessionOptions(&options));
    require(ort_->SetIntraOpNumThreads(options, 1));
    require(ort_->CreateSession(env, file.c_str(), options, &session_));
    require(ort_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_));
  }
  OrtValue* value(std::vector<float>& of, const std::vector<int64_t>& shape) const {
    OrtValue* made = nullptr;
    require(ort_->CreateTensorWithDataAsOrtValue(memory_, of.data(), of.size() * sizeof(float),
                                                 shape.data(), shape.size(),
                                                 ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &made));
    return made;
  }
  void run(const OrtValue* in, OrtValue* out) const {
    static constexpr const char* kIn[] = {"x"};
    static constexpr const char* kOut[] = {"y"};
    require(ort_->Run(session_, nullptr, kIn, &in, 1, kOut, 1, &out));
  }

 private:
  const OrtApi* ort_;
  OrtSession* session_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
};

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

// One of the models, with what a thread hands to it.
class Work {
 public:
  Work(const BareModel& model, std::vector<int64_t> shape)
      : model_(model), in_(elements(shape)), out_(elements(shape)) {
    from_ = model.value(in_, shape);
    to_ = model.value(out_, shape);
  }
  void run() const { model_.run(from_, to_); }

 private:
  static size_t elements(const std::vector<int64_t>& shape) {
    int64_t count = 1;
    for (int64_t size : shape) count *= size;
    return static_cast<size_t>(count);
  }
  const BareModel& model_;
  std::vector<float> in_, out_;
  OrtValue* from_;
  OrtValue* to_;
};

struct Models {
  BareModel small, image;
};

void serve_events(int epoll, const Models& models) {
  const Work small(models.small, {1, 16}), image(models.image, {1, 3, 224, 224});
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
          if (client->complete()) (client->want > 100'000 ? image : small).run();
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

[[noreturn]] void run_floor(int port, const std::string& folder) {
  const Models models{BareModel(folder + "/small.onnx"), BareModel(folder + "/image.onnx")};
  int epolls[kThreads];
  for (int& epoll : epolls) {
    epoll = epoll_create1(EPOLL_CLOEXEC);
    std::thread(serve_events, epoll, std::cref(models)).detach();
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

}  // namespace

int main(int count, char** arguments) {
  const std::string mode = count > 1 ? arguments[1] : "";
  if (mode == "models" && count == 3) {
    const std::string folder = arguments[2];
    leat::tiny_onnx::write(folder + "/small.onnx", leat::tiny_onnx::identity("FP32[n,16]"));
    leat::tiny_onnx::write(folder + "/image.onnx", leat::tiny_onnx::identity("FP32[n,3,224,224]"));
    return 0;
  }
  if (mode == "floor" && count == 4) run_floor(std::atoi(arguments[2]), arguments[3]);
  if (count == 1) return std::puts("http_floor: run by bench/http_floor.sh"), 0;
  std::fputs("usage: http_floor models FOLDER | floor PORT FOLDER\n", stderr);
  return 2;
}
