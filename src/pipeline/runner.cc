#include "pipeline/runner.h"

#include "base/text.h"
#include "model/run_stop.h"
#include "pipeline/executor.h"
#include "pipeline/join.h"

namespace leat {

namespace {

BatchLimits limits_of(const Executor& executor, const StepOptions& options) {
  int threads = std::max(1, const_cast<Executor&>(executor).pool().threads());
  int instances = options.instances;
  if (instances == 0) instances = std::max(1, threads / std::max(1, options.threads));
  return {.max = options.batch_max,
          .delay = options.batch_delay,
          .instances = instances,
          .queue_max = options.queue_max};
}

BatchMember member_of(BatchItem* item) {
  auto* node = static_cast<NodeState*>(item);
  Frame& frame = *node->frame;
  int step = frame.scope->nodes[static_cast<size_t>(node->node)].what;
  return {node, &frame.call->site().linked->steps[static_cast<size_t>(step)]};
}

StepMetrics& metrics_of(const NodeState& node) {
  int step = node.frame->scope->nodes[static_cast<size_t>(node.node)].what;
  return node.frame->call->site().metrics.steps[static_cast<size_t>(step)];
}

}  // namespace

// A batch under way, so that it can be stopped when nobody waits for it any more.
struct Runner::Running {
  Runner& runner;
  std::span<BatchItem* const> items;
  RunStop stop;
  Running* next = nullptr;

