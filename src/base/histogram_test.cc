#include "base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

namespace leat {
namespace {

TEST(Histogram, BucketsFollowOneAnotherWithoutGaps) {
  uint64_t next = 0;  // the smallest value that no bucket so far holds
  for (size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    uint64_t edge = Histogram::upper_edge(bucket);
    ASSERT_GE(edge, next) << bucket;
    for (uint64_t value : {next, (next + edge) / 2, edge}) {
      ASSERT_EQ(Histogram::bucket_of(value), bucket) << value;
    }
    // Fine enough: no value stands for one more than a quarter larger.
    ASSERT_LE(edge - next, next / 4) << bucket;
    next = edge + 1;
  }
  EXPECT_EQ(Histogram::bucket_of(next), Histogram::kBuckets - 1);
  EXPECT_EQ(Histogram::bucket_of(~uint64_t{0}), Histogram::kBuckets - 1);
}

TEST(Histogram, QuantilesAreThoseOfTheSortedValues) {
  std::mt19937_64 dice(5);
  for (int round = 0; round < 20; ++round) {
    Histogram histogram;
    std::vector<uint64_t> values;
    uint64_t sum = 0;
    for (int i = 0; i < 500; ++i) {
      values.push_back(dice() >> (26 + dice() % 38));
      histogram.add(static_cast<int64_t>(values.back()));
      sum += values.back();
    }
    std::ranges::sort(values);
    Histogram::Snapshot seen = histogram.snapshot();
    EXPECT_EQ(seen.count, values.size());
    EXPECT_EQ(seen.sum, sum);
    for (double q : {0.01, 0.5, 0.9, 0.99, 1.0}) {
      auto rank = static_cast<size_t>(std::ceil(q * 500));
      uint64_t value = values[rank - 1];
      EXPECT_EQ(seen.quantile(q), Histogram::upper_edge(Histogram::bucket_of(value))) << q;
    }
    uint64_t edge = Histogram::upper_edge(60);
    auto below = std::ranges::count_if(values, [&](uint64_t value) { return value <= edge; });
    EXPECT_EQ(seen.at_most(edge), static_cast<uint64_t>(below));
  }
}

TEST(Histogram, NothingAndNegative) {
  Histogram histogram;
  EXPECT_EQ(histogram.snapshot().quantile(0.5), 0u);
  histogram.add(-5);  // a clock that went back
  EXPECT_EQ(histogram.snapshot().count, 1u);
  EXPECT_EQ(histogram.snapshot().sum, 0u);
}

TEST(Counter, ThreadsLoseNothing) {
  Counter counter;
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10'000; ++k) {
        counter.add(2);
        histogram.add(k);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.total(), 80'000u);
  EXPECT_EQ(histogram.snapshot().count, 40'000u);
}

}  // namespace
}  // namespace leat
