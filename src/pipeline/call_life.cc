// A call from start to end: units, answers, and the ways it can die.
#include <chrono>

#include "base/text.h"
#include "memory/arena.h"
#include "pipeline/executor.h"

namespace leat {

namespace {

uint64_t unix_ms() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

// The protocol's priorities: 1 is the highest, 0 the default, which is in the middle.
uint8_t level_of(uint32_t priority) {
  if (priority == 0) return Pool::kLevels / 2;
  return static_cast<uint8_t>(std::min<uint32_t>(priority - 1, Pool::kLevels - 1));
}

}  // namespace

bool is_lost(Code code) {
  return code == Code::kDeadline || code == Code::kCancelled || code == Code::kOverloaded;
}

bool may_pass_next_time(Code code) {
  bool callers = code == Code::kBadInput || code == Code::kBadMedia || code == Code::kTooLarge;
  return code != Code::kOk && !callers && !is_lost(code);
}

Call* Call::make(std::shared_ptr<CallSite> site) {
  size_t index = thread_number() % kShards;
  Executor::Shard& shard = site->executor->shards_[index];
  std::lock_guard lock(shard.mutex);
  Call* call;
  if (shard.spare.empty()) {
    call = new Call;
  } else {
    call = shard.spare.back();
    shard.spare.pop_back();
  }
  call->site_ = std::move(site);
  call->shard_ = index;
  call->deadline_.store(kNever, std::memory_order_relaxed);
  call->references_.store(2, std::memory_order_relaxed);
  call->next_live_ = shard.live;
  call->to_this_live_ = &shard.live;
  if (call->next_live_) call->next_live_->to_this_live_ = &call->next_live_;
  shard.live = call;
  return call;
}

bool Call::hold() {
  int held = references_.load(std::memory_order_relaxed);
  while (held > 0 && !references_.compare_exchange_weak(held, held + 1)) {
  }
  return held > 0;
}

void Call::drop() { release(); }

void Call::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  Executor& executor = *site_->executor;
  answer_.status = Status();
  answer_.outputs.clear();
  answer_.trace.clear();
  inputs_.clear();
  dead_.store(false, std::memory_order_relaxed);
  answered_.store(false, std::memory_order_relaxed);
  completion_ = nullptr;
  root_ = nullptr;
  Pool::renew(*this);
  std::shared_ptr<CallSite> site = std::move(site_);  // may take the pipeline along, after the lock
  Executor::Shard& shard = executor.shards_[shard_];
  std::lock_guard lock(shard.mutex);
  *to_this_live_ = next_live_;
  if (next_live_) next_live_->to_this_live_ = to_this_live_;
  shard.spare.push_back(this);
}

void Call::start(std::vector<Value>& inputs, int64_t items, const CallOptions& options,
                 Completion& completion) {
  Executor& executor = *site_->executor;
  const Linked& linked = *site_->linked;
  completion_ = &completion;
  options_ = options;
  level_ = level_of(options.priority);
  items_ = items;
  started_ = executor.clock().now();
  Nanos patience = linked.plan->timeout;
  if (options.timeout > 0) patience = std::min(patience, options.timeout);
  Nanos deadline = patience == kNever ? kNever : started_ + patience;
  inputs_.swap(inputs);
  site_->metrics.in_flight.fetch_add(1, std::memory_order_relaxed);
  site_->metrics.last_call_unix_ms.store(unix_ms(), std::memory_order_relaxed);
  predicted_wait_ = executor.admission().wait();
  begun_.store(false, std::memory_order_relaxed);
  expected_.store(executor.admission().expect(site_->admission), std::memory_order_relaxed);

  if (group_room_ < linked.groups.size()) {
    groups_ = std::make_unique<Group[]>(linked.groups.size());
    group_room_ = linked.groups.size();
  }
  for (size_t i = 0; i < linked.groups.size(); ++i) {
    groups_[i].level = level_;
    groups_[i].may_come.store(0, std::memory_order_relaxed);
    int64_t may_come = items * linked.scopes[0].arrivals[i];
    if (linked.groups[i]->options().batch_delay > 0 && may_come > 0) {
      groups_[i].may_come.store(may_come, std::memory_order_relaxed);
      linked.groups[i]->queue().expect(1, started_);
    }
  }

  active_.store(1, std::memory_order_relaxed);  // this function's own
  auto rows = make_rows(linked.scopes[0], nullptr, items);
  if (!rows.ok()) {
    kill(rows.status());
    end_unit();
    return;
  }
  root_ = *rows;
  for (int64_t item = 0; item < items; ++item) {
    Frame& frame = root_->frame(item);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (!linked.plan->batched) {
        frame.slot(i) = std::move(inputs_[i]);
      } else if (inputs_[i].present()) {
        frame.slot(i) = inputs_[i].tensor().row(item);
      }
    }
  }
  inputs_.clear();
  if (deadline != kNever) {
    deadline_.store(deadline, std::memory_order_release);
    executor.watch(deadline);
  }

  if (items > 1 && join_rows(*root_)) {
    end_unit();
    return;
  }
  if (items > 1) start_rows(*root_, 1);
  Found found{started_};
  begin_frame(root_->frame(0), found);
  if (executor.manual()) {
    // A test decides when things happen.
    if (found.first) {
      list(*found.first);
    } else {
      end_unit();
    }
    return;
  }
  if (found.first) {
    executor.go_on(found.first);
  } else {
    end_unit();
  }
}

