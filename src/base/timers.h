// Calls that are due at a time: deadlines, and the delay of a batch.
//
// A Timer is embedded in what it belongs to; nothing is allocated for it. With a thread, due timers
// fire on that thread; without one (manual clock) fire_due() is called by the test. A timer's
// callback runs under no lock, and cancel() waits for one that runs just now, so after cancel() (or
// after firing) its memory may go.
//
// The thread sleeps until the earliest time it knew of. Arming a later timer does not wake it, so
// that in the steady state a deadline costs no system call.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace leat {

class Timer {
 public:
  // Runs on the timers' thread. Must be short and must not destroy the Timer itself.
  virtual void fire() = 0;

 protected:
  virtual ~Timer() = default;

 private:
  friend class Timers;
  static constexpr size_t kIdle = static_cast<size_t>(-1);
  size_t position_ = kIdle;  // in the heap
  Nanos due_ = kNever;
};

class Timers {
 public:
  Timers(const Clock& clock, bool with_thread);
  ~Timers();  // every timer must be idle

  // Fires at or soon after `due`. Moves the timer if it is armed already.
  void arm(Timer& timer, Nanos due);
  // The same, but leaves a timer alone that is armed for an earlier time.
  void arm_no_later(Timer& timer, Nanos due);
  // True if it will not fire; false if it has fired or was not armed. Waits while it fires on
  // another thread.
  bool cancel(Timer& timer);
  // Fires everything that is due; the number fired. For engines without a thread.
  int fire_due();

 private:
  void sleep_and_fire();
  void arm(Timer& timer, Nanos due, bool only_earlier);
  void place(size_t position, Timer* timer);
  void sift_up(size_t position);
  void sift_down(size_t position);
  void remove(Timer& timer);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable fired_;
  std::vector<Timer*> heap_;         // earliest first; guarded by mutex_
  Timer* firing_ = nullptr;          // guarded by mutex_
  std::thread::id firing_thread_{};  // guarded by mutex_
  Nanos asleep_until_ = 0;           // guarded by mutex_
  bool stop_ = false;                // guarded by mutex_
  std::thread thread_;
};

}  // namespace leat
