// Something that happens once, and one thread that waits for it.
//
// A condition variable would be told under its mutex, since the waiter may take both along, and the
// thread that it wakes would run into that mutex and sleep again. Here the waiter leaves as soon as
// it sees the word, and set() touches it no more but for telling the kernel its address, where at
// worst another thread wakes for nothing.
//
// Threads: one calls set(), once; one calls wait().
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace leat {

class Event {
 public:
  // What was written before is seen after wait().
  void set() {
    std::atomic<uint32_t>* word = &state_;
    if (word->exchange(kSet, std::memory_order_acq_rel) == kSleeps) {
      syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
  }
  void wait() {
    uint32_t state = kNew;
    state_.compare_exchange_strong(state, kSleeps, std::memory_order_acq_rel);
    while (state_.load(std::memory_order_acquire) != kSet) {
      syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, kSleeps, nullptr, nullptr, 0);
    }
  }

 private:
  enum : uint32_t { kNew, kSleeps, kSet };
  std::atomic<uint32_t> state_{kNew};
};

}  // namespace leat
