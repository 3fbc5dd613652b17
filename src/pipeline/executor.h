// Runs calls: follows the edges of a linked plan, on the thread that is there.
//
// Run to completion. The thread that ended a node goes on with one that the end made ready; the
// others go to the call's own list, and the pool's threads take from the lists of all calls in turn
// (base/pool.h). A thread that is not the pool's (I/O, a caller) goes on only with steps known to
// be short, and leaves the others to the pool.
//
// Life of a call. `active` counts the units of work that are running, listed or waiting in a queue;
// when it falls to zero the call is over. Whoever comes first answers: the end, a failure, the
// deadline, a cancellation. After an answer that is no success nothing new is started: what waits
// is taken out of the queues, what runs is let go to its end, and then the memory goes.
//
// Threads: everything here may be used from any thread. With `threads` 0 nothing happens by itself:
// a test calls work() and moves the clock.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/pool.h"
#include "base/timers.h"
#include "leat/pipeline.h"
#include "pipeline/admission.h"
#include "pipeline/frame.h"
#include "pipeline/link.h"
#include "pipeline/metrics.h"
#include "pipeline/runner.h"

namespace leat {

class Executor;

// What the calls of one pipeline share.
struct CallSite {
  CallSite(Executor& on, std::unique_ptr<Linked> of)
      : executor(&on), linked(std::move(of)), metrics(*linked->plan) {}
  Executor* const executor;
  const std::unique_ptr<const Linked> linked;
  PipelineMetrics metrics;
  Admission::Site admission;

  const Plan& plan() const { return *linked->plan; }
};

class Call final : public Flow, public Ticket::Call {
 public:
  // A call starts with two references: the run's and the ticket's. The ticket must go before the
  // executor.
  static Call* make(std::shared_ptr<CallSite> site);

  // `inputs`: checked, with defaults filled in; swapped away. `items`: of a batched pipeline.
  void start(std::vector<Value>& inputs, int64_t items, const CallOptions& options,
             Completion& completion);
  void cancel() override;
  void drop() override;  // the ticket's reference

  bool dead() const { return dead_.load(std::memory_order_acquire); }
  // Ends the call with `status` unless it has been answered. Any thread.
  void kill(Status status);

  CallSite& site() { return *site_; }
  BatchGroup& group(int index) { return groups_[static_cast<size_t>(index)]; }

  // -- for whoever runs its nodes ------------------------------------------------------------
  void begin_unit(int64_t count = 1) { active_.fetch_add(count, std::memory_order_relaxed); }
  void end_unit(int64_t count = 1);
  // A reference on a call that may be ending: false if it has ended.
  bool try_begin_unit();

  // Lists a ready node for the pool (the caller has counted its unit).
  void list(NodeState& node);
  // The node is over, done or skipped: tells the others. One of those that became ready is
  // returned for the same thread to go on with, and takes over the caller's unit; the rest is
  // listed. Null: the caller's unit has been ended.
  NodeState* end_node(NodeState& node, Nanos now);
  // A step failed on this item: fails the call or not, as the step's on_error says; the node then
  // still has to be ended.
  void fail_step(NodeState& node, Status status);
  // `what` failed in this frame: fails the call, with a message that says where.
  void fail(const Frame& frame, std::string_view what, const Status& why);
  void trace(const NodeState& node, Nanos begin, Nanos end, int64_t batch);
  // An item of group `index` has come, or will not.
  void arrived(int index, int64_t count = 1);
  void spent(Nanos cpu);  // so much of the expected work is done
  // A step that usually takes `usual` is about to begin: false if there is no time left for it, and
  // then the call has been killed.
  bool may_begin(Nanos now, Nanos usual);

  void* take(bool& more) override;
  void run(void* unit) override;

 private:
  friend class Executor;
  Call() = default;
  ~Call() = default;

  // One more reference, unless the last is just going.
  bool hold();
  void release();
  void finish();
  void answer(Status status, Nanos now);
  Status collect_outputs();
  void clear_frames();

  // Nodes that become ready one after another: the first is kept for this thread.
  struct Found {
    Nanos now;
    NodeState* first = nullptr;
  };
  Result<LoopRun*> make_rows(const LinkedScope& scope, Frame* around, int64_t rows);
  void start_rows(LoopRun& loop, int64_t from);
  bool join_rows(LoopRun& loop);
  void ready(Frame& frame, int node, Found& found);
  void begin_frame(Frame& frame, Found& found);
  void tell(Frame& frame, int node, Found& found);
  void told(Frame& frame, const LinkedNode& node, Found& found);
  void open_loop(Frame& frame, const LinkedNode& node, Found& found);
  void count_down(LoopRun& loop, Frame& around, size_t counter, int64_t by, Found& found);
  void run_gather(Frame& frame, const LinkedNode& node);
  void run_broadcast(Frame& frame, const LinkedNode& node, Found& found);
  void release_reads(Frame& frame, const LinkedNode& node);

