// Time, injected so that tests of delays and deadlines never sleep.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

namespace leat {

// Nanoseconds on a steady clock. Comparable between processes of one machine.
using Nanos = int64_t;
constexpr Nanos kNever = std::numeric_limits<Nanos>::max();
constexpr Nanos kMicrosecond = 1'000;
constexpr Nanos kMillisecond = 1'000'000;
constexpr Nanos kSecond = 1'000'000'000;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Nanos now() const = 0;
};

class SteadyClock final : public Clock {
 public:
  Nanos now() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  static const SteadyClock& instance() {
    static const auto* clock = new SteadyClock;  // for ever: threads look at it until the very end
    return *clock;
  }
};

// Stands still until a test moves it. Safe to share between threads.
class ManualClock final : public Clock {
 public:
  Nanos now() const override { return now_.load(std::memory_order_acquire); }
  void advance(Nanos by) { now_.fetch_add(by, std::memory_order_acq_rel); }

 private:
  std::atomic<Nanos> now_{kSecond};
};

}  // namespace leat
