// Whether joining items into batches is worth its copies.
//
// Joining copies what was not built in place, and saves at most the run of an item. Where a run
// takes hardly longer than the copy (a model that adds two pictures), a batch costs more than it
// can give. What a copy cost is forgotten slowly, so that it is measured anew from time to time.
//
// Threads: any; of two that measure at once one may be lost.
#pragma once

#include <algorithm>
#include <atomic>

#include "base/clock.h"

namespace leat {

class JoinWorth {
 public:
  // A batch of `items` took `join` to be put together and `run` to be run. True: items had better
  // run one by one.
  bool measured(int64_t items, Nanos join, Nanos run) {
    // One that was interrupted says little: what is far from usual counts no more than what is not.
    const Nanos most = 2 * copy_.load(std::memory_order_relaxed) + kNegligible;
    Nanos copy =
        items > 1 ? approach(copy_, std::min(join / items, most), 8) : approach(copy_, 0, 1024);
    return approach(run_, run / items, 8) < 2 * copy && copy > kNegligible;
  }

 private:
  static constexpr Nanos kNegligible = 20 * kMicrosecond;
  static Nanos approach(std::atomic<Nanos>& usual, Nanos latest, Nanos part) {
    Nanos now = usual.load(std::memory_order_relaxed);
    now += (latest - now) / part;
    usual.store(now, std::memory_order_relaxed);
    return now;
  }
  std::atomic<Nanos> copy_{0}, run_{0};  // of an item, smoothed
};

}  // namespace leat
