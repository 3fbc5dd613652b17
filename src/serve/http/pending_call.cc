#include "serve/http/pending_call.h"

namespace leat {

namespace {
// The call that this thread is handing over right now, and whether it has ended meanwhile.
thread_local const void* handing_over = nullptr;
thread_local bool ended_inside = false;
}  // namespace

bool PendingCall::start(std::shared_ptr<const Pipeline> pipeline, Request request, bool admitted,
                        int64_t bytes) {
  pipeline_ = std::move(pipeline);
  bytes_ = bytes;
  under_way_ = true;
  refs_.fetch_add(1, std::memory_order_relaxed);
  handing_over = this;
  ended_inside = false;
  ticket_ = pipeline_->submit(std::move(request), *this, admitted);
  handing_over = nullptr;
  if (!ended_inside) return false;
  finish();
  drop();
  return true;
}

void PendingCall::done(Answer& answer) {
  answer_ = std::move(answer);
  if (handing_over == this) {
    ended_inside = true;
  } else if (!mailbox_->post(*this)) {
    counters_->body_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
    drop();  // the loop has gone
  }
}

void PendingCall::arrive() {
  finish();
  if (owner_) owner_->call_ended(answer_);
  drop();
}

void PendingCall::finish() {
  under_way_ = false;
  ticket_ = Ticket();
  pipeline_.reset();
  counters_->body_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
}

void PendingCall::abandon() {
  owner_ = nullptr;
  if (under_way_) ticket_.cancel();
  drop();
}

}  // namespace leat
