// Counters and histograms that many threads write and few read.
//
// Writers add to one of kShards shards, picked by thread, without ever waiting; a reader sums the
// shards. A histogram's buckets are logarithmic, four to each doubling, so a quantile is right
// within 19% of its value at worst and memory is fixed.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "base/cpu.h"

namespace leat {

constexpr size_t kShards = 8;

class Counter {
 public:
  void add(uint64_t by = 1) {
    shards_[thread_number() % kShards].value.fetch_add(by, std::memory_order_relaxed);
  }
  uint64_t total() const {
    uint64_t sum = 0;
    for (const Shard& shard : shards_) sum += shard.value.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) Shard {
    std::atomic<uint64_t> value{0};
  };
  std::array<Shard, kShards> shards_;
};

// Of non-negative numbers below 2^40: nanoseconds up to 18 minutes, or sizes.
class Histogram {
 public:
  static constexpr size_t kBuckets = 4 * 39;

  void add(int64_t value) {
    uint64_t v = value < 0 ? 0 : static_cast<uint64_t>(value);
    Shard& shard = shards_[thread_number() % kShards];
    shard.buckets[bucket_of(v)].fetch_add(1, std::memory_order_relaxed);
    shard.sum.fetch_add(v, std::memory_order_relaxed);
  }

  struct Snapshot {
    std::array<uint64_t, kBuckets> buckets{};
    uint64_t count = 0;
    uint64_t sum = 0;
    // The upper edge of the bucket that holds quantile q (0..1); 0 when nothing was added.
    uint64_t quantile(double q) const;
    // How many were at most `value`, by whole buckets.
    uint64_t at_most(uint64_t value) const;
  };
  Snapshot snapshot() const;

  // Values 0..3 have a bucket each; then four to each doubling.
  static constexpr size_t bucket_of(uint64_t v) {
    if (v < 4) return static_cast<size_t>(v);
    int log = std::bit_width(v) - 1;
    if (log > 39) return kBuckets - 1;
    return static_cast<size_t>(4 * (log - 1)) + ((v >> (log - 2)) & 3);
  }
  // The largest value that falls into the bucket.
  static constexpr uint64_t upper_edge(size_t bucket) {
    if (bucket < 4) return bucket;
    size_t log = bucket / 4 + 1;
    return ((uint64_t{5} + bucket % 4) << (log - 2)) - 1;
  }

 private:
  struct alignas(64) Shard {
    std::array<std::atomic<uint64_t>, kBuckets> buckets{};
    std::atomic<uint64_t> sum{0};
  };
  std::array<Shard, kShards> shards_;
};

}  // namespace leat
