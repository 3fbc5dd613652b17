#include "base/pool.h"

#include <cassert>

#include "base/cpu.h"

namespace leat {

namespace {
thread_local bool is_worker = false;
}

bool Pool::on_worker() { return is_worker; }

Pool::Pool(int threads) {
  // The threads read threads_.size(): they start once it is final.
  std::lock_guard lock(mutex_);
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      name_thread("leat-worker");
      is_worker = true;
      work();
    });
  }
}

Pool::~Pool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Pool::push(Flow& flow) {
  Level& level = levels_[flow.level_];
  Queue& queue = flow.units_ < kFew ? level.few : level.many;
  flow.queued_ = true;
  queued_.fetch_add(1, std::memory_order_relaxed);
  flow.next_ = nullptr;
  (queue.head ? queue.tail->next_ : queue.head) = &flow;
  queue.tail = &flow;
}

Flow* Pool::pop(Queue& queue) {
  Flow* flow = queue.head;
  if (flow) {
    queue.head = flow->next_;
    flow->queued_ = false;
    queued_.fetch_sub(1, std::memory_order_relaxed);
  }
  return flow;
}

Flow* Pool::pop() {
  bool many_first = ++turn_ % kTurn == 0;
  for (Level& level : levels_) {
    if (Flow* flow = pop(many_first ? level.many : level.few)) return flow;
    if (Flow* flow = pop(many_first ? level.few : level.many)) return flow;
  }
  return nullptr;
}

void Pool::unlink(Flow& flow) {
  Level& level = levels_[flow.level_];
  for (Queue* queue : {&level.few, &level.many}) {
    Flow* before = nullptr;
    for (Flow* at = queue->head; at; before = at, at = at->next_) {
      if (at != &flow) continue;
      (before ? before->next_ : queue->head) = flow.next_;
      if (queue->tail == &flow) queue->tail = before;
      flow.queued_ = false;
      queued_.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
  }
  assert(false);
}

void Pool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    Flow* flow = running_ + reserved_ < threads() ? pop() : nullptr;
    if (!flow) {
      if (stop_) return;
      ++idle_;
      wake_.wait(lock);
      --idle_;
      continue;
    }
    bool more = false;
    void* unit = flow->take(more);
    ++flow->units_;
    if (more) {
      push(*flow);
      if (idle_ > 0 && running_ + reserved_ + 1 < threads()) wake_.notify_one();
    }
    ++running_;
    lock.unlock();
    flow->run(unit);
    lock.lock();
    --running_;
  }
}

int Pool::run_ready(int most) {
  int count = 0;
  std::unique_lock lock(mutex_);
  while (count < most) {
    Flow* flow = pop();
    if (!flow) break;
    bool more = false;
    void* unit = flow->take(more);
    ++flow->units_;
    if (more) push(*flow);
    lock.unlock();
    flow->run(unit);
    lock.lock();
    ++count;
  }
  return count;
}

void Pool::reserve(int extra) {
  if (extra == 0) return;
  {
    std::lock_guard lock(mutex_);
    reserved_ += extra;
  }
  if (extra < 0) wake_.notify_all();
}

}  // namespace leat
