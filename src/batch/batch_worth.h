// How many items a batch had better have, learnt from what batches took.
//
// A batch saves what a run costs whatever its size; it pays for copies, for filling items up to the
// longest, and, on a CPU, for buffers that leave the caches: a model may take half as long again
// for an item in a batch as for one alone. So the time for a unit of work is kept for batches of 1,
// 2, up to 4, up to 8 items and so on, and the cheapest size is the most that a batch gets. The
// others are tried now and then, since inputs and machines change.
//
// Threads: any.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace leat {

class BatchWorth {
 public:
  // `max`: items that a batch may have.
  explicit BatchWorth(int64_t max) : max_(max), top_(size_of(max)) {}

  // A batch of `items`, from joining them to having split the answer, took `took`. `work` says how
  // much there was to do, in any unit: bytes, not counting what items were filled up with. Returns
  // the most items that the next batch should have, 1 to max.
  int64_t measured(int64_t items, int64_t work, Nanos took) {
    if (top_ == 0) return 1;
    std::lock_guard lock(mutex_);
    Cost& cost = costs_[size_of(std::min(items, max_))];
    cost.add(static_cast<double>(took + kStart) / static_cast<double>(std::max<int64_t>(1, work)));
    const size_t best = cheapest();
    const uint32_t pause = turn_ < kEarly ? kTryEarly : kTry;
    return ++turn_ % pause > 0 ? most(best) : most(turn_ / pause % (top_ + 1));
  }

 private:
  static constexpr Nanos kStart = 2 * kMicrosecond;  // what starting a batch costs outside of it
  static constexpr double kGain = 0.95;              // a smaller size must be cheaper than that
  // Batches from one trial to the next; the first ones say which sizes matter.
  static constexpr uint32_t kEarly = 256, kTryEarly = 16, kTry = 64;

  // Of a unit of work, in nanoseconds, smoothed. What slows a run down is mostly no fault of its
  // own: a shorter time counts more than a longer one.
  struct Cost {
    double value = 0;
    bool known = false;
    void add(double latest) {
      if (!known) value = latest;
      known = true;
      value += latest < value ? (latest - value) / 2 : (std::min(latest, 2 * value) - value) / 8;
    }
  };

  static size_t size_of(int64_t items) {
    return static_cast<size_t>(std::bit_width(static_cast<uint64_t>(items - 1)));
  }
  // As long as no size above the cheapest is known, there is none to avoid.
  int64_t most(size_t size) const {
    for (size_t i = size + 1; i <= top_; ++i) {
      if (costs_[i].known) return int64_t{1} << size;
    }
    return max_;
  }
  size_t cheapest() const {
    size_t best = top_ + 1;
    for (size_t i = top_ + 1; i-- > 0;) {
      if (!costs_[i].known) continue;
      if (best > top_ || costs_[i].value < kGain * costs_[best].value) best = i;
    }
    return best;
  }

  const int64_t max_;
  const size_t top_;  // the size of a batch of max_
  std::mutex mutex_;
  std::array<Cost, 64> costs_;  // by size_of(); guarded by mutex_
  uint32_t turn_ = 0;           // guarded by mutex_
};

}  // namespace leat
