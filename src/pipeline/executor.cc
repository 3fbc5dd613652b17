#include "pipeline/executor.h"

#include "base/cpu.h"
#include "base/text.h"

namespace leat {

namespace {

// What this thread has still to do once the node chain it is in ends.
struct Turn {
  bool going = false;    // inside go_on(), or a Runner that carries on a batch
  bool working = false;  // inside work(): this thread counts as one of the pool's
  bool in_batch = false;
  bool joining = false;  // inside join()
  // One batch that runs here: more would wait for each other while other threads sleep.
  Runner* batch = nullptr;
  std::vector<Runner*> handed_over;  // those that workers run
};
thread_local Turn turn;

}  // namespace

const Value* read_value(Frame& frame, const Read& read) {
  if (read.constant) return read.constant;
  Frame* at = &frame;
  for (uint16_t up = read.up; up > 0; --up) at = at->around;
  return &at->slot(read.slot);
}

const Value* read_item(Frame& frame, const ReadItem& item) {
  const Value* value = nullptr;
  for (const Read& read : item.alternatives) {
    value = read_value(frame, read);
    if (value->present()) return value;
  }
  return value;
}

namespace {

// An operator's view of its item: inputs by port, outputs straight into the frame.
class StepCall final : public OpCall {
 public:
  StepCall(Frame& frame, const LinkedStep& step) : frame_(frame), step_(step) {}

  // kBadInput when a value does not fit the operator's signature.
  Status read() {
    // The spans point into `items`: it must not grow any more once they are made.
    thread_local std::vector<const Tensor*> items;
    thread_local std::vector<std::span<const Tensor* const>> ports;
    items.resize(step_.most_items);
    ports.resize(step_.inputs.size());
    const Tensor** at = items.data();
    for (size_t port = 0; port < step_.inputs.size(); ++port) {
      const Tensor** begin = at;
      for (const ReadItem& item : step_.inputs[port]) {
        const Value* value = read_item(frame_, item);
        if (value->is_list()) {
          return Status(Code::kBadInput, cat("input ", step_.step->input_names[port],
                                             ": rows of different shapes (ragged) cannot go in"));
        }
        if (step_.check[port] && value->present()) {
          std::string why = step_.step->input_types[port].mismatch(value->tensor().dtype(),
                                                                   value->tensor().shape());
          if (!why.empty()) {
            return Status(Code::kBadInput, cat("input ", step_.step->input_names[port], ": ", why));
          }
        }
        if (value->present()) *at++ = &value->tensor();
      }
      if (at == begin && !step_.step->spec->inputs[port].optional) {
        return Status(Code::kBadInput, cat("input ", step_.step->input_names[port], " is absent"));
      }
      ports[port] = {begin, static_cast<size_t>(at - begin)};
    }
    inputs_ = ports;
    return {};
  }

  Result<Tensor*> output(size_t port, DType type, const Shape& shape) override {
    auto [runner, model_port] = step_.in_place[port];
    bool built_in_place = runner != nullptr && shape.rank() > 0 && type != DType::kBytes;
    auto tensor = built_in_place ? runner->reserve(type, shape) : Tensor::allocate(type, shape);
    if (!tensor.ok()) return tensor.status();
    Value& slot = out(port);
    slot = Value(*std::move(tensor));
    return const_cast<Tensor*>(&slot.tensor());
  }

  void give(size_t port, Tensor value) override { out(port) = Value(std::move(value)); }
  bool abandoned() const override { return frame_.call->dead(); }

