#include "pipeline/runner.h"

#include "base/text.h"
#include "pipeline/executor.h"
#include "pipeline/runner_batch.h"

namespace leat {

namespace {

BatchLimits limits_of(const Executor& executor, const StepOptions& options, StepWorkers* workers) {
  int threads = std::max(1, const_cast<Executor&>(executor).pool().threads());
  int instances = workers ? workers->pool().size() : options.instances;
  if (instances == 0) instances = std::max(1, threads / std::max(1, options.threads));
  return {.max = options.batch_max,
          .delay = options.batch_delay,
          .instances = instances,
          .queue_max = options.queue_max,
          .shared = options.batch_by_time};
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
  std::span<const BatchMember> members;
  RunStop stop;
  Running* next = nullptr;

  Running(Runner& in, std::span<const BatchMember> of) : runner(in), members(of) {
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
      workers_(step.workers),
      queue_(limits_of(executor, step.options, step.workers.get())),
      slots_(step.options.batch_max, workers_ ? workers_->exchange() : Arena::heap()),
      batch_worth_(step.options.batch_max) {}

Runner::~Runner() { executor_.timers().cancel(*this); }

Result<Tensor> Runner::reserve(DType type, const Shape& item) {
  // A row of slots is for what is joined; what goes to a process as it is may be large, and need
  // not lie beside others.
  if (itemised()) return allocate_tensor(workers_->exchange(), type, item);
  return slots_.reserve(type, item);
}

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
    for (const BatchMember& member : batch->members) {
      wanted = wanted || !member.node->frame->call->dead();
    }
    if (!wanted) batch->stop.request();
  }
  stop_dead_remotes();
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
    if (workers_) {
      send_items(std::span(items).first(count), now);
      taken = std::move(items);
      return;  // the permit is given back, and this let go, when the workers have answered
    }
    run_items(std::span(items).first(count), now);
  }
  taken = std::move(items);
  let_go();
}

// Leaves in batch.members the items that are still wanted, and in time; ends the others.
void Runner::sift(std::span<BatchItem* const> taken, Batch& batch) {
  for (BatchItem* item : taken) {
    BatchMember member = member_of(item);
    Call& call = *member.node->frame->call;
    if (call.dead() || !call.may_begin(batch.begin, usual_run())) {
      call.end_unit();
      continue;
    }
    if (options_.timeout != kNever && batch.begin - item->since > options_.timeout) {
      call.fail_step(*member.node,
                     Status(Code::kDeadline, cat("waited longer than its timeout of ",
                                                 options_.timeout / kMicrosecond, " us")));
      if (NodeState* after = call.end_node(*member.node, batch.begin)) call.list(*after);
      continue;
    }
    batch.members.push_back(member);
  }
}

void Runner::execute(Batch& batch) {
  std::vector<BatchMember>& members = batch.members;
  if (model_ && members.size() > 1) order_by_address(members);
  // From here on others read the members. Their frames stay until they are carried on; those of the
  // items that were sifted out may be gone.
  Running running(*this, members);
  int extra = options_.threads - 1;
  executor_.pool().reserve(extra);
  if (!model_) {
    batch.status = run_operator(*members[0].node->frame, *members[0].step);
  } else {
    batch.status = run_model(members, batch.times, running.stop);
    if (!batch.status.ok() && members.size() > 1 && batch.status.code() != Code::kCancelled) {
      // One bad item must not fail the others: each is run alone.
      for (const BatchMember& member : members) {
        batch.apart.push_back(run_model({&member, 1}, batch.times, running.stop));
      }
    }
  }
  if (options_.retry > 0) try_again(batch, running.stop);
  executor_.pool().reserve(-extra);
}

void Runner::try_again(Batch& batch, RunStop& stop) {
  for (size_t i = 0; i < batch.members.size(); ++i) {
    const BatchMember& member = batch.members[i];
    Call& call = *member.node->frame->call;
    Status own = batch.apart.empty() ? batch.status : batch.apart[i];
    for (int tries = 0; tries < options_.retry && may_pass_next_time(own.code()); ++tries) {
      if (call.dead() || !call.may_begin(executor_.clock().now(), usual_run())) break;
      own = model_ ? run_model({&member, 1}, batch.times, stop)
                   : run_operator(*member.node->frame, *member.step);
    }
    if (batch.apart.empty()) {
      if (batch.status.ok()) return;
      batch.apart.assign(batch.members.size(), batch.status);
    }
    batch.apart[i] = std::move(own);
  }
}

Status Runner::run_model(std::span<const BatchMember> members, BatchTimes& times, RunStop& stop) {
  thread_local std::vector<Tensor> inputs, outputs;
  thread_local std::vector<int64_t> lengths;
  const Clock& clock = executor_.clock();
  lengths.clear();
  outputs.clear();
  outputs.resize(model_->outputs().size());
  Nanos begin = clock.now();
  Status status = join(members, Arena::heap(), inputs, lengths);
  Nanos joined = clock.now();
  times.input += joined - begin;
  if (status.ok()) {
    status = model_->run(inputs, outputs, &stop);
    Nanos ran = clock.now();
    times.infer += ran - joined;
    if (status.ok()) {
      status = split(members, outputs, lengths);
      Nanos end = clock.now();
      times.output += end - ran;
      queue_.set_most(batch_worth_.measured(static_cast<int64_t>(members.size()),
                                            joined_bytes(members), end - begin));
    }
  }
  inputs.clear();
  outputs.clear();
  return status;
}

void Runner::run_items(std::span<BatchItem* const> taken, Nanos begin) {
  thread_local std::vector<BatchMember> spare;
  // A completion may submit another call, whose batch this thread then runs: keep them apart.
  Batch batch;
  batch.begin = begin;
  batch.members = std::move(spare);
  sift(taken, batch);
  if (!batch.members.empty()) execute(batch);
  batch.end = executor_.clock().now();
  if (!batch.members.empty()) note_run(batch.end - begin);
  // The permit is free before the results are carried on: another thread may run the next batch.
  follow(queue_.done(batch.end));
  carry_on(batch);
  batch.members.clear();
  spare = std::move(batch.members);
}

void Runner::note_run(Nanos took) {
  Nanos usual = usual_run();
  usual_run_.store(usual < 0 ? took : usual + (took - usual) / 8, std::memory_order_relaxed);
}

void Runner::carry_on(Batch& batch) {
  size_t size = batch.members.size();
  for (size_t i = 0; i < size; ++i) {
    NodeState* after = end_member(batch, i);
    if (!after) continue;
    if (i + 1 == size || executor_.short_step(*after)) {
      executor_.go_on(after);
    } else {
      after->frame->call->list(*after);
    }
  }
}

// The node that follows, which the caller has to go on with, or null.
NodeState* Runner::end_member(Batch& batch, size_t index) {
  NodeState& node = *batch.members[index].node;
  Call& call = *node.frame->call;
  StepMetrics& metrics = metrics_of(node);
  PipelineMetrics& pipeline = call.site().metrics;
  auto size = static_cast<Nanos>(batch.members.size());
  Nanos took = batch.end - batch.begin;
  metrics.batch.add(batch.begin - node.since);
  metrics.note_run(took);
  metrics.size.add(size);
  if (model_) {
    const BatchTimes& times = batch.times;
    pipeline.queue_nanos.add(static_cast<uint64_t>(batch.begin - node.since));
    pipeline.input_nanos.add(static_cast<uint64_t>(times.input / size));
    pipeline.infer_nanos.add(static_cast<uint64_t>(times.infer / size));
    pipeline.output_nanos.add(static_cast<uint64_t>(times.output / size));
    pipeline.infer_items.add();
    if (index == 0) pipeline.batches[static_cast<size_t>(size) - 1].add(times);
  }
  call.spent(took / size * options_.threads);
  call.trace(node, batch.begin, batch.end, size);
  Status own = batch.apart.empty() ? batch.status : std::move(batch.apart[index]);
  if (own.ok() && options_.timeout != kNever && batch.end - node.since > options_.timeout) {
    own = Status(Code::kDeadline,
                 cat("took longer than its timeout of ", options_.timeout / kMicrosecond, " us"));
  }
  if (!own.ok()) call.fail_step(node, std::move(own));
  return call.end_node(node, batch.end);
}

}  // namespace leat
