#include "serve/http/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/text.h"
#include "serve/http/front.h"
#include "serve/http/inflate.h"
#include "serve/status_codes.h"

namespace leat {

namespace {

constexpr size_t kFirstBody = 1 << 20;  // memory that an announced length gets before bytes come
constexpr size_t kFirstChunks = 64 << 10;
constexpr size_t kWorthWaiting = 64 << 10;  // a rest this long is not looked at piece by piece
constexpr size_t kMostLowWater = 512 << 10;
constexpr uint64_t kWorthSkipping = 256
                                    << 10;  // longer rests of refused bodies cost the connection
constexpr uint64_t kMostLinger = 8 << 20;
constexpr Nanos kLingerTime = 2 * kSecond;
constexpr int kTurns = 32;  // exchanges in one go, before others have theirs
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

Connection::Connection(Front& front, Loop& loop, std::unique_ptr<Service> service, int descriptor,
                       std::atomic<int>& count)
    : front_(front),
      loop_(loop),
      counters_(*front.counters()),
      service_(std::move(service)),
      fd_(descriptor),
      count_(count),
      in_size_(static_cast<size_t>(front.options().header_bytes)),
      in_(new char[in_size_]),
      parser_(head, in_size_) {
  int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  deadline_ = loop_.now() + front_.options().idle_time;
  counters_.open.fetch_add(1, std::memory_order_relaxed);
}

Connection::~Connection() { assert(state_ == State::kClosed); }

void Connection::on_events(uint32_t events) {
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) client_left_ = true;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
  advance();
}

void Connection::advance() {
  for (int turns = 0; turns < kTurns * 8; ++turns) {
    if (!step()) return;
  }
  loop_.again(*this);
}

bool Connection::step() {
  switch (state_) {
    case State::kHead:
      return read_head();
    case State::kBody:
      return read_body();
    case State::kChunks:
      return read_chunks();
    case State::kCall:
      return client_left_ && waiting_ && leave_call();
    case State::kSend:
      return send_more();
    case State::kSkip:
      return skip();
    case State::kLinger:
      return linger();
    case State::kClosed:
      return false;
  }
  return false;
}

// --- reading

Connection::Got Connection::receive(std::byte* to, size_t room, size_t& got) {
  got = 0;
  if (!readable_) return Got::kNothing;
  ssize_t count;
  do {
    count = recv(fd_, to, room, 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    got = static_cast<size_t>(count);
    counters_.received_bytes.fetch_add(got, std::memory_order_relaxed);
    // A short read took all there was; the next bytes bring an event. An end that has been
    // announced already brings none.
    if (got < room && !client_left_) readable_ = false;
    return Got::kSome;
  }
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    readable_ = false;
    return Got::kNothing;
  }
  return Got::kEnd;
}

Connection::Got Connection::fill() {
  if (in_begin_ > 0) {
    std::memmove(in_.get(), in_.get() + in_begin_, in_end_ - in_begin_);
    in_end_ -= in_begin_;
    in_begin_ = 0;
  }
  size_t got;
  Got result = receive(reinterpret_cast<std::byte*>(in_.get()) + in_end_, in_size_ - in_end_, got);
  in_end_ += got;
  return result;
}

bool Connection::read_head() {
  if (!in_exchange_) {  // blank lines between requests
    while (in_begin_ < in_end_ && (in_[in_begin_] == '\r' || in_[in_begin_] == '\n')) ++in_begin_;
    if (in_begin_ < in_end_) {
      in_exchange_ = true;
      counted_ = front_.enter();
      deadline_ = loop_.now() + front_.options().header_time;
    }
  }
  if (in_begin_ < in_end_) {
    size_t used;
    RequestParser::Event event = parser_.next(unread(), used);
    in_begin_ += used;
    if (event == RequestParser::Event::kHead) {
      begin_exchange();
      return true;
    }
    if (event == RequestParser::Event::kWrong) {
      reject(parser_.http_status(), parser_.fault());
      return true;
    }
    if (in_end_ - in_begin_ == in_size_) {
      reject(kHeaderTooLarge,
             Status(Code::kTooLarge,
                    cat("the request's header is longer than the ", in_size_, " bytes allowed")));
      return true;
    }
  }
  switch (fill()) {
    case Got::kSome:
      return true;
    case Got::kNothing:
      return false;
    case Got::kEnd:
      close_now();
      return false;
  }
  return false;
}

void Connection::begin_exchange() {
  began = loop_.now();
  close_after_ = !head.keep_alive;
  skip_ = head.length.value_or(0);
  have_ = 0;
  deadline_ = kNever;
  const std::string& packing = head[Field::kContentEncoding];
  if (front_.stopping()) {
    counters_.stopping.fetch_add(1, std::memory_order_relaxed);
    fail(Status(Code::kUnavailable, "the server is shutting down"));
    close_after_ = true;
  } else if (!packing.empty() && !lists("gzip, deflate, x-gzip, identity", packing)) {
    fail(415, Status(Code::kBadInput,
                     cat("Content-Encoding is ", packing, "; allowed: gzip, deflate or identity")));
  } else {
    service_->on_head(*this);
  }
  if (!answered()) begin_body();
  if (answered()) begin_send();
}

void Connection::begin_body() {
  size_t most = std::min(wanted_, static_cast<size_t>(front_.options().body_bytes));
  if (head.length.value_or(0) > most) {
    return fail(Status(Code::kTooLarge, cat("the body has ", *head.length, " bytes; at most ", most,
                                            " are allowed")));
  }
  if (!head.has_body()) {
    skip_ = 0;
    return body_done();
  }
  if (front_.counters()->body_bytes.load(std::memory_order_relaxed) +
          static_cast<int64_t>(head.length.value_or(0)) >
      front_.most_bytes()) {
    counters_.too_many_bytes.fetch_add(1, std::memory_order_relaxed);
    return fail(
        Status(Code::kOverloaded, cat("the bodies of all requests under way would pass the ",
                                      front_.most_bytes(), " bytes allowed; try again later")));
  }
  phase_began_ = began;
  slow_deadline(0);
  auto length = static_cast<size_t>(head.length.value_or(0));
  if (!grow_body(head.chunked ? std::min(most, kFirstChunks) : std::min(length, kFirstBody)))
    return;
  if (head.expects_continue && in_begin_ == in_end_) {
    constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
    [[maybe_unused]] ssize_t out = send(fd_, kGoOn.data(), kGoOn.size(), MSG_NOSIGNAL);
  }
  head.expects_continue = false;
  if (head.chunked) {
    state_ = State::kChunks;
    return;
  }
  size_t here = std::min(in_end_ - in_begin_, body.size);
  std::memcpy(body.data, in_.get() + in_begin_, here);
  in_begin_ += here;
  have_ = here;
  state_ = State::kBody;
}

bool Connection::grow_body(size_t size) {
  auto grown = allocate_body(size, aligned_);
  auto more = static_cast<int64_t>(size) - reserved_;
  if (!grown.ok() ||
      counters_.body_bytes.load(std::memory_order_relaxed) + more > front_.most_bytes()) {
    if (grown.ok()) grown->block->drop();
    counters_.too_many_bytes.fetch_add(1, std::memory_order_relaxed);
    fail(grown.ok() ? Status(Code::kOverloaded,
                             "the bodies of all requests under way need all the "
                             "memory they may; try again later")
                    : grown.status());
    return false;
  }
  counters_.body_bytes.fetch_add(more, std::memory_order_relaxed);
  reserved_ += more;
  if (body.block) {
    std::memcpy(grown->data, body.data, have_);
    body.block->drop();
  }
  body = *grown;
  return true;
}

// A client that sends a long body steadily is woken for once in a while, not for every segment;
// that also opens the window of the socket to as much.
void Connection::want_wakeup_after(size_t bytes) {
  size_t wanted = bytes < kWorthWaiting ? 1 : std::min(bytes, kMostLowWater);
  if (wanted == low_water_) return;
  int value = static_cast<int>(wanted);
  if (setsockopt(fd_, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value) == 0) low_water_ = wanted;
}

void Connection::slow_deadline(size_t bytes) {
  const ServerOptions& options = front_.options();
  deadline_ = phase_began_ + options.body_grace +
              static_cast<Nanos>(static_cast<double>(bytes) * 1e9 /
                                 static_cast<double>(options.least_rate));
}

bool Connection::read_body() {
  auto length = static_cast<size_t>(*head.length);
  while (have_ < length) {
    if (have_ == body.size && !grow_body(length)) {
      want_wakeup_after(1);
      begin_send();
      return true;
    }
    size_t got;
    Got result = receive(body.data + have_, body.size - have_, got);
    have_ += got;
    if (result == Got::kNothing) {
      want_wakeup_after(length - have_);
      slow_deadline(have_);
      return false;
    }
    if (result == Got::kEnd) {
      close_now();
      return false;
    }
  }
  want_wakeup_after(1);
  skip_ = 0;
  body_done();
  if (answered()) begin_send();
  return true;
}

bool Connection::read_chunks() {
  size_t most = std::min(wanted_, static_cast<size_t>(front_.options().body_bytes));
  size_t used;
  RequestParser::Event event = parser_.next(unread(), used);
  std::string_view piece = parser_.chunk();
  if (event == RequestParser::Event::kChunk) {
    if (piece.size() > most - have_) {
      fail(Status(Code::kTooLarge, cat("the body has more than the ", most, " bytes allowed")));
    } else {
      if (piece.size() > body.size - have_) {
        grow_body(std::min(most, std::max(2 * body.size, have_ + piece.size())));
      }
      if (!answered()) {
        std::memcpy(body.data + have_, piece.data(), piece.size());
        have_ += piece.size();
      }
    }
  }
  in_begin_ += used;
  if (event == RequestParser::Event::kWrong) {
    reject(parser_.http_status(), parser_.fault());
    return true;
  }
  if (event == RequestParser::Event::kEnd) {
    head.chunked = false;  // nothing is left to skip
    body.size = have_;
    body_done();
  }
  if (answered()) begin_send();
  if (event != RequestParser::Event::kMore || state_ != State::kChunks) return true;
  if (in_end_ - in_begin_ == in_size_) {
    reject(400, Status(Code::kBadInput, "the header of a chunk or the trailer is too long"));
    return true;
  }
  Got got = fill();
  if (got == Got::kEnd) close_now();
  slow_deadline(have_);
  return got == Got::kSome;
}

void Connection::body_done() {
  deadline_ = kNever;
  body.size = have_;
  const std::string& packing = head[Field::kContentEncoding];
  if (body.block && !packing.empty() && !lists("identity", packing)) {
    size_t most = std::min(wanted_, static_cast<size_t>(front_.options().body_bytes));
    if (Status status = inflate(body, most, aligned_); !status.ok()) return fail(status);
    int64_t more = static_cast<int64_t>(body.block->capacity) - reserved_;
    counters_.body_bytes.fetch_add(more, std::memory_order_relaxed);
    reserved_ += more;
  }
  state_ = State::kCall;
  service_->on_body(*this);
}

// --- the call

void Connection::submit(std::shared_ptr<const Pipeline> pipeline, Request request, bool admitted) {
  state_ = State::kCall;
  if (!call_) {
    call_ = new PendingCall(*this, loop_.mailbox(), front_.counters());
  }
  bool ended =
      call_->start(std::move(pipeline), std::move(request), admitted, std::exchange(reserved_, 0));
  if (ended) {
    service_->on_answer(*this, call_->answer());
    return;  // whoever called on_body sends
  }
  waiting_ = true;
}

// Nobody waits for this answer; should the client have closed only its sending half, it is told.
bool Connection::leave_call() {
  counters_.client_left.fetch_add(1, std::memory_order_relaxed);
  std::exchange(call_, nullptr)->abandon();
  waiting_ = false;
  reject(0, Status(Code::kCancelled,
                   "the client closed its end of the connection before the answer "
                   "was there, so the call was cancelled"));
  return true;
}

void Connection::call_ended(Answer& answer) {
  waiting_ = false;
  service_->on_answer(*this, answer);
  begin_send();
  advance();
}

// --- answering

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
  switch (fill()) {
    case Got::kSome:
      return true;
    case Got::kNothing:
      return false;
    case Got::kEnd:
      close_now();
      return false;
  }
  return false;
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

// --- the end

void Connection::end_exchange() {
  in_exchange_ = false;
  if (std::exchange(counted_, false)) front_.leave();
}

void Connection::on_deadline() {
  switch (state_) {
    case State::kHead:
      if (in_exchange_) {
        counters_.too_slow.fetch_add(1, std::memory_order_relaxed);
        reject(kRequestTimeout,
               Status(Code::kDeadline, cat("the request's header was not complete after ",
                                           front_.options().header_time / kMillisecond, " ms")));
        return advance();
      }
      return close_now();
    case State::kBody:
    case State::kChunks: {
      // What has come since is looked at first.
      Nanos before = deadline_;
      readable_ = true;
      advance();
      if ((state_ != State::kBody && state_ != State::kChunks) || deadline_ > before) return;
      counters_.too_slow.fetch_add(1, std::memory_order_relaxed);
      want_wakeup_after(1);
      reject(
          kRequestTimeout,
          Status(Code::kDeadline, cat("the body came too slowly: ", have_, " bytes in ",
                                      (loop_.now() - phase_began_) / kMillisecond, " ms; at least ",
                                      front_.options().least_rate, " bytes a second are needed")));
      return advance();
    }
    case State::kSend:
      counters_.too_slow.fetch_add(1, std::memory_order_relaxed);
      return close_now();
    default:
      return close_now();
  }
}

void Connection::on_stop() {
  if (state_ == State::kHead && !in_exchange_) {
    // A request that is here already is answered with 503.
    advance();
    if (state_ == State::kHead && !in_exchange_) close_now();
  }
}

void Connection::on_halt() {
  if (state_ == State::kCall && waiting_) {
    std::exchange(call_, nullptr)->abandon();
    waiting_ = false;
    reject(0, Status(Code::kUnavailable,
                     "the server shut down before the call had ended, and cancelled it"));
    advance();
  }
  close_now();
}

void Connection::close_now() {
  if (state_ == State::kClosed) return;
  if (call_) std::exchange(call_, nullptr)->abandon();
  if (in_exchange_) {
    if (began != 0) service_->on_end(*this, 0);
    end_exchange();
  }
  counters_.body_bytes.fetch_sub(std::exchange(reserved_, 0), std::memory_order_relaxed);
  reset();
  state_ = State::kClosed;
  deadline_ = kNever;
  close(fd_);
  counters_.open.fetch_sub(1, std::memory_order_relaxed);
  count_.fetch_sub(1, std::memory_order_relaxed);
  loop_.leave(*this);
}

}  // namespace leat
