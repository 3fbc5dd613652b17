// Threads that work for many flows in turn.
//
// A Flow is something that has units of work ready: a call with its steps, or a model with a batch
// to run. The pool keeps the flows that have work, by priority. Among flows of one priority those
// that have had little so far (kFew units) come first, in order of arrival, which is what keeps
// deadlines under load; the ones that have had much share what is left in turns, and every
// kTurn-th unit is theirs in any case. So a flow with a thousand units cannot hold up a flow
// with three, nor the other way round.
//
// Without threads (tests) run_ready() does the work on the caller.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

namespace leat {

class Flow {
 public:
  // Takes one unit out, under the pool's lock: short, no other locks. Sets `more` if units remain.
  virtual void* take(bool& more) = 0;
  // Runs it, under no lock. The flow may end in it.
  virtual void run(void* unit) = 0;

 protected:
  virtual ~Flow() = default;

 private:
  friend class Pool;
  Flow* next_ = nullptr;
  bool queued_ = false;
  uint8_t level_ = 0;
  uint32_t units_ = 0;  // had so far
};

class Pool {
 public:
  static constexpr int kLevels = 8;  // 0 is the most urgent

  explicit Pool(int threads);  // 0: only run_ready()
  ~Pool();                     // no flow may be queued any more

  // `change` puts units into the flow, under the pool's lock; then the flow is queued.
  template <typename Change>
  void add(Flow& flow, uint8_t level, Change change) {
    bool wake;
    {
      std::lock_guard lock(mutex_);
      change();
      if (flow.queued_) return;
      flow.level_ = level;
      push(flow);
      wake = idle_ > 0 && running_ + reserved_ < threads();
    }
    if (wake) wake_.notify_one();
  }
  // Takes a flow that will get no more units out of the queue, with what it had. `change` empties
  // it, under the lock.
  template <typename Change>
  void withdraw(Flow& flow, Change change) {
    std::lock_guard lock(mutex_);
    change();
    if (flow.queued_) unlink(flow);
  }
  // Makes a flow new again, as if it had had nothing yet. Under the pool's lock, or while not
  // queued.
  static void renew(Flow& flow) { flow.units_ = 0; }

  // While a unit uses `extra` threads of its own beside the one it runs on, as many of the pool's
  // stay idle.
  void reserve(int extra);

  // Flows that wait for a thread. Of the moment: another thread may change it.
  int waiting() const { return queued_.load(std::memory_order_relaxed); }

  int threads() const { return static_cast<int>(threads_.size()); }
  // Runs units on the caller until there are none, or `most`; how many.
  int run_ready(int most = std::numeric_limits<int>::max());
  // True on the pool's own threads.
  static bool on_worker();

 private:
  static constexpr uint32_t kFew = 32;
  static constexpr uint32_t kTurn = 4;
  struct Queue {
    Flow* head = nullptr;
    Flow* tail = nullptr;
  };
  struct Level {
    Queue few, many;
  };

  void work();
  void push(Flow& flow);
  Flow* pop();
  void unlink(Flow& flow);
  Flow* pop(Queue& queue);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::array<Level, kLevels> levels_;  // guarded by mutex_
  std::atomic<int> queued_{0};         // flows in levels_; written under mutex_
  uint32_t turn_ = 0;                  // guarded by mutex_
  int idle_ = 0;                       // guarded by mutex_
  int running_ = 0;                    // guarded by mutex_
  int reserved_ = 0;                   // guarded by mutex_
  bool stop_ = false;                  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace leat
