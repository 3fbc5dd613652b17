// One I/O thread: waits for sockets, notes and deadlines, and tells whom they concern.
//
// Sockets are registered once, edge-triggered, so that a request costs no more calls than its reads
// and writes and one wait. Deadlines are coarse (kSweep): they bound clients, they do not time
// calls.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "serve/http/mailbox.h"

namespace leat {

class Loop {
 public:
  // Something with a descriptor. Owned by the loop from watch() on, destroyed by it after leave().
  class Watched {
   public:
    virtual ~Watched() = default;
    virtual void on_events(uint32_t events) = 0;  // EPOLLIN, ...
    virtual void on_deadline() {}
    virtual void on_again() {}
    // The loop ends: be quick.
    virtual void on_halt() {}

   protected:
    Nanos deadline_ = kNever;

   private:
    friend class Loop;
    int descriptor_ = -1;
    size_t place_ = 0;
    bool left_ = false;
    bool again_ = false;
  };

  explicit Loop(const Clock& clock);
  ~Loop();

  // On the loop's thread, or before run():
  void watch(std::unique_ptr<Watched> watched, int descriptor, bool edges);
  // Before its descriptor is closed: a process that is just being started may hold that for a
  // moment longer, and it would be heard of still.
  void leave(Watched& watched);
  void again(Watched& watched);  // on_again() after the others have had their turn
  template <typename Act>
  void each(Act act) {  // act may let any of them leave
    for (size_t i = 0; i < watched_.size(); ++i) {
      Watched& watched = *watched_[i];
      act(watched);
      if (watched.left_) --i;  // another stands in its place now
    }
  }
  void halt() { halted_ = true; }
  // When the events that are being handled arrived, which is exact enough for what bounds clients.
  Nanos now() const { return now_; }
  void run();

  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

 private:
  static constexpr Nanos kSweep = 50 * kMillisecond;
  void sweep();
  void finish();
  void bury();

  const Clock& clock_;
  const bool real_time_;
  const int epoll_;
  std::shared_ptr<Mailbox> mailbox_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::vector<std::unique_ptr<Watched>> gone_;
  std::vector<Watched*> again_, again_now_;
  Nanos now_;
  Nanos next_sweep_ = 0;
  size_t untimed_ = 0;  // watched that never have a deadline: listeners
  bool halted_ = false;
};

}  // namespace leat
