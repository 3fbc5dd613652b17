// Writing an answer, and what becomes of the rest of its request.
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/text.h"
#include "serve/http/connection.h"
#include "serve/http/front.h"
#include "serve/http/inflate.h"

namespace leat {

namespace {

constexpr uint64_t kWorthSkipping = 256
                                    << 10;  // longer rests of refused bodies cost the connection
constexpr uint64_t kMostLinger = 8 << 20;
constexpr Nanos kLingerTime = 2 * kSecond;
constexpr size_t kWorthPacking = 1024;
constexpr size_t kKeptText = 256 << 10;  // a longer answer's buffer is not kept for the next one

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

// "Date: Sat, 21 Nov 2026 01:02:03 GMT\r\n", made anew once a second.
std::string_view date_line() {
  thread_local time_t made = 0;
  thread_local char line[64];
  thread_local size_t length = 0;
  time_t now = time(nullptr);
  if (now != made) {
    made = now;
    tm parts;
    gmtime_r(&now, &parts);
    length = strftime(line, sizeof line, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
  }
  return {line, length};
}

}  // namespace

void Connection::reject(int status, const Status& failure) {
  if (began == 0) began = loop_.now();
  fail(status, failure);
  close_after_ = true;
  skip_ = 0;
  head.chunked = false;
  begin_send();
}

void Connection::begin_send() {
  bool rest = head.chunked || skip_ > 0;  // of a body that nobody read
  if (rest && (head.chunked || head.expects_continue || skip_ - have_ > kWorthSkipping)) {
    close_after_ = true;
  }
  if (skip_ > 0) skip_ -= have_;
  if (front_.stopping()) close_after_ = true;
  counters_.answered(status());

  bool packed = reply.only_text() && reply.size() > kWorthPacking &&
                reply_type().starts_with("application/json") &&
                lists(head[Field::kAcceptEncoding], "gzip");
  packed_.clear();
  if (packed) gzip(reply.text(), packed_);
  size_t size = packed ? packed_.size() : reply.size();

  out_head_.assign("HTTP/1.1 ");
  append_to(out_head_, status());
  out_head_ += ' ';
  out_head_ += reason(status());
  out_head_ += "\r\nContent-Type: ";
  out_head_ += reply_type();
  out_head_ += "\r\nContent-Length: ";
  append_to(out_head_, size);
  out_head_ += "\r\n";
  out_head_ += date_line();
  if (packed) out_head_ += "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
  if (const std::string& id = head[Field::kRequestId]; !id.empty()) {
    out_head_ += "X-Request-Id: ";
    out_head_ += id;
    out_head_ += "\r\n";
  }
  out_head_ += reply_fields;
  out_head_ += close_after_ ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n";

  out_.clear();
  out_next_ = 0;
  out_.push_back({out_head_.data(), out_head_.size()});
  if (head.method != Method::kHead) {
    if (packed) {
      out_.push_back({packed_.data(), packed_.size()});
    } else {
      reply.list(out_);
    }
  } else {
    size = 0;
  }
  out_bytes_ = out_left_ = out_head_.size() + size;
  phase_began_ = loop_.now();
  deadline_ = kNever;
  state_ = State::kSend;
}

bool Connection::send_more() {
  while (out_left_ > 0) {
    msghdr message{};
    message.msg_iov = out_.data() + out_next_;
    message.msg_iovlen = std::min<size_t>(out_.size() - out_next_, IOV_MAX);
    ssize_t count = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        counters_.client_left.fetch_add(1, std::memory_order_relaxed);
        close_now();
        return false;
      }
      slow_deadline(out_bytes_ - out_left_);
      return false;
    }
    auto sent_now = static_cast<size_t>(count);
    out_left_ -= sent_now;
    while (sent_now > 0) {
      iovec& piece = out_[out_next_];
      size_t took = std::min(sent_now, piece.iov_len);
      piece.iov_base = static_cast<char*>(piece.iov_base) + took;
      piece.iov_len -= took;
      sent_now -= took;
      if (piece.iov_len == 0) ++out_next_;
    }
  }
  sent();
  return true;
}

void Connection::sent() {
  counters_.sent_bytes.fetch_add(out_bytes_, std::memory_order_relaxed);
  service_->on_end(*this, out_bytes_);
  counters_.body_bytes.fetch_sub(std::exchange(reserved_, 0), std::memory_order_relaxed);
  bool skips = skip_ > 0;
  bool unread_body = skips || head.chunked;
  if (reply.text().capacity() > kKeptText) {
    reply.clear();
    std::string().swap(reply.text());
  }
  reset();
  end_exchange();
  began = 0;
  deadline_ = loop_.now() + (skips ? front_.options().body_grace : front_.options().idle_time);
  if (close_after_) {
    if (client_left_ && !unread_body) return close_now();
    shutdown(fd_, SHUT_WR);
    in_begin_ = in_end_ = 0;
    skip_ = kMostLinger;
    deadline_ = loop_.now() + kLingerTime;
    state_ = State::kLinger;
    return;
  }
  parser_.start();
  state_ = skips ? State::kSkip : State::kHead;
}

bool Connection::skip() {
  size_t here = static_cast<size_t>(std::min<uint64_t>(in_end_ - in_begin_, skip_));
  in_begin_ += here;
  skip_ -= here;
  if (skip_ == 0) {
    state_ = State::kHead;
    return true;
  }
  return fill_or_close();
}

bool Connection::linger() {
  in_begin_ = in_end_ = 0;
  Got got = fill();
  if (got == Got::kNothing) return false;
  if (got == Got::kEnd || skip_ < in_end_) {
    close_now();
    return false;
  }
  skip_ -= in_end_;
  return true;
}

}  // namespace leat
