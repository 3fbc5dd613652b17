#include "batch/batch_worth.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace leat {
namespace {

constexpr Nanos us = kMicrosecond;

// The share of items that went in batches of each size, when there are always enough waiting and a
// batch of n takes `cost(n)`.
struct Load {
  BatchWorth worth;
  int64_t most;

  explicit Load(int64_t max) : worth(max), most(max) {}
  // The mean time of an item, over `batches` of them.
  double run(int batches, const std::function<Nanos(int64_t)>& cost, int64_t waiting = 1000) {
    double took = 0, items = 0;
    for (int i = 0; i < batches; ++i) {
      const int64_t n = std::min(most, waiting);
      took += static_cast<double>(cost(n));
      items += static_cast<double>(n);
      most = worth.measured(n, 100 * n, cost(n));
      EXPECT_GE(most, 1);
    }
    return took / items;
  }
};

TEST(BatchWorth, FullBatchesWhereTheySaveTime) {
  Load load(16);
  auto cost = [](int64_t n) { return 100 * us + n * 10 * us; };
  EXPECT_LT(load.run(1000, cost), 1.1 * static_cast<double>(cost(16)) / 16);
}

TEST(BatchWorth, OneByOneWhereBatchesCostMore) {
  Load load(8);
  auto cost = [](int64_t n) { return n == 1 ? 25 * us : n * 36 * us; };
  load.run(300, cost);
  EXPECT_LT(load.run(1000, cost), 26 * us);  // trials cost a little
}

TEST(BatchWorth, TheSizeThatIsCheapest) {
  Load load(32);
  // What is saved by sharing a run, and what is lost where the caches end.
  auto cost = [](int64_t n) { return 100 * us + n * (n <= 4 ? 20 : 60) * us; };
  load.run(300, cost);
  EXPECT_LT(load.run(1000, cost), 1.1 * static_cast<double>(cost(4)) / 4);
}

TEST(BatchWorth, FollowsAChange) {
  Load load(8);
  auto dear = [](int64_t n) { return n == 1 ? 100 * us : n * 200 * us; };
  auto cheap = [](int64_t n) { return 100 * us + n * us; };
  load.run(500, dear);
  EXPECT_EQ(load.most, 1);
  load.run(4000, cheap);
  EXPECT_LT(load.run(1000, cheap), 1.3 * static_cast<double>(cheap(8)) / 8);
}

TEST(BatchWorth, NoiseAloneChangesNothing) {
  Load load(8);
  std::mt19937 random(1);
  std::normal_distribution<double> noise(1, 0.1);
  auto cost = [&](int64_t n) {
    return static_cast<Nanos>(static_cast<double>(50 * us + n * 50 * us) *
                              std::max(0.5, noise(random)));
  };
  EXPECT_LT(load.run(5000, cost), 1.05 * (50.0 / 8 + 50) * us);
}

TEST(BatchWorth, AShortRunHasWhatStartingCostsOnTop) {
  Load load(4);
  load.run(100, [](int64_t n) { return n * us; });
  EXPECT_LT(load.run(1000, [](int64_t) { return us; }), 0.3 * us);
}

TEST(BatchWorth, WhatDoesNotComeTogetherIsNotHeldBack) {
  // Only up to three items wait: larger batches stay allowed, and are never seen.
  Load load(16);
  load.run(
      500, [](int64_t n) { return 100 * us + n * us; }, 3);
  EXPECT_GE(load.most, 3);
  // Nor is a large size kept that was never better.
  load.run(
      2000, [](int64_t n) { return n == 1 ? 10 * us : n * 20 * us; }, 3);
  int alone = 0;
  for (int i = 0; i < 160; ++i) {
    load.run(
        1, [](int64_t n) { return n == 1 ? 10 * us : n * 20 * us; }, 3);
    alone += load.most == 1;
  }
  EXPECT_GT(alone, 150);
}

TEST(BatchWorth, AMaximumOfOne) {
  BatchWorth worth(1);
  EXPECT_EQ(worth.measured(1, 0, 0), 1);
}

TEST(BatchWorth, NoWorkAndNoTime) {
  BatchWorth worth(4);
  for (int i = 0; i < 100; ++i) EXPECT_GE(worth.measured(1 + i % 4, 0, 0), 1);
}

}  // namespace
}  // namespace leat
