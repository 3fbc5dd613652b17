// Ends a run of a model from another thread.
//
//   RunStop stop;                                 // one a batch; outlives the run
//   model.run(inputs, outputs, &stop);            // this thread
//   stop.request();                               // any other: the run returns kCancelled soon
//
// Nobody polls: a runtime that can be interrupted puts a Hook in place for as long as it runs, and
// request() calls it. A runtime that cannot simply finishes.
//
// Threads: request() and requested() from any; one Hook at a time.
#pragma once

#include <atomic>
#include <mutex>

namespace leat {

class RunStop {
 public:
  RunStop() = default;
  RunStop(const RunStop&) = delete;
  RunStop& operator=(const RunStop&) = delete;

  // For good: a run that starts later under this object ends at once.
  void request() {
    std::lock_guard lock(mutex_);
    requested_.store(true, std::memory_order_release);
    if (interrupt_) interrupt_(context_);
  }
  bool requested() const { return requested_.load(std::memory_order_acquire); }

  // While it lives, request() calls `interrupt(context)`; a request that came before calls it at
  // once. Once it is gone, `interrupt` is not called and not running any more. `stop` may be null.
  class Hook {
   public:
    Hook(RunStop* stop, void (*interrupt)(void* context), void* context) : stop_(stop) {
      if (!stop_) return;
      std::lock_guard lock(stop_->mutex_);
      stop_->interrupt_ = interrupt;
      stop_->context_ = context;
      if (stop_->requested()) interrupt(context);
    }
    ~Hook() {
      if (!stop_) return;
      std::lock_guard lock(stop_->mutex_);
      stop_->interrupt_ = nullptr;
    }
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;

   private:
    RunStop* stop_;
  };

 private:
  std::atomic<bool> requested_{false};
  std::mutex mutex_;
  void (*interrupt_)(void*) = nullptr;  // guarded by mutex_
  void* context_ = nullptr;             // guarded by mutex_
};

}  // namespace leat
