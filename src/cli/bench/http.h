// As much of an HTTP/1.1 client as a benchmark needs: one connection, kept open, one request at a
// time, answers that say their length.
#pragma once

#include <string>
#include <string_view>

#include "leat/status.h"

namespace leat {

struct HttpUrl {
  std::string host, port, path;
  // kBadInput unless `text` is http://HOST[:PORT][/PATH].
  static Result<HttpUrl> parse(std::string_view text);
};

struct HttpReply {
  int status = 0;
  std::string body;
};

class HttpConnection {
 public:
  HttpConnection(std::string host, std::string port)
      : host_(std::move(host)), port_(std::move(port)) {}
  HttpConnection(const HttpConnection&) = delete;
  ~HttpConnection() { close(); }

  // Sends `head`, with its empty line, and `body`. Connects when it is not; kUnavailable if the
  // connection fails, which is then closed.
  Result<HttpReply> exchange(const std::string& head, const std::string& body);

 private:
  void close();
  Status open();
  Status send(std::string_view bytes);
  Status receive();
  Result<HttpReply> read_reply();

  const std::string host_, port_;
  int socket_ = -1;
  std::string received_;
};

}  // namespace leat