  Running(Runner& in, std::span<BatchItem* const> of) : runner(in), items(of) {
    std::lock_guard lock(runner.running_mutex_);
    next = runner.running_;
    runner.running_ = this;
  }
  ~Running() {
    std::lock_guard lock(runner.running_mutex_);
    Running** at = &runner.running_;
    while (*at != this) at = &(*at)->next;
    *at = next;
  }
};

Runner::Runner(Executor& executor, const Step& step)
    : executor_(executor),
      options_(step.options),
      model_(step.model),
      queue_(limits_of(executor, step.options)),
      slots_(step.options.batch_max) {}

Runner::~Runner() { executor_.timers().cancel(*this); }

void Runner::follow(const BatchQueue::Next& next) {
  if (next.start) executor_.batch_may_start(*this);
  if (next.look_again != kNever) executor_.timers().arm(*this, next.look_again);
}

void Runner::fire() { follow(queue_.poll(executor_.clock().now())); }

void* Runner::take(bool& more) {
  --starts_;
  more = starts_ > 0;
  return this;
}

void Runner::run(void*) { run_batch(); }

void Runner::hold() {
  std::lock_guard lock(running_mutex_);
  if (held_++ == 0) self_ = shared_from_this();
}

void Runner::let_go() {
  std::shared_ptr<Runner> last;  // goes after the lock
  std::lock_guard lock(running_mutex_);
  if (--held_ == 0) last = std::move(self_);
}

void Runner::drop(BatchItem& item) {
  auto& node = static_cast<NodeState&>(item);
  Call& call = *node.frame->call;
  call.fail_step(node,
                 Status(Code::kOverloaded, cat("its queue of ", options_.queue_max,
                                               " items is full, a newer one took the place")));
  if (NodeState* next = call.end_node(node, executor_.clock().now())) call.list(*next);
}

void Runner::stop_dead_batches() {
  std::lock_guard lock(running_mutex_);
  for (Running* batch = running_; batch; batch = batch->next) {
    bool wanted = false;
    for (BatchItem* item : batch->items) {
      wanted = wanted || !static_cast<NodeState*>(item)->frame->call->dead();
    }
    if (!wanted) batch->stop.request();
  }
}

void Runner::run_batch() {
  thread_local std::vector<BatchItem*> taken;
  // A completion may submit another call, whose batch this thread then runs: keep them apart.
  std::vector<BatchItem*> items = std::move(taken);
  items.resize(static_cast<size_t>(options_.batch_max));
  Nanos now = executor_.clock().now();
  BatchQueue::Next next;
  size_t count = queue_.take(items, now, next);
  follow(next);
  if (count > 0) {
    slots_.batch_began();
    run_items(std::span(items).first(count), now);
  }
  taken = std::move(items);
  let_go();
}

void Runner::run_items(std::span<BatchItem* const> taken, Nanos begin) {
  thread_local std::vector<BatchMember> spare_members;
  thread_local std::vector<Tensor> inputs, outputs;
  thread_local std::vector<int64_t> lengths;
  std::vector<BatchMember> members = std::move(spare_members);
  members.clear();
  for (BatchItem* item : taken) {
    BatchMember member = member_of(item);
    Call& call = *member.node->frame->call;
    if (call.dead() || !call.may_begin(begin, usual_run())) {
      call.end_unit();
      continue;
    }
    if (options_.timeout != kNever && begin - item->since > options_.timeout) {
      call.fail_step(*member.node,
                     Status(Code::kDeadline, cat("waited longer than its timeout of ",
                                                 options_.timeout / kMicrosecond, " us")));
      if (NodeState* after = call.end_node(*member.node, begin)) call.list(*after);
      continue;
    }
    members.push_back(member);
  }

  Status status;
  BatchTimes times;
  Nanos since = begin;
  auto lap = [&](Nanos& part) {
    Nanos now = executor_.clock().now();
    part += now - std::exchange(since, now);
    return now;
  };
  size_t size = members.size();
  std::vector<Status> apart;  // of each member, when the batch as a whole failed
  if (size > 0) {
    // Only those still wanted: the others' frames may be gone.
    thread_local std::vector<BatchItem*> live;
    live.clear();
    for (const BatchMember& member : members) live.push_back(member.node);
    std::vector<BatchItem*> running_items = std::move(live);
    Running running(*this, running_items);
    int extra = options_.threads - 1;
    executor_.pool().reserve(extra);
    if (!model_) {
      status = run_operator(*members[0].node->frame, *members[0].step);
    } else {
      auto run = [&](std::span<const BatchMember> some) -> Status {
        lengths.clear();
        LEAT_TRY(join(some, inputs, lengths));
        outputs.clear();
        outputs.resize(model_->outputs().size());
        lap(times.input);
        Status ran = model_->run(inputs, outputs, &running.stop);
        lap(times.infer);
        LEAT_TRY(std::move(ran));
        return split(some, outputs, lengths);
      };
      if (size > 1) order_by_address(members);
      status = run(members);
      if (!status.ok() && size > 1 && status.code() != Code::kCancelled) {
        // One bad item must not fail the others: each is run alone.
        for (const BatchMember& member : members) {
          apart.push_back(run(std::span(&member, 1)));
        }
      }
      inputs.clear();
      outputs.clear();
    }
    executor_.pool().reserve(-extra);
    live = std::move(running_items);
  }
  Nanos end = lap(times.output);
  if (size > 0) {
    Nanos usual = usual_run_.load(std::memory_order_relaxed);
    usual_run_.store(usual < 0 ? end - begin : usual + (end - begin - usual) / 8,
                     std::memory_order_relaxed);
  }
  // The permit is free before the results are carried on: another thread may run the next batch.
  follow(queue_.done(end));

  for (size_t i = 0; i < size; ++i) {
    NodeState& node = *members[i].node;
    Call& call = *node.frame->call;
    StepMetrics& metrics = metrics_of(node);
    PipelineMetrics& pipeline = call.site().metrics;
    auto share = [&](Nanos of) { return of / static_cast<Nanos>(size); };
    metrics.batch.add(begin - node.since);
    metrics.note_run(end - begin);
    metrics.size.add(static_cast<int64_t>(size));
    if (model_) {
      pipeline.queue_nanos.add(static_cast<uint64_t>(begin - node.since));
      pipeline.input_nanos.add(static_cast<uint64_t>(share(times.input)));
      pipeline.infer_nanos.add(static_cast<uint64_t>(share(times.infer)));
      pipeline.output_nanos.add(static_cast<uint64_t>(share(times.output)));
      pipeline.infer_items.add();
      if (i == 0) pipeline.batches[size - 1].add(times);
    }
    call.spent(share(end - begin) * options_.threads);
    call.trace(node, begin, end, static_cast<int64_t>(size));
    Status own = apart.empty() ? status : std::move(apart[i]);
    if (own.ok() && options_.timeout != kNever && end - node.since > options_.timeout) {
      own = Status(Code::kDeadline,
                   cat("took longer than its timeout of ", options_.timeout / kMicrosecond, " us"));
    }
    if (!own.ok()) call.fail_step(node, std::move(own));
    NodeState* after = call.end_node(node, end);
    if (!after) continue;
    bool last = i + 1 == size;
    if (last || executor_.short_step(*after)) {
      executor_.go_on(after);
    } else {
      after->frame->call->list(*after);
    }
  }
  members.clear();
  spare_members = std::move(members);
}

}  // namespace leat
