#include "base/timers.h"

#include <cassert>

#include "base/cpu.h"

namespace leat {

Timers::Timers(const Clock& clock, bool with_thread) : clock_(clock) {
  heap_.reserve(1024);
  if (with_thread) {
    thread_ = std::thread([this] {
      name_thread("leat-timers");
      sleep_and_fire();
    });
  }
}

Timers::~Timers() {
  {
    std::lock_guard lock(mutex_);
    assert(heap_.empty());
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Timers::arm(Timer& timer, Nanos due) { arm(timer, due, false); }

void Timers::arm_no_later(Timer& timer, Nanos due) { arm(timer, due, true); }

void Timers::arm(Timer& timer, Nanos due, bool only_earlier) {
  bool wake;
  {
    std::lock_guard lock(mutex_);
    if (only_earlier && timer.position_ != Timer::kIdle && timer.due_ <= due) return;
    timer.due_ = due;
    if (timer.position_ == Timer::kIdle) {
      heap_.push_back(&timer);
      timer.position_ = heap_.size() - 1;
    }
    sift_up(timer.position_);
    sift_down(timer.position_);
    wake = due < asleep_until_;
    if (wake) asleep_until_ = due;
  }
  if (wake) wake_.notify_one();
}

bool Timers::cancel(Timer& timer) {
  std::unique_lock lock(mutex_);
  if (timer.position_ != Timer::kIdle) {
    remove(timer);
    return true;
  }
  if (firing_thread_ == std::this_thread::get_id()) return false;
  fired_.wait(lock, [&] { return firing_ != &timer; });
  if (timer.position_ == Timer::kIdle) return false;
  remove(timer);  // it has armed itself again
  return true;
}

int Timers::fire_due() {
  int count = 0;
  std::unique_lock lock(mutex_);
  while (!heap_.empty() && heap_.front()->due_ <= clock_.now()) {
    Timer* timer = heap_.front();
    remove(*timer);
    firing_ = timer;
    firing_thread_ = std::this_thread::get_id();
    lock.unlock();
    timer->fire();
    lock.lock();
    firing_ = nullptr;
    firing_thread_ = {};
    fired_.notify_all();
    ++count;
  }
  return count;
}

void Timers::sleep_and_fire() {
  while (true) {
    fire_due();
    std::unique_lock lock(mutex_);
    if (stop_) return;
    Nanos now = clock_.now();
    asleep_until_ = heap_.empty() ? kNever : heap_.front()->due_;
    if (asleep_until_ == kNever) {
      wake_.wait(lock);
    } else if (asleep_until_ > now) {
      wake_.wait_for(lock, std::chrono::nanoseconds(asleep_until_ - now));
    }
    asleep_until_ = 0;  // awake: whoever arms a timer now need not notify
  }
}

void Timers::place(size_t position, Timer* timer) {
  heap_[position] = timer;
  timer->position_ = position;
}

void Timers::sift_up(size_t position) {
  Timer* timer = heap_[position];
  while (position > 0) {
    size_t parent = (position - 1) / 2;
    if (heap_[parent]->due_ <= timer->due_) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, timer);
}

void Timers::sift_down(size_t position) {
  Timer* timer = heap_[position];
  while (true) {
    size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) ++child;
    if (timer->due_ <= heap_[child]->due_) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, timer);
}

void Timers::remove(Timer& timer) {
  size_t position = timer.position_;
  timer.position_ = Timer::kIdle;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(position, last);
  sift_up(position);
  sift_down(last->position_);
}

}  // namespace leat
