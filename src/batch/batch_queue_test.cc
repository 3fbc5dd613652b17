#include "batch/batch_queue.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <random>
#include <thread>

namespace leat {
namespace {

using ::testing::ElementsAre;

struct Item : BatchItem {
  int number = 0;
};

// The rules, done the slow way: one list in order of arrival, and a ring of groups a level.
class NaiveQueue {
 public:
  explicit NaiveQueue(const BatchLimits& limits) : limits_(limits), free_(limits.instances) {}

  bool full() const {
    return limits_.queue_max > 0 && static_cast<int64_t>(inside_.size()) >= limits_.queue_max;
  }
  void push(const BatchItem* item) {
    bool known = false;
    for (const BatchItem* other : inside_) known = known || other->group == item->group;
    inside_.push_back(item);
    if (!known) turns_[item->group->level].push_back(item->group);
  }
  void push_patient(const BatchItem* item) {
    if (full()) {
      outside_.push_back(item);
    } else {
      push(item);
    }
  }
  const BatchItem* oldest() const { return inside_.front(); }
  const BatchItem* push_dropping(const BatchItem* item) {
    const BatchItem* dropped = nullptr;
    if (full()) leave(dropped = inside_.front());
    push(item);
    return dropped;
  }
  std::vector<const BatchItem*> take() {
    std::vector<const BatchItem*> out;
    for (auto& turns : turns_) {
      size_t passed_over = 0;
      while (passed_over < turns.size() && static_cast<int64_t>(out.size()) < limits_.max) {
        const BatchGroup* group = turns.front();
        turns.pop_front();
        turns.push_back(group);
        const BatchItem* head = *std::ranges::find(inside_, group, &BatchItem::group);
        if (!out.empty() && head->shape != out[0]->shape) {
          ++passed_over;
          continue;
        }
        passed_over = 0;
        out.push_back(head);
        leave(head);
        admit();
      }
    }
    return out;
  }
  std::vector<const BatchItem*> remove(const BatchGroup* group) {
    std::vector<const BatchItem*> out;
    for (auto* list : {&inside_, &outside_}) {
      for (const BatchItem* item : *list) {
        if (item->group == group) out.push_back(item);
      }
      std::erase_if(*list, [&](const BatchItem* item) { return item->group == group; });
    }
    std::erase(turns_[group->level], group);
    admit();
    return out;
  }
  int64_t waiting() const { return static_cast<int64_t>(inside_.size()); }
  int64_t all() const { return waiting() + static_cast<int64_t>(outside_.size()); }

  // May a batch start? Asked once for each thing that happens.
  bool start(Nanos now, int expected, int starting) const {
    int64_t left = all() - starting * limits_.max;
    if (free_ == 0 || left <= 0) return false;
    Nanos since = kNever;
    for (const BatchItem* item : inside_) since = std::min(since, item->since);
    return limits_.delay == 0 || left >= limits_.max || expected <= 0 ||
           since + limits_.delay <= now;
  }
  int free_permits() const { return free_; }
  void take_permit() { --free_; }
  void give_permit() { ++free_; }

 private:
  void leave(const BatchItem* item) {
    std::erase(inside_, item);
    const BatchGroup* group = item->group;
    bool more = std::ranges::count(inside_, group, &BatchItem::group) > 0;
    if (!more) std::erase(turns_[group->level], group);
  }
  void admit() {
    while (!outside_.empty() && !full()) {
      const BatchItem* item = outside_.front();
      outside_.erase(outside_.begin());
      push(item);
    }
  }

