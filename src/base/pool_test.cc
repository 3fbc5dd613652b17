#include "base/pool.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <optional>

namespace leat {
namespace {

// Has units that are numbers, and writes down in which order all flows' units run.
class Numbers final : public Flow {
 public:
  Numbers(int name, std::vector<int>& log) : name_(name), log_(log) {}
  void add(Pool& pool, uint8_t level, int count, bool renewed = false) {
    pool.add(*this, level, [&] {
      left_ += count;
      if (renewed) Pool::renew(*this);
    });
  }
  void withdraw(Pool& pool) {
    pool.withdraw(*this, [&] { left_ = 0; });
  }
  void* take(bool& more) override {
    more = --left_ > 0;
    return this;
  }
  void run(void*) override { log_.push_back(name_); }

 private:
  const int name_;
  std::vector<int>& log_;
  int left_ = 0;
};

TEST(Pool, PrioritiesBeforeOrderOfArrival) {
  Pool pool(0);
  std::vector<int> log;
  Numbers late(1, log), middle(2, log), urgent(3, log);
  late.add(pool, 7, 2);
  middle.add(pool, 4, 2);
  urgent.add(pool, 0, 2);
  EXPECT_EQ(pool.run_ready(3), 3);
  EXPECT_THAT(log, testing::ElementsAre(3, 3, 2));
  EXPECT_EQ(pool.run_ready(), 3);
  EXPECT_THAT(log, testing::ElementsAre(3, 3, 2, 2, 1, 1));
  EXPECT_EQ(pool.run_ready(), 0);
}

TEST(Pool, SmallFlowsPassLargeOnesAndLargeOnesKeepTheirShare) {
  Pool pool(0);
  std::vector<int> log;
  Numbers large(0, log);
  large.add(pool, 4, 1000);
  pool.run_ready(100);  // it has had much by now
  log.clear();
  std::deque<Numbers> small;
  for (int i = 1; i <= 20; ++i) small.emplace_back(i, log).add(pool, 4, 3);
  pool.run_ready(80);
  // All 60 units of the small ones have run, each flow's in order of arrival, and of every four
  // turns one was the large one's.
  std::vector<int> of_small;
  for (int name : log) {
    if (name > 0) of_small.push_back(name);
  }
  EXPECT_EQ(of_small.size(), 60u);
  EXPECT_EQ(std::ranges::count(log, 0), 20);
  size_t position = 0;
  int turns = 0;
  for (int name : log) {
    if (name == 0) {
      EXPECT_EQ(turns, 3) << "at " << position;
    }
    turns = name == 0 ? 0 : turns + 1;
    ++position;
  }
  pool.run_ready();
  EXPECT_EQ(std::ranges::count(log, 0), 900);
}

TEST(Pool, ARenewedFlowHasHadNothing) {
  Pool pool(0);
  std::vector<int> log;
  Numbers old(0, log), small(1, log);
  old.add(pool, 4, 100);
  pool.run_ready();
  log.clear();
  old.add(pool, 4, 1, true);
  small.add(pool, 4, 8);
  pool.run_ready(4);
  EXPECT_THAT(log, testing::ElementsAre(0, 1, 1, 1));
}

TEST(Pool, WithdrawnFlowsRunNoMore) {
  Pool pool(0);
  std::vector<int> log;
  std::deque<Numbers> flows;
  for (int i = 0; i < 5; ++i) flows.emplace_back(i, log).add(pool, 4, 2);
  for (int i : {4, 0, 2}) flows[static_cast<size_t>(i)].withdraw(pool);
  flows[2].withdraw(pool);  // again: it is not queued
  pool.run_ready();
  std::ranges::sort(log);
  EXPECT_THAT(log, testing::ElementsAre(1, 1, 3, 3));
  flows[4].add(pool, 4, 1);
  EXPECT_EQ(pool.run_ready(), 1);
}

// Counts its units down, from any thread; adds more of itself while it runs.
class Chain final : public Flow {
 public:
  Chain(Pool& pool, int units, std::atomic<int>& running, std::atomic<int>& most)
      : pool_(pool), units_(units), running_(running), most_(most) {}
  void start() {
    pool_.add(*this, 4, [&] { listed_ += 2; });
  }
  void* take(bool& more) override {
    more = --listed_ > 0;
    return this;
  }
  void run(void*) override {
    EXPECT_TRUE(Pool::on_worker());
    int now = ++running_;
    int most = most_.load();
    while (now > most && !most_.compare_exchange_weak(most, now)) {
    }
    --running_;
    int left = --units_;
    if (left > 1) pool_.add(*this, 4, [&] { ++listed_; });
    if (left == 0) {
      done.test_and_set();
      done.notify_all();
    }
  }
  std::atomic_flag done;

 private:
  Pool& pool_;
  int listed_ = 0;  // guarded by the pool's lock
  std::atomic<int> units_;
  std::atomic<int>& running_;
  std::atomic<int>& most_;
};

TEST(Pool, ThreadsRunEveryUnitOnce) {
  std::atomic<int> running{0}, most{0};
  std::deque<std::unique_ptr<Chain>> chains;
  {
    Pool pool(4);
    for (int i = 0; i < 8; ++i) {
      chains.push_back(std::make_unique<Chain>(pool, 1000, running, most));
      chains.back()->start();
    }
    for (auto& chain : chains) chain->done.wait(false);
  }
  EXPECT_LE(most, 4);
  EXPECT_FALSE(Pool::on_worker());
}

TEST(Pool, ReservedThreadsStayIdle) {
  std::atomic<int> running{0}, most{0};
  std::optional<Pool> pool(std::in_place, 4);
  Chain chain(*pool, 2000, running, most);
  pool->reserve(3);
  chain.start();
  chain.done.wait(false);
  EXPECT_EQ(most, 1);
  pool->reserve(-3);
  pool.reset();  // its threads are done with the chain
}

}  // namespace
}  // namespace leat
