#include "cli/bench/http.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace leat {

Result<HttpUrl> HttpUrl::parse(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = text;
  if (rest.starts_with(kScheme)) rest.remove_prefix(kScheme.size());
  size_t slash = rest.find('/');
  std::string_view address = rest.substr(0, slash);
  size_t colon = address.rfind(':');
  if (!address.empty() && address.back() == ']') colon = std::string_view::npos;
  std::string_view host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::string_view port = colon == std::string_view::npos ? "80" : address.substr(colon + 1);
  bool digits = !port.empty() && port.find_first_not_of("0123456789") == std::string_view::npos;
  if (!text.starts_with(kScheme) || host.empty() || !digits) {
    return Status(Code::kBadInput, cat("\"", text, "\" found, http://HOST:PORT/PATH wanted"));
  }
  return HttpUrl{std::string(host), std::string(port),
                 std::string(slash == std::string_view::npos ? "/" : rest.substr(slash))};
}

void HttpConnection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

Status HttpConnection::open() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (int error = getaddrinfo(host_.c_str(), port_.c_str(), &hints, &found); error != 0) {
    return Status(Code::kUnavailable, cat(host_, ": ", gai_strerror(error)));
  }
  int reason = 0;
  for (addrinfo* at = found; at && socket_ < 0; at = at->ai_next) {
    socket_ = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (socket_ < 0 || connect(socket_, at->ai_addr, at->ai_addrlen) == 0) continue;
    reason = errno;
    close();
  }
  freeaddrinfo(found);
  if (socket_ < 0) {
    return Status(Code::kUnavailable, cat("cannot connect to ", host_, ", port ", port_, ": ",
                                          std::strerror(reason), "; is the server running?"));
  }
  int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return {};
}

Status HttpConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Status(Code::kUnavailable, "the connection broke while sending");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status HttpConnection::receive() {
  constexpr size_t kPiece = 64 << 10;
  size_t before = received_.size();
  received_.resize(before + kPiece);
  ssize_t n = 0;
  do {
    n = recv(socket_, received_.data() + before, kPiece, 0);
  } while (n < 0 && errno == EINTR);
  received_.resize(before + static_cast<size_t>(std::max<ssize_t>(n, 0)));
  if (n <= 0) return Status(Code::kUnavailable, "the server closed the connection");
  return {};
}

Result<HttpReply> HttpConnection::read_reply() {
  received_.clear();
  size_t head = std::string::npos;
  while ((head = received_.find("\r\n\r\n")) == std::string::npos) LEAT_TRY(receive());
  std::string fields = received_.substr(0, head + 2);
  for (char& c : fields) c = static_cast<char>(std::tolower(c));
  constexpr std::string_view kLength = "\r\ncontent-length:";
  size_t at = fields.find(kLength);
  if (!fields.starts_with("http/1.1 ") || at == std::string::npos) {
    return Status(Code::kUnavailable, "the answer is not HTTP/1.1 with a Content-Length");
  }
  size_t length = std::strtoull(fields.c_str() + at + kLength.size(), nullptr, 10);
  while (received_.size() < head + 4 + length) LEAT_TRY(receive());
  HttpReply reply{std::atoi(fields.c_str() + 9), received_.substr(head + 4, length)};
  if (fields.find("\r\nconnection: close") != std::string::npos) close();
  return reply;
}

Result<HttpReply> HttpConnection::exchange(const std::string& head, const std::string& body) {
  if (socket_ < 0) LEAT_TRY(open());
  Status sent = send(head);
  if (sent.ok()) sent = send(body);
  // A server that refuses a request may answer before it has read all of it.
  auto reply = read_reply();
  if (!reply.ok()) {
    close();
    return sent.ok() ? reply.status() : sent;
  }
  if (!sent.ok()) close();
  return reply;
}

}  // namespace leat
