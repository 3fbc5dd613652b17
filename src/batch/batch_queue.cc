#include "batch/batch_queue.h"

#include <algorithm>
#include <cassert>

namespace leat {

void BatchQueue::enter(BatchGroup& group) {
  Ring& ring = rings_[group.level];
  if (!ring.head) {
    ring.head = group.next_ = group.before_ = &group;
    return;
  }
  // Just behind everybody whose turn comes first.
  group.next_ = ring.head;
  group.before_ = ring.head->before_;
  group.before_->next_ = &group;
  ring.head->before_ = &group;
}

void BatchQueue::leave(BatchGroup& group) {
  Ring& ring = rings_[group.level];
  if (group.next_ == &group) {
    ring.head = nullptr;
  } else {
    group.before_->next_ = group.next_;
    group.next_->before_ = group.before_;
    if (ring.head == &group) ring.head = group.next_;
  }
  group.next_ = group.before_ = nullptr;
}

void BatchQueue::append(BatchItem& item, BatchGroup& group, Nanos now) {
  item.next = nullptr;
  item.group = &group;
  item.since = now;
  enqueue(item);
}

void BatchQueue::enqueue(BatchItem& item) {
  BatchGroup& group = *item.group;
  if (group.head_) {
    group.tail_->next = &item;
  } else {
    group.head_ = &item;
    enter(group);
  }
  group.tail_ = &item;
  waiting_.store(waiting() + 1, std::memory_order_relaxed);
}

BatchItem* BatchQueue::pop(BatchGroup& group) {
  BatchItem* item = group.head_;
  group.head_ = item->next;
  item->next = nullptr;
  if (!group.head_) leave(group);
  waiting_.store(waiting() - 1, std::memory_order_relaxed);
  return item;
}

void BatchQueue::admit() {
  while (outside_head_ && !full()) {
    BatchItem& item = *outside_head_;
    outside_head_ = item.next;
    --outside_;
    item.next = nullptr;
    enqueue(item);
  }
}

// Within a group the head is the oldest, and whoever waits outside came later than all inside: so
// it is enough to look at one item a group.
Nanos BatchQueue::oldest() const {
  Nanos since = kNever;
  for (const Ring& ring : rings_) {
    if (!ring.head) continue;
    const BatchGroup* group = ring.head;
    do {
      since = std::min(since, group->head_->since);
      group = group->next_;
    } while (group != ring.head);
  }
  return since;
}

BatchQueue::Next BatchQueue::decide(Nanos now, bool more) {
  Next next;
  // What the batches that are just starting will take is as good as gone.
  int64_t left = waiting() + outside_ - starting_ * most();
  if (free_ == 0 || left <= 0) return next;
  bool start = left >= most() || (!more && (limits_.delay == 0 || expected_ <= 0));
  if (!start && !more) {
    Nanos due = oldest() + limits_.delay;
    start = due <= now;
    next.look_again = due;
  }
  if (start) {
    --free_;
    ++starting_;
    busy_.store(instances_ - free_, std::memory_order_relaxed);
    next = {.start = true, .look_again = kNever};
  }
  return next;
}

bool BatchQueue::push(BatchItem& item, BatchGroup& group, Nanos now, Next& next, bool more) {
  std::lock_guard lock(mutex_);
  if (full()) return false;
  append(item, group, now);
  next = decide(now, more);
  return true;
}

BatchItem* BatchQueue::push_dropping(BatchItem& item, BatchGroup& group, Nanos now, Next& next,
                                     bool more) {
  std::lock_guard lock(mutex_);
  BatchItem* dropped = nullptr;
  if (full()) {
    BatchGroup* oldest_group = nullptr;
    for (Ring& ring : rings_) {
      if (!ring.head) continue;
      BatchGroup* at = ring.head;
      do {
        if (!oldest_group || at->head_->since < oldest_group->head_->since) oldest_group = at;
        at = at->next_;
      } while (at != ring.head);
    }
    dropped = pop(*oldest_group);
  }
  append(item, group, now);
  next = decide(now, more);
  return dropped;
}

void BatchQueue::push_patient(BatchItem& item, BatchGroup& group, Nanos now, Next& next,
                              bool more) {
  std::lock_guard lock(mutex_);
  if (full()) {
    item.next = nullptr;
    item.group = &group;
    item.since = now;
    (outside_head_ ? outside_tail_->next : outside_head_) = &item;
    outside_tail_ = &item;
    ++outside_;
  } else {
    append(item, group, now);
  }
  next = decide(now, more);
}

size_t BatchQueue::take(std::span<BatchItem*> out, Nanos now, Next& next) {
  assert(static_cast<int64_t>(out.size()) >= limits_.max);
  std::lock_guard lock(mutex_);
  --starting_;
  int64_t most = this->most();
  if (limits_.shared) {
    const int64_t takers = 1 + starting_ + free_;
    most = std::clamp<int64_t>((waiting() + takers - 1) / takers, 1, most);
  }
  size_t count = 0;
  for (Ring& ring : rings_) {
    // One item from each group in turn, until the batch is full or a whole round gave nothing.
    // Those that were passed over are the first the next time.
    const BatchGroup* passed_over = nullptr;
    while (ring.head && ring.head != passed_over && count < static_cast<size_t>(most)) {
      BatchGroup& group = *ring.head;
      if (count > 0 && group.head_->shape != out[0]->shape) {
        if (!passed_over) passed_over = &group;
        ring.head = group.next_;
        continue;
      }
      passed_over = nullptr;
      ring.head = group.next_;
      out[count++] = pop(group);
      admit();
    }
  }
  if (count == 0) {
    ++free_;
    busy_.store(instances_ - free_, std::memory_order_relaxed);
  }
  next = decide(now);
  return count;
}

BatchQueue::Next BatchQueue::done(Nanos now) {
  std::lock_guard lock(mutex_);
  ++free_;
  busy_.store(instances_ - free_, std::memory_order_relaxed);
  return decide(now);
}

BatchQueue::Next BatchQueue::set_instances(int instances, Nanos now) {
  std::lock_guard lock(mutex_);
  free_ += std::max(0, instances - instances_);
  instances_ = std::max(instances, instances_);
  return decide(now);
}

BatchQueue::Next BatchQueue::poll(Nanos now) {
  std::lock_guard lock(mutex_);
  return decide(now);
}

BatchItem* BatchQueue::remove(BatchGroup& group, Nanos now, Next& next) {
  std::lock_guard lock(mutex_);
  BatchItem* items = group.head_;
  BatchItem* last = group.tail_;
  int64_t count = 0;
  for (BatchItem* item = items; item; item = item->next) ++count;
  if (items) leave(group);
  group.head_ = group.tail_ = nullptr;
  waiting_.store(waiting() - count, std::memory_order_relaxed);
  BatchItem* stays = nullptr;
  for (BatchItem* item = outside_head_; item;) {
    BatchItem* after = item->next;
    item->next = nullptr;
    if (item->group == &group) {
      (items ? last->next : items) = item;
      last = item;
      --outside_;
    } else {
      (stays ? outside_tail_->next : stays) = item;
      outside_tail_ = item;
    }
    item = after;
  }
  outside_head_ = stays;
  admit();
  next = decide(now);
  return items;
}

BatchQueue::Next BatchQueue::expect(int by, Nanos now) {
  std::lock_guard lock(mutex_);
  expected_ += by;
  return by < 0 ? decide(now) : Next{};
}

}  // namespace leat
