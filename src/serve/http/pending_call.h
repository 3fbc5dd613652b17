// A call under way on behalf of a connection, which may go away before the call ends: two owners,
// the connection and whoever completes the call, and the last one frees it.
#pragma once

#include <atomic>
#include <memory>

#include "leat/pipeline.h"
#include "serve/http/counters.h"
#include "serve/http/mailbox.h"

namespace leat {

class PendingCall final : public Completion, public Mailbox::Note {
 public:
  // Told on the loop's thread.
  class Owner {
   public:
    virtual void call_ended(Answer& answer) = 0;

   protected:
    ~Owner() = default;
  };

  PendingCall(Owner& owner, std::shared_ptr<Mailbox> mailbox,
              std::shared_ptr<HttpCounters> counters)
      : owner_(&owner), mailbox_(std::move(mailbox)), counters_(std::move(counters)) {}

  // True when it ended inside; then answer() holds what came, and call_ended() is not called.
  // `bytes`: of body memory to give back when the call has ended.
  bool start(std::shared_ptr<const Pipeline> pipeline, Request request, bool admitted,
             int64_t bytes);
  Answer& answer() { return answer_; }
  // The owner goes away or waits no longer: the call is cancelled, and nobody is told. If it is
  // still under way, this object now belongs to it alone, else to nobody: it must not be touched
  // again.
  void abandon();
  // May start() be called again?
  bool idle() const { return !under_way_; }

 private:
  ~PendingCall() override = default;
  void done(Answer& answer) override;
  void arrive() override;
  void finish();
  void drop() {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  Owner* owner_;            // of the loop's thread; null: abandoned
  bool under_way_ = false;  // of the loop's thread
  const std::shared_ptr<Mailbox> mailbox_;
  const std::shared_ptr<HttpCounters> counters_;
  std::atomic<int> refs_{1};
  Ticket ticket_;
  std::shared_ptr<const Pipeline> pipeline_;
  Answer answer_;
  int64_t bytes_ = 0;
};

}  // namespace leat