  std::shared_ptr<CallSite> site_;
  size_t shard_ = 0;               // of the executor's that lists it
  Call* next_live_ = nullptr;      // guarded by the shard's lock, as is the next
  Call** to_this_live_ = nullptr;  // the pointer that leads here
  std::atomic<int> references_{0};
  std::atomic<int64_t> active_{0};
  std::atomic<bool> dead_{false};
  std::atomic<bool> answered_{false};
  Completion* completion_ = nullptr;
  Answer answer_;
  std::vector<Value> inputs_;
  CallOptions options_;
  uint8_t level_ = 0;
  Nanos started_ = 0;
  std::atomic<Nanos> deadline_{kNever};
  int64_t items_ = 1;
  std::atomic<Nanos> expected_{0};  // of the work that admission counted on
  std::atomic<Nanos> cost_{0};      // CPU time of its steps so far
  Nanos predicted_wait_ = 0;
  std::atomic<bool> begun_{false};  // its first step has
  LoopRun* root_ = nullptr;
  std::atomic<LoopRun*> loops_{nullptr};  // all of them

  NodeState* listed_head_ = nullptr;  // guarded by the pool's lock, as is all until the next line
  NodeState* listed_tail_ = nullptr;
  LoopRun* rows_head_ = nullptr;
  LoopRun* rows_tail_ = nullptr;

  struct Group : BatchGroup {
    std::atomic<int64_t> may_come{0};  // items that may still come; kept for delayed queues only
  };
  std::unique_ptr<Group[]> groups_;
  size_t group_room_ = 0;
  std::mutex trace_mutex_;
};

class Executor {
 public:
  Executor(const EngineOptions& options);
  ~Executor();

  const Clock& clock() const { return clock_; }
  Pool& pool() { return pool_; }
  Timers& timers() { return timers_; }
  Admission& admission() { return admission_; }
  bool manual() const { return pool_.threads() == 0; }

  // From the first to the last of what a thread goes on with, batches are left for the end. True if
  // this is the outermost turn, which must be ended.
  static bool begin_turn();
  static void end_turn();
  // Runs node after node from here, and then what they left to this thread. `node` may be null.
  void go_on(NodeState* node);
  // Makes the rows of a loop, whose units have been counted, join the queue that they begin with:
  // all of them before a batch that is not full starts.
  void join(LoopRun& loop, Runner& runner);
  // A permit of the runner has been taken: this thread runs the batch once its chain of nodes has
  // ended, or the pool does.
  void batch_may_start(Runner& runner);
  // Does the step run on any thread?
  bool short_step(const NodeState& node) const;
  // Manual engines: runs everything that is ready, fires what is due, until there is nothing. With
  // `units`: fires what is due and runs so many units at most; true if there were any.
  void work();
  bool work(int units);

  // One more call: false when shutting down or over the limit (`status` says).
  Status enter();
  void leave();
  bool drain(Nanos patience);
  int64_t in_flight() const { return in_flight_.load(); }

  // See to it that calls past their deadlines are killed, from `deadline` on.
  void watch(Nanos deadline);

 private:
  friend class Call;
  // Runs one node of kind step: returns where to go on, or null if it waits in a queue or nothing
  // follows. `read_clock`: it may have waited since it became ready.
  NodeState* step(NodeState& node, bool read_clock);
  bool may_try_again(const Status& status, Call& call, const StepMetrics& metrics) const;
  void enqueue(NodeState& node, const LinkedStep& linked, Nanos now);
  bool go_on_here(const NodeState& node) const;

  const Clock& clock_;
  const int64_t max_in_flight_;
  // What the last threads of the pool may touch when calls have ended stands before the pool.
  std::mutex drain_mutex_;
  std::condition_variable drained_;
  Timers timers_;
  Pool pool_;
  Admission admission_;
  std::atomic<int64_t> in_flight_{0};
  std::atomic<bool> closed_{false};

  // The calls under way, and spare ones to use again; a shard for each few threads.
  struct alignas(64) Shard {
    std::mutex mutex;
    std::vector<Call*> spare;  // guarded by mutex
    Call* live = nullptr;      // a list through Call::next_live_; guarded by mutex
  };
  std::array<Shard, kShards> shards_;
  // Kills what is past its deadline. One timer serves all calls: arming one for each would cost a
  // lock, and nearly every call ends long before.
  class Sweep final : public Timer {
   public:
    explicit Sweep(Executor& executor) : executor_(executor) {}
    void fire() override { executor_.sweep(); }

   private:
    Executor& executor_;
  };
  void sweep();
  void kill_where(const std::function<Status(const Call&)>& why);
  Sweep sweep_{*this};
  std::atomic<Nanos> sweep_at_{kNever};
};

// Of a failed step: nobody waits any more, or the system is too busy.
bool is_lost(Code code);
// Neither that, nor the fault of what came in.
bool may_pass_next_time(Code code);

// Reading a frame. Never null: what is missing is an absent Value.
const Value* read_value(Frame& frame, const Read& read);
const Value* read_item(Frame& frame, const ReadItem& item);

// A number that is equal for items that may share a batch. kBadInput when an input does not fit.
Result<uint64_t> join_key(Frame& frame, const LinkedStep& step);

// Runs an operator's step in its frame, outputs included. The Status is the operator's own.
Status run_operator(Frame& frame, const LinkedStep& step);

// Stacks values along a new axis 0. Dense when all shapes are equal (without a copy when they lie
// side by side already), else a list.
Result<Value> stack_rows(std::span<Value> rows);
// Of a shape with no elements.
Result<Tensor> empty_tensor(DType type, const Shape& shape);

}  // namespace leat