  const BatchLimits limits_;
  int free_;
  std::vector<const BatchItem*> inside_, outside_;
  std::deque<const BatchGroup*> turns_[BatchQueue::kLevels];
};

TEST(BatchQueue, DoesWhatTheRulesSay) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 dice(seed);
    auto below = [&](uint64_t n) { return static_cast<int>(dice() % n); };
    BatchLimits limits{.max = below(4) + 1,
                       .delay = below(2) * 10,
                       .instances = below(3) + 1,
                       .queue_max = below(2) * (below(6) + 1)};
    BatchQueue queue(limits);
    NaiveQueue naive(limits);
    std::vector<BatchGroup> groups(4);
    for (BatchGroup& group : groups) group.level = static_cast<uint8_t>(below(2) * 3);
    std::deque<Item> items;
    std::vector<BatchItem*> batch(static_cast<size_t>(limits.max));
    int how = below(3);  // when full
    Nanos now = 0;
    int expected = 0, starting = 0, running = 0;
    for (int act = 0; act < 200; ++act) {
      BatchQueue::Next next;
      bool asks = true;
      switch (below(9)) {
        case 0:
        case 1:
        case 2: {
          Item& item = items.emplace_back();
          item.shape = static_cast<uint64_t>(below(2));
          BatchGroup& group = groups[dice() % groups.size()];
          item.group = &group;
          item.since = now;
          bool full = naive.full();
          if (how == 0) {
            ASSERT_EQ(queue.push(item, group, now, next), !full);
            if (!full) naive.push(&item);
            asks = !full;
          } else if (how == 1) {
            queue.push_patient(item, group, now, next);
            naive.push_patient(&item);
          } else {
            const BatchItem* gone = queue.push_dropping(item, group, now, next);
            const BatchItem* wanted = naive.push_dropping(&item);
            ASSERT_EQ(gone == nullptr, wanted == nullptr);
            // Of several equally old any may go; the naive queue holds them in order of arrival.
            if (gone && gone != wanted) {
              ASSERT_EQ(gone->since, wanted->since);
              act = 1000;  // the two have parted
            }
          }
          break;
        }
        case 3:
        case 4: {
          if (starting == 0) continue;
          std::vector<const BatchItem*> wanted = naive.take();
          size_t count = queue.take(batch, now, next);
          --starting;
          if (count > 0) {
            ++running;
          } else {
            naive.give_permit();
          }
          ASSERT_EQ(count, wanted.size());
          for (size_t i = 0; i < count; ++i) ASSERT_EQ(batch[i], wanted[i]);
          break;
        }
        case 5:
          if (running == 0) continue;
          --running;
          naive.give_permit();
          next = queue.done(now);
          break;
        case 6: {
          BatchGroup& group = groups[dice() % groups.size()];
          std::vector<const BatchItem*> wanted = naive.remove(&group);
          const BatchItem* at = queue.remove(group, now, next);
          for (const BatchItem* item : wanted) {
            ASSERT_EQ(at, item);
            at = at->next;
          }
          ASSERT_EQ(at, nullptr);
          break;
        }
        case 7: {
          bool ends = expected > 0 && below(2) == 0;
          expected += ends ? -1 : 1;
          next = queue.expect(ends ? -1 : 1, now);
          asks = ends;
          break;
        }
        default:
          now += below(12);
          next = queue.poll(now);
      }
      if (act >= 1000) break;
      bool start = asks && naive.start(now, expected, starting);
      ASSERT_EQ(next.start, start);
      if (start) {
        naive.take_permit();
        ++starting;
      }
      ASSERT_EQ(queue.waiting(), naive.waiting());
      ASSERT_EQ(queue.busy(), limits.instances - naive.free_permits());
    }
  }
}

TEST(BatchQueue, GroupsOfOneLevelTakeTurns) {
  BatchQueue queue({.max = 4, .instances = 1});
  BatchGroup large, small, urgent;
  large.level = small.level = 2;
  urgent.level = 1;
  std::deque<Item> items(8);
  BatchQueue::Next next;
  int number = 0;
  for (BatchGroup* group : {&large, &large, &large, &large, &small, &small, &urgent}) {
    items[static_cast<size_t>(number)].number = number;
    queue.push(items[static_cast<size_t>(number++)], *group, 0, next);
  }
  std::vector<BatchItem*> batch(4);
  auto numbers = [&] {
    std::vector<int> out;
    size_t count = queue.take(batch, 0, next);
    for (size_t i = 0; i < count; ++i) out.push_back(static_cast<Item*>(batch[i])->number);
    return out;
  };
  EXPECT_THAT(numbers(), ElementsAre(6, 0, 4, 1));
  EXPECT_TRUE(queue.done(0).start);
  EXPECT_THAT(numbers(), ElementsAre(5, 2, 3));
}

