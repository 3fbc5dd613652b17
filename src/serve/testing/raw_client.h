// A client for tests that sends exactly the bytes it is told to, and reads answers without
// opinions.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace leat {

struct RawReply {
  int status = 0;                             // 0: the connection ended before an answer
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;
};

class RawClient {
 public:
  explicit RawClient(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int failed = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    EXPECT_EQ(failed, 0) << strerror(errno);
  }
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), in_(std::move(other.in_)) {}
  ~RawClient() {
    if (fd_ >= 0) close(fd_);
  }

  // False once the server does not take any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void half_close() { shutdown(fd_, SHUT_WR); }
  void reset() {  // the next thing the server sees is RST
    linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(std::exchange(fd_, -1));
  }
  void small_window() {
    int bytes = 4096;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }

  // The next answer, interim ones (100) too. `head_only`: of a HEAD request.
  RawReply reply(bool head_only = false) {
    RawReply reply;
    size_t end;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return reply;
    }
    std::string head = in_.substr(0, end + 2);
    in_.erase(0, end + 4);
    reply.status = std::atoi(head.c_str() + 9);
    for (size_t at = head.find("\r\n") + 2; at < head.size();) {
      size_t stop = head.find("\r\n", at);
      std::string line = head.substr(at, stop - at);
      size_t colon = line.find(": ");
      std::string name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      reply.fields[name] = line.substr(colon + 2);
      at = stop + 2;
    }
    size_t length = head_only || reply.status == 100
                        ? 0
                        : std::strtoul(reply.fields["content-length"].c_str(), nullptr, 10);
    while (in_.size() < length) {
      if (!more()) return {};
    }
    reply.body = in_.substr(0, length);
    in_.erase(0, length);
    return reply;
  }
  // Nothing more comes: the server has closed, in order or with a reset.
  bool closed() { return in_.empty() && !more(); }

  RawReply ask(std::string_view bytes) {
    send(bytes);
    return reply();
  }

 private:
  bool more() {
    char buffer[65536];
    ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    in_.append(buffer, static_cast<size_t>(got));
    return true;
  }
  int fd_;
  std::string in_;
};

// "POST /path HTTP/1.1" with a Content-Length and more header lines ("A: b\r\n").
inline std::string post(std::string_view path, std::string_view body,
                        std::string_view fields = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
inline std::string get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

}  // namespace leat