 private:
  Value& out(size_t port) {
    return frame_.slot(static_cast<size_t>(step_.step->first_slot) + port);
  }
  Frame& frame_;
  const LinkedStep& step_;
};

}  // namespace

Status run_operator(Frame& frame, const LinkedStep& step) {
  StepCall call(frame, step);
  LEAT_TRY(call.read());
  return step.step->op->run(call);
}

Executor::Executor(const EngineOptions& options)
    : clock_(options.clock ? *options.clock : SteadyClock::instance()),
      max_in_flight_(options.max_in_flight),
      timers_(clock_, options.clock == nullptr),
      pool_(options.clock         ? 0
            : options.threads > 0 ? options.threads
                                  : cpu_budget()),
      admission_(std::max(1, pool_.threads())) {}

Executor::~Executor() {
  drain(0);
  timers_.cancel(sweep_);
  for (Shard& shard : shards_) {
    assert(shard.live == nullptr);  // tickets go before the executor
    for (Call* call : shard.spare) delete call;
  }
}

Status Executor::enter() {
  int64_t now = in_flight_.fetch_add(1, std::memory_order_acq_rel) + 1;
  Status status;
  if (closed_.load(std::memory_order_acquire)) {
    status = Status(Code::kUnavailable, "shutting down");
  } else if (now > max_in_flight_) {
    status = Status(Code::kOverloaded, cat("more than ", max_in_flight_, " calls at once"));
  }
  if (!status.ok()) leave();
  return status;
}

void Executor::leave() {
  // Sequentially consistent, as in drain(): one of the two sees what the other wrote.
  if (in_flight_.fetch_sub(1) > 1 || !closed_.load()) return;
  std::lock_guard lock(drain_mutex_);
  drained_.notify_all();
}

bool Executor::drain(Nanos patience) {
  closed_.store(true);
  if (manual()) {
    work();
    bool by_themselves = in_flight_.load() == 0;
    kill_where([](const Call&) { return Status(Code::kUnavailable, "shutting down"); });
    work();
    return by_themselves;
  }
  auto none = [this] { return in_flight_.load() == 0; };
  std::unique_lock lock(drain_mutex_);
  if (drained_.wait_for(lock, std::chrono::nanoseconds(patience), none)) return true;
  lock.unlock();
  kill_where([](const Call&) { return Status(Code::kUnavailable, "shutting down"); });
  lock.lock();
  drained_.wait(lock, none);
  return false;
}

void Executor::kill_where(const std::function<Status(const Call&)>& why) {
  std::vector<std::pair<Call*, Status>> found;
  for (Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (Call* call = shard.live; call; call = call->next_live_) {
      Status status = why(*call);
      if (!status.ok() && call->hold()) found.emplace_back(call, std::move(status));
    }
  }
  for (auto& [call, status] : found) {
    call->kill(std::move(status));
    call->release();
  }
}

void Executor::watch(Nanos deadline) {
  Nanos at = sweep_at_.load(std::memory_order_acquire);
  while (deadline < at) {
    if (sweep_at_.compare_exchange_weak(at, deadline, std::memory_order_acq_rel)) {
      timers_.arm_no_later(sweep_, deadline);
      return;
    }
  }
}

void Executor::sweep() {
  sweep_at_.store(kNever, std::memory_order_release);
  Nanos now = clock_.now();
  Nanos next = kNever;
  kill_where([&](const Call& call) -> Status {
    Nanos deadline = call.deadline_.load(std::memory_order_acquire);
    if (deadline > now) {
      if (!call.dead()) next = std::min(next, deadline);
      return {};
    }
    return Status(Code::kDeadline,
                  cat("not answered within ", (deadline - call.started_) / kMicrosecond, " us"));
  });
  if (next != kNever) watch(next);
}

void Executor::work() {
  turn.working = true;
  while (timers_.fire_due() + pool_.run_ready() > 0) {
  }
  turn.working = false;
}

bool Executor::work(int units) {
  turn.working = true;
  timers_.fire_due();
  bool any = pool_.run_ready(units) > 0;
  turn.working = false;
  return any;
}

bool Executor::go_on_here(const NodeState& node) const {
  return Pool::on_worker() || turn.working || short_step(node);
}

bool Executor::short_step(const NodeState& node) const {
  const Frame& frame = *node.frame;
  int step = frame.scope->nodes[static_cast<size_t>(node.node)].what;
  const CallSite& site = frame.call->site();
  if (site.linked->steps[static_cast<size_t>(step)].runner)
    return true;  // joining a queue is short
  int64_t usual =
      site.metrics.steps[static_cast<size_t>(step)].usual_run.load(std::memory_order_relaxed);
  return usual >= 0 && usual <= kShort;
}

void Executor::go_on(NodeState* node) {
  bool outermost = begin_turn();
  bool arrived = true;  // this node has not been waiting: the last one's end is its beginning
  while (node) {
    Call& call = *node->frame->call;
    if (call.dead()) {
      call.end_unit();
      break;
    }
    if (!go_on_here(*node)) {
      call.list(*node);
      break;
    }
    node = step(*node, arrived);
    arrived = false;
  }
  if (outermost) end_turn();
}

bool Executor::begin_turn() { return !std::exchange(turn.going, true); }

void Executor::end_turn() {
  turn.in_batch = true;
  while (turn.batch || !turn.handed_over.empty()) {
    // By number: what runs may add more.
    for (size_t i = 0; i < turn.handed_over.size(); ++i) turn.handed_over[i]->run_batch();
    turn.handed_over.clear();
    if (turn.batch) std::exchange(turn.batch, nullptr)->run_batch();
  }
  turn.in_batch = false;
  turn.going = false;
}

void Executor::join(LoopRun& loop, Runner& runner) {
  bool outermost = begin_turn();
  Call& call = *loop.frame(0).call;
  call.begin_unit();  // so that the rows stay until the last has joined
  Nanos now = clock_.now();
  bool outer = std::exchange(turn.joining, true);
  for (int64_t row = 0; row < loop.rows; ++row) {
    if (call.dead()) {
      call.end_unit(loop.rows - row);
      break;
    }
    NodeState& node = loop.frame(row).node(static_cast<size_t>(loop.scope->initial[0]));
    node.ready = now;
    if (NodeState* next = step(node, false)) call.list(*next);
  }
  turn.joining = outer;
  runner.follow(runner.queue().poll(clock_.now()));
  call.end_unit();
  if (outermost) end_turn();
}

void Executor::batch_may_start(Runner& runner) {
  runner.hold();
  // On the pool's threads a batch that starts while another one's results are carried on is left to
  // whoever is free. One that could be larger takes its turn behind the calls that wait where there
  // are many: their items may join it, and larger batches are what such a load is best served by.
  bool brief = runner.usual_start() >= 0 && runner.usual_start() <= kShort;
  if (turn.going && brief && runner.has_workers()) {
    turn.handed_over.push_back(&runner);
    return;
  }
  bool may_grow = runner.options().batch_max > 1 && pool_.waiting() > pool_.threads();
  bool mine =
      turn.going && !turn.batch && (brief || (Pool::on_worker() && !turn.in_batch && !may_grow));
  if (mine) {
    turn.batch = &runner;
  } else {
    pool_.add(runner, Pool::kLevels / 2, [&] { runner.add_start(); });
  }
}

bool Executor::may_try_again(const Status& status, Call& call, const StepMetrics& metrics) const {
  return may_pass_next_time(status.code()) && !call.dead() &&
         call.may_begin(clock_.now(), metrics.usual_run.load(std::memory_order_relaxed));
}

NodeState* Executor::step(NodeState& node, bool read_clock) {
  Frame& frame = *node.frame;
  Call& call = *frame.call;
  CallSite& site = call.site();
  const LinkedNode& at = frame.scope->nodes[static_cast<size_t>(node.node)];
  const LinkedStep& linked = site.linked->steps[static_cast<size_t>(at.what)];
  const Step& step = *linked.step;
  StepMetrics& metrics = site.metrics.steps[static_cast<size_t>(at.what)];

  // Absent values and conditions: is the step to run at all?
  bool skip = false;
  Status status;
  if (step.when) {
    thread_local std::vector<const Value*> values;
    values.clear();
    const std::vector<bool>& may_be_absent = step.when->expression.may_be_absent();
    for (size_t i = 0; i < linked.when.size(); ++i) {
      values.push_back(read_value(frame, linked.when[i]));
      skip = skip || (!values.back()->present() && !may_be_absent[i]);
    }
    if (!skip) {
      auto truth = step.when->expression.test(values);
      if (truth.ok()) {
        skip = !*truth;
      } else {
        status = truth.status().within("when");
      }
    }
  }
  for (const auto& port : linked.inputs) {
    for (const ReadItem& item : port) {
      skip = skip || (!item.optional && !read_item(frame, item)->present());
    }
  }
  if (skip || !status.ok()) {
    if (linked.group >= 0) call.arrived(linked.group);
    if (!status.ok()) call.fail_step(node, std::move(status));
    return call.end_node(node, node.ready);
  }

  Nanos begin = read_clock ? clock_.now() : node.ready;
  if (linked.runner) {
    enqueue(node, linked, begin);
    return nullptr;
  }
  if (!call.may_begin(begin, metrics.usual_run.load(std::memory_order_relaxed))) {
    call.end_unit();
    return nullptr;
  }
  if (step.options.timeout != kNever && begin - node.ready > step.options.timeout) {
    status = Status(Code::kDeadline, cat("waited longer than its timeout of ",
                                         step.options.timeout / kMicrosecond, " us"));
  } else {
    status = run_operator(frame, linked);
    for (int i = 0; i < step.options.retry && may_try_again(status, call, metrics); ++i) {
      status = run_operator(frame, linked);
    }
  }
  Nanos end = clock_.now();
  if (status.ok() && step.options.timeout != kNever && end - node.ready > step.options.timeout) {
    status = Status(Code::kDeadline, cat("took longer than its timeout of ",
                                         step.options.timeout / kMicrosecond, " us"));
  }
  metrics.wait.add(begin - node.ready);
  metrics.note_run(end - begin);
  call.spent(end - begin);
  call.trace(node, begin, end, 1);
  if (!status.ok()) call.fail_step(node, std::move(status));
  return call.end_node(node, end);
}

void Executor::enqueue(NodeState& node, const LinkedStep& linked, Nanos now) {
  Call& call = *node.frame->call;
  const Step& step = *linked.step;
  CallSite& site = call.site();
  const LinkedNode& at = node.frame->scope->nodes[static_cast<size_t>(node.node)];
  site.metrics.steps[static_cast<size_t>(at.what)].wait.add(now - node.ready);
  node.ready = now;
  auto shape = join_key(*node.frame, linked);
  if (!shape.ok()) {
    call.arrived(linked.group);
    call.fail_step(node, shape.status());
    if (NodeState* next = call.end_node(node, now)) call.list(*next);
    return;
  }
  node.shape = *shape;
  Runner& runner = *linked.runner;
  BatchGroup& group = call.group(linked.group);
  BatchQueue::Next next;
  // Once the item is in the queue it may be run, and the call may end, before the next line: `site`
  // holds what is needed of it.
  int index = linked.group;
  call.begin_unit();
  bool in = true;
  if (step.options.when_full == WhenFull::kDropOldest) {
    BatchItem* dropped = runner.queue().push_dropping(node, group, now, next, turn.joining);
    if (dropped) runner.drop(*dropped);
  } else if (step.options.when_full == WhenFull::kWait) {
    runner.queue().push_patient(node, group, now, next, turn.joining);
  } else {
    in = runner.queue().push(node, group, now, next, turn.joining);
  }
  if (!in) {
    call.fail_step(node, Status(Code::kOverloaded,
                                cat("its queue of ", step.options.queue_max, " items is full")));
    call.end_unit();
    if (NodeState* after = call.end_node(node, now)) call.list(*after);
    return;
  }
  call.arrived(index);
  runner.follow(next);
  call.end_unit();
}

}  // namespace leat
