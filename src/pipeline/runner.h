// A step that has a queue: a model, or an operator with `instances` or `queue`. Steps of equal
// model and options, in whichever pipeline, share one Runner.
//
// A Runner is a flow of the pool: its units are batches that may start. The batches of a step with
// processes of its own are handed to a worker (runner_remote.cc) and carried on by the thread that
// watches the workers.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/pool.h"
#include "base/timers.h"
#include "batch/batch_queue.h"
#include "batch/batch_worth.h"
#include "pipeline/batch_slots.h"
#include "pipeline/frame.h"

namespace leat {

class Executor;
struct BatchMember;
struct BatchTimes;
class RunStop;

class Runner final : public Flow, private Timer, public std::enable_shared_from_this<Runner> {
 public:
  // `step` is one of those that share it; its model and options count.
  Runner(Executor& executor, const Step& step);
  ~Runner();

  BatchQueue& queue() { return queue_; }
  const StepOptions& options() const { return options_; }
  bool has_workers() const { return workers_ != nullptr; }

  // Does what the queue asks for after a change.
  void follow(const BatchQueue::Next& next);
  // A permit was taken for a batch that will run later. Until it has, the Runner lives, even if the
  // calls whose items it was for have ended and their pipeline with them.
  void hold();
  // Runs a batch with the permit that was taken, once for each hold().
  void run_batch();
  // An item that had to make room for a newer one.
  void drop(BatchItem& item);

  // Memory for one item of the next batch.
  Result<Tensor> reserve(DType type, const Shape& item);

  // Asks running batches in which nobody is left waiting to stop.
  void stop_dead_batches();

  // ns of a batch, smoothed; -1: has not run yet.
  Nanos usual_run() const { return usual_run_.load(std::memory_order_relaxed); }
  // The part of it that the thread that starts the batch is busy with.
  Nanos usual_start() const {
    return workers_ ? usual_start_.load(std::memory_order_relaxed) : usual_run();
  }

  // Under the pool's lock. A batch is work of the calls in it, however many there were before.
  void add_start() {
    ++starts_;
    Pool::renew(*this);
  }
  void* take(bool& more) override;
  void run(void* unit) override;

 private:
  struct Batch;
  struct Running;
  class Remote;
  bool itemised() const { return workers_ && !model_; }
  void fire() override;
  void let_go();
  void run_items(std::span<BatchItem* const> items, Nanos begin);
  void send_items(std::span<BatchItem* const> items, Nanos begin);
  void stop_dead_remotes();  // requires running_mutex_
  void sift(std::span<BatchItem* const> taken, Batch& batch);
  void execute(Batch& batch);
  Status run_model(std::span<const BatchMember> members, BatchTimes& times, RunStop& stop);
  void try_again(Batch& batch, RunStop& stop);
  // What a batch took becomes what one usually takes.
  void note_run(Nanos took);
  void carry_on(Batch& batch);
  NodeState* end_member(Batch& batch, size_t index);

  Executor& executor_;
  const StepOptions options_;
  const std::shared_ptr<Model> model_;          // null: an operator, or Python
  const std::shared_ptr<StepWorkers> workers_;  // null: it runs here
  BatchQueue queue_;
  BatchSlots slots_;
  int starts_ = 0;  // batches that may start; guarded by the pool's lock
  std::atomic<Nanos> usual_run_{-1};
  std::atomic<Nanos> usual_start_{-1};
  std::atomic<Nanos> usual_item_{-1};
  std::atomic<int> permits_{0};  // of workers
  BatchWorth batch_worth_;
  std::mutex running_mutex_;
  Running* running_ = nullptr;    // a list; guarded by running_mutex_
  Remote* remote_ = nullptr;      // likewise
  int held_ = 0;                  // guarded by running_mutex_
  std::shared_ptr<Runner> self_;  // while held; guarded by running_mutex_
};

}  // namespace leat