bool Call::try_begin_unit() {
  int64_t active = active_.load(std::memory_order_acquire);
  while (active > 0) {
    if (active_.compare_exchange_weak(active, active + 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

void Call::end_unit(int64_t count) {
  if (active_.fetch_sub(count, std::memory_order_acq_rel) == count) finish();
}

void Call::cancel() { kill(Status(Code::kCancelled, "the caller left")); }

void Call::kill(Status status) {
  if (!try_begin_unit()) return;
  Executor& executor = *site_->executor;
  if (!dead_.exchange(true, std::memory_order_acq_rel)) {
    if (status.code() == Code::kDeadline && !begun_.exchange(true)) {
      executor.admission().waited(predicted_wait_, executor.clock().now() - started_);
    }
    answer(std::move(status), executor.clock().now());
    // What waits will not be started.
    int64_t ended = 0;
    executor.pool().withdraw(*this, [&] {
      for (NodeState* at = listed_head_; at; at = static_cast<NodeState*>(at->next)) ++ended;
      for (LoopRun* loop = rows_head_; loop; loop = loop->next) {
        ended += loop->rows - loop->next_row;
      }
      listed_head_ = listed_tail_ = nullptr;
      rows_head_ = rows_tail_ = nullptr;
    });
    const Linked& linked = *site_->linked;
    for (size_t i = 0; i < linked.groups.size(); ++i) {
      BatchQueue::Next next;
      Nanos now = site_->executor->clock().now();
      for (BatchItem* item = linked.groups[i]->queue().remove(groups_[i], now, next); item;
           item = item->next) {
        ++ended;
      }
      linked.groups[i]->follow(next);
      linked.groups[i]->stop_dead_batches();
    }
    if (ended > 0) end_unit(ended);
  }
  end_unit();
}

void Call::answer(Status status, Nanos now) {
  if (answered_.exchange(true, std::memory_order_acq_rel)) return;
  PipelineMetrics& metrics = site_->metrics;
  Nanos took = now - started_;
  if (status.ok()) {
    metrics.seconds.add(took);
    metrics.success.add();
    metrics.items.add(static_cast<uint64_t>(items_));
  } else {
    metrics.fail.add();
    metrics.fail_nanos.add(static_cast<uint64_t>(took));
    if (status.code() == Code::kDeadline) metrics.missed_deadline.add();
    if (status.code() == Code::kCancelled) metrics.cancelled.add();
    if (status.code() == Code::kOverloaded) metrics.refused_queue.add();
    answer_.outputs.clear();
  }
  answer_.status = std::move(status);
  if (options_.trace) std::lock_guard last_entry(trace_mutex_);
  completion_->done(answer_);
}

void Call::finish() {
  Executor& executor = *site_->executor;
  const Linked& linked = *site_->linked;
  Nanos now = executor.clock().now();
  if (!dead()) {
    Status status = collect_outputs();
    if (status.ok()) {
      Admission::learn(site_->admission, cost_.load(std::memory_order_relaxed), now - started_);
    }
    answer(std::move(status), now);
  }
  executor.admission().work_done(expected_.exchange(0));
  cost_.store(0, std::memory_order_relaxed);
  for (size_t i = 0; i < linked.groups.size(); ++i) {
    if (groups_[i].may_come.exchange(0) > 0) {
      linked.groups[i]->follow(linked.groups[i]->queue().expect(-1, now));
    }
  }
  clear_frames();
  site_->metrics.in_flight.fetch_sub(1, std::memory_order_relaxed);
  release();
  executor.leave();
}

Status Call::collect_outputs() {
  const Linked& linked = *site_->linked;
  thread_local std::vector<Value> rows;
  for (size_t i = 0; i < linked.outputs.size(); ++i) {
    rows.clear();
    for (int64_t item = 0; item < items_; ++item) {
      Frame& frame = root_->frame(item);
      const Value* value = nullptr;
      for (const Read& read : linked.outputs[i]) {
        value = read_value(frame, read);
        if (value->present()) break;
      }
      rows.push_back(value ? *value : Value());
    }
    if (!linked.plan->batched) {
      answer_.outputs.push_back(std::move(rows[0]));
    } else {
      auto stacked = stack_rows(rows);
      rows.clear();
      if (!stacked.ok()) return stacked.status();
      answer_.outputs.push_back(*std::move(stacked));
    }
  }
  rows.clear();
  return {};
}

void Call::clear_frames() {
  LoopRun* loop = loops_.exchange(nullptr);
  while (loop) {
    LoopRun* next = loop->next_of_call;
    for (int64_t row = 0; row < loop->rows; ++row) {
      Frame& frame = loop->frame(row);
      for (int i = 0; i < loop->scope->scope->slots; ++i) {
        frame.slot(static_cast<size_t>(i)).~Value();
      }
    }
    loop->block->drop();
    loop = next;
  }
}

void Call::list(NodeState& node) {
  site_->executor->pool().add(*this, level_, [&] {
    node.next = nullptr;
    if (listed_head_) {
      listed_tail_->next = &node;
    } else {
      listed_head_ = &node;
    }
    listed_tail_ = &node;
  });
}

// Units are nodes, or (with the lowest bit set) frames of rows to begin. Nodes go first: they are
// nearer to the end.
void* Call::take(bool& more) {
  void* unit;
  if (listed_head_) {
    NodeState* node = listed_head_;
    listed_head_ = static_cast<NodeState*>(node->next);
    node->next = nullptr;
    unit = node;
  } else {
    LoopRun* loop = rows_head_;
    Frame* frame = &loop->frame(loop->next_row++);
    if (loop->next_row == loop->rows) rows_head_ = loop->next;
    unit = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(frame) | 1);
  }
  more = listed_head_ || rows_head_;
  return unit;
}

void Call::run(void* unit) {
  Executor& executor = *site_->executor;
  auto bits = reinterpret_cast<uintptr_t>(unit);
  if ((bits & 1) == 0) {
    executor.go_on(static_cast<NodeState*>(unit));
    return;
  }
  Frame& frame = *reinterpret_cast<Frame*>(bits - 1);
  Found found{executor.clock().now()};
  if (!dead()) begin_frame(frame, found);
  if (found.first) {
    executor.go_on(found.first);
  } else {
    end_unit();
  }
}

void Call::arrived(int index, int64_t count) {
  Group& group = groups_[static_cast<size_t>(index)];
  Runner& runner = *site_->linked->groups[static_cast<size_t>(index)];
  if (runner.options().batch_delay == 0 || count == 0) return;
  if (group.may_come.fetch_sub(count, std::memory_order_acq_rel) == count) {
    runner.follow(runner.queue().expect(-1, site_->executor->clock().now()));
  }
}

bool Call::may_begin(Nanos now, Nanos usual) {
  if (!begun_.load(std::memory_order_relaxed) && !begun_.exchange(true)) {
    site_->executor->admission().waited(predicted_wait_, now - started_);
  }
  Nanos deadline = deadline_.load(std::memory_order_relaxed);
  // Half of what it usually takes: a lower bound, so that what could still be answered is.
  if (deadline == kNever || now + std::max<Nanos>(0, usual) / 2 <= deadline) return true;
  kill(Status(Code::kDeadline, cat("not answered within ", (deadline - started_) / kMicrosecond,
                                   " us: too little is left for the next step")));
  return false;
}

void Call::spent(Nanos cpu) {
  cost_.fetch_add(cpu, std::memory_order_relaxed);
  Nanos left = expected_.load(std::memory_order_relaxed);
  while (left > 0) {
    Nanos part = std::min(left, cpu);
    if (expected_.compare_exchange_weak(left, left - part, std::memory_order_relaxed)) {
      site_->executor->admission().work_done(part);
      return;
    }
  }
}

void Call::trace(const NodeState& node, Nanos begin, Nanos end, int64_t batch) {
  if (!options_.trace) return;
  const LinkedNode& at = node.frame->scope->nodes[static_cast<size_t>(node.node)];
  const Step& step = site_->plan().steps[static_cast<size_t>(at.what)];
  int32_t row = node.frame->around ? node.frame->row : -1;
  std::lock_guard lock(trace_mutex_);
  if (answered_.load(std::memory_order_relaxed)) return;
  answer_.trace.push_back({step.name, node.ready - started_, begin - started_, end - started_, row,
                           static_cast<int32_t>(batch)});
}

void Call::fail_step(NodeState& node, Status status) {
  Frame& frame = *node.frame;
  const LinkedNode& at = frame.scope->nodes[static_cast<size_t>(node.node)];
  const Step& step = site_->plan().steps[static_cast<size_t>(at.what)];
  site_->metrics.steps[static_cast<size_t>(at.what)].failed.add();
  Code code = status.code();
  bool lost = is_lost(code);
  if (!lost && step.options.on_error != OnError::kFail) {
    for (size_t port = 0; port < step.outputs.size(); ++port) {
      Value& out = frame.slot(static_cast<size_t>(step.first_slot) + port);
      out = Value();
      int use = step.options.on_error == OnError::kUse && port < step.options.use.size()
                    ? step.options.use[port]
                    : -1;
      if (use >= 0) out = site_->plan().constants[static_cast<size_t>(use)];
    }
    return;
  }
  if (may_pass_next_time(code)) code = Code::kStepFailed;
  fail(frame, cat("step ", step.name), Status(code, status.message()));
}

void Call::fail(const Frame& frame, std::string_view what, const Status& why) {
  if (dead()) return;  // the message would be for nobody
  std::string where(what);
  const Frame* row = &frame;
  for (; row->around; row = row->around) where += cat(", row ", row->row);
  if (items_ > 1) where = cat("item ", row->row, ", ", where);
  kill(why.within(where));
}

}  // namespace leat
