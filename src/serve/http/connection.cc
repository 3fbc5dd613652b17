#include "serve/http/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cassert>

#include "base/text.h"
#include "serve/http/front.h"
#include "serve/status_codes.h"

namespace leat {

namespace {

constexpr int kTurns = 32;  // exchanges in one go, before others have theirs

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
  loop_.leave(*this);
  close(fd_);
  counters_.open.fetch_sub(1, std::memory_order_relaxed);
  count_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace leat
