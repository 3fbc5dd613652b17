// Joins waiting items into batches: knows no model, only shapes, turns and permits.
//
// Items wait in groups, one a call, and the groups of one priority take turns: a batch takes one
// item from each group after the other, so that a call with a thousand items shares batches with a
// call that has one. An instance is a permit to run one batch. A batch starts when a permit is free
// and `max` items wait, or the oldest has waited `delay`, or nobody can bring another item.
//
// Batch b of the items i1..in has the shape [n, item shape...]: see model/model.h.
//
// Threads: all of it may be used from any thread; one lock, held for a few pointer moves.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

#include "base/clock.h"

namespace leat {

class BatchGroup;

// Embedded in whatever waits.
struct BatchItem {
  BatchItem* next = nullptr;
  BatchGroup* group = nullptr;
  uint64_t shape =
      0;            // only items with equal numbers join; a hash of everything that must be equal
  Nanos since = 0;  // when it began to wait
};

// The items of one call. Embedded in the call; outlives its items' time in the queue.
class BatchGroup {
 public:
  uint8_t level = 0;  // priority, 0 the most urgent; set before the first push

 private:
  friend class BatchQueue;
  BatchItem* head_ = nullptr;
  BatchItem* tail_ = nullptr;
  BatchGroup* next_ = nullptr;  // in its level's ring, while it has items
  BatchGroup* before_ = nullptr;
};

struct BatchLimits {
  int64_t max = 1;        // items in a batch
  Nanos delay = 0;        // that the oldest item may be held for company
  int instances = 1;      // batches at once
  int64_t queue_max = 0;  // items waiting; 0: no bound
  bool shared = false;    // what waits is shared out among the permits that are free
};

class BatchQueue {
 public:
  static constexpr int kLevels = 8;

  explicit BatchQueue(const BatchLimits& limits)
      : limits_(limits), instances_(limits.instances), free_(limits.instances) {}

  // What to do after a change. `start`: a permit has been taken for the caller, who must see to it
  // that take() is called once. `look_again`: call poll() at that time; kNever: need not.
  struct Next {
    bool start = false;
    Nanos look_again = kNever;
  };

  // False if the queue is full: the item was not taken. `more`: others come at once, and then
  // poll(), so that only a full batch starts now.
  bool push(BatchItem& item, BatchGroup& group, Nanos now, Next& next, bool more = false);
  // As push() on a full queue with drop_oldest: the item that waited longest makes room and is
  // returned (null if there was room).
  BatchItem* push_dropping(BatchItem& item, BatchGroup& group, Nanos now, Next& next,
                           bool more = false);

  // As push(), but an item for which there is no room waits outside, and enters in the order of
  // arrival as others leave.
  void push_patient(BatchItem& item, BatchGroup& group, Nanos now, Next& next, bool more = false);

  // With a permit, once for each `start`: the items of the next batch, at most limits().max, all of
  // one shape, into `out` (which has that room). 0: there was nothing to run, and the permit has
  // been given back.
  size_t take(std::span<BatchItem*> out, Nanos now, Next& next);
  // Gives a permit back after a batch.
  Next done(Nanos now);
  // Time has passed, or arrivals have ended.
  Next poll(Nanos now);

  // Takes all items of a group out, those outside too; their list (linked by next).
  BatchItem* remove(BatchGroup& group, Nanos now, Next& next);

  // A call that may still bring items here has come (+1) or can no longer (-1).
  Next expect(int by, Nanos now);

  // Batches of so many items at most from here on, if that is less than limits().max. What starts
  // already may be as before.
  void set_most(int64_t most) { most_.store(most, std::memory_order_relaxed); }

  // There are so many permits from here on: at least as many as before.
  Next set_instances(int instances, Nanos now);

  const BatchLimits& limits() const { return limits_; }  // `instances`: at first
  int64_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  int busy() const { return busy_.load(std::memory_order_relaxed); }

 private:
  struct Ring {
    BatchGroup* head = nullptr;  // whose turn it is
  };
  void append(BatchItem& item, BatchGroup& group, Nanos now);
  void enqueue(BatchItem& item);
  BatchItem* pop(BatchGroup& group);  // its head; leaves the ring when it was the last
  void enter(BatchGroup& group);
  void leave(BatchGroup& group);
  bool full() const { return limits_.queue_max > 0 && waiting() >= limits_.queue_max; }
  void admit();  // those outside, while there is room
  Nanos oldest() const;
  int64_t most() const { return std::min(limits_.max, most_.load(std::memory_order_relaxed)); }
  Next decide(Nanos now, bool more = false);

  const BatchLimits limits_;
  std::mutex mutex_;
  std::array<Ring, kLevels> rings_;    // guarded by mutex_
  BatchItem* outside_head_ = nullptr;  // guarded by mutex_, as are the next two
  BatchItem* outside_tail_ = nullptr;
  int64_t outside_ = 0;
  int instances_;         // permits there are; guarded by mutex_
  int free_;              // of them; guarded by mutex_
  int64_t starting_ = 0;  // permits given whose take() is to come; guarded by mutex_
  int64_t expected_ = 0;  // guarded by mutex_
  std::atomic<int64_t> most_{INT64_MAX};
  std::atomic<int64_t> waiting_{0};  // written under mutex_
  std::atomic<int> busy_{0};         // permits taken; written under mutex_
};

}  // namespace leat