TEST(BatchQueue, AloneEveryItemHasItsOwnBatch) {
  BatchQueue queue({.max = 4, .delay = 1000, .instances = 2});
  BatchGroup group;
  std::deque<Item> items(5);
  std::vector<BatchItem*> batch(4);
  BatchQueue::Next next;
  queue.expect(1, 0);
  queue.set_most(1);
  queue.push(items[0], group, 0, next);
  EXPECT_TRUE(next.start);  // full already
  queue.push(items[1], group, 0, next);
  EXPECT_TRUE(next.start);
  for (size_t i = 2; i < 5; ++i) queue.push(items[i], group, 0, next);
  EXPECT_FALSE(next.start);  // no permit is left
  EXPECT_EQ(queue.take(batch, 0, next), 1u);
  EXPECT_TRUE(queue.done(0).start);
  EXPECT_EQ(queue.take(batch, 0, next), 1u);
  queue.set_most(1000);
  EXPECT_EQ(queue.take(batch, 0, next), 3u);
}

TEST(BatchQueue, ThreadsGetEveryItemOnce) {
  constexpr int kThreads = 4, kItems = 2000;
  BatchQueue queue({.max = 3, .instances = 2, .queue_max = 5});
  std::vector<std::vector<Item>> items(kThreads);
  std::vector<BatchGroup> groups(kThreads);
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  std::atomic<int> starts{0};
  auto note = [&](const BatchQueue::Next& next) { starts += next.start ? 1 : 0; };
  for (int t = 0; t < kThreads; ++t) {
    items[static_cast<size_t>(t)].resize(kItems);
    threads.emplace_back([&, t] {
      for (Item& item : items[static_cast<size_t>(t)]) {
        BatchQueue::Next next;
        queue.push_patient(item, groups[static_cast<size_t>(t)], 0, next);
        note(next);
      }
    });
  }
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      std::vector<BatchItem*> batch(3);
      while (taken.load() < kThreads * kItems) {
        int have = starts.load();
        if (have == 0 || !starts.compare_exchange_strong(have, have - 1)) {
          std::this_thread::yield();
          continue;
        }
        BatchQueue::Next next;
        size_t count = queue.take(batch, 0, next);
        note(next);
        queue.set_most(count > 2 ? 1 : 1000);  // now so, now so
        for (size_t i = 0; i < count; ++i) ++static_cast<Item*>(batch[i])->number;
        if (count > 0) note(queue.done(0));
        taken += static_cast<int>(count);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& list : items) {
    for (const Item& item : list) ASSERT_EQ(item.number, 1);
  }
  EXPECT_EQ(queue.waiting(), 0);
}

TEST(BatchQueue, WhereMoreComesAtOnceOnlyAFullBatchStarts) {
  BatchQueue queue({.max = 2, .instances = 4});
  BatchGroup group;
  std::deque<Item> items(3);
  BatchQueue::Next next;
  EXPECT_TRUE(queue.push(items[0], group, 0, next, true));
  EXPECT_FALSE(next.start);
  EXPECT_EQ(next.look_again, kNever);
  EXPECT_TRUE(queue.push(items[1], group, 0, next, true));
  EXPECT_TRUE(next.start);
  EXPECT_TRUE(queue.push(items[2], group, 0, next, true));
  EXPECT_FALSE(next.start);
  EXPECT_TRUE(queue.poll(0).start);
}

}  // namespace
}  // namespace leat
