// Reading a request: head, body, chunks.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "serve/http/connection.h"
#include "serve/http/front.h"
#include "serve/http/inflate.h"
#include "serve/status_codes.h"

namespace leat {

namespace {

constexpr size_t kFirstBody = 1 << 20;  // memory that an announced length gets before bytes come
constexpr size_t kFirstChunks = 64 << 10;
constexpr size_t kWorthWaiting = 64 << 10;  // a rest this long is not looked at piece by piece
constexpr size_t kMostLowWater = 512 << 10;

}  // namespace

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
  return fill_or_close();
}

bool Connection::fill_or_close() {
  Got got = fill();
  if (got == Got::kEnd) close_now();
  return got == Got::kSome;
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

}  // namespace leat
