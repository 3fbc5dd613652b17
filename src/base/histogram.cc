#include "base/histogram.h"

#include <cmath>

namespace leat {

static_assert(Histogram::bucket_of(4) == 4 && Histogram::upper_edge(4) == 4);
static_assert(Histogram::bucket_of(1000) == Histogram::bucket_of(1023));
static_assert(Histogram::upper_edge(Histogram::bucket_of(1000)) == 1023);
static_assert(Histogram::bucket_of((uint64_t{1} << 40) - 1) == Histogram::kBuckets - 1);

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot all;
  for (const Shard& shard : shards_) {
    for (size_t i = 0; i < kBuckets; ++i) {
      uint64_t n = shard.buckets[i].load(std::memory_order_relaxed);
      all.buckets[i] += n;
      all.count += n;
    }
    all.sum += shard.sum.load(std::memory_order_relaxed);
  }
  return all;
}

uint64_t Histogram::Snapshot::quantile(double q) const {
  if (count == 0) return 0;
  auto rank = static_cast<uint64_t>(std::ceil(q * static_cast<double>(count)));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets[i];
    if (seen >= rank && buckets[i] > 0) return upper_edge(i);
  }
  return upper_edge(kBuckets - 1);
}

uint64_t Histogram::Snapshot::at_most(uint64_t value) const {
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets && upper_edge(i) <= value; ++i) seen += buckets[i];
  return seen;
}

}  // namespace leat
