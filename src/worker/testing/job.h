// A job that can be waited for.
#pragma once

#include <condition_variable>
#include <mutex>

#include "worker/worker_pool.h"

namespace leat {

class Job final : public WorkerJob {
 public:
  void done(WorkerOutcome& outcome) override {
    std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    ended_ = true;
    changed_.notify_all();
  }
  WorkerOutcome& wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_; });
    return outcome_;
  }
  bool ended() {
    std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  WorkerOutcome outcome_;
};

}  // namespace leat
