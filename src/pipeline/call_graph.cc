// The nodes of a call that are no steps: loops that open, gathers that close them, and what carries
// the end of one node to the next.
#include <cstring>
#include <new>

#include "base/text.h"
#include "memory/arena.h"
#include "pipeline/executor.h"

namespace leat {

namespace {

// More rows than any real list has; what a hostile input can make the engine allocate ends here.
constexpr int64_t kMostRows = 1 << 16;

}  // namespace

NodeState* Call::end_node(NodeState& node, Nanos now) {
  Frame& frame = *node.frame;
  Found found{now};
  told(frame, frame.scope->nodes[static_cast<size_t>(node.node)], found);
  if (!found.first) end_unit();
  return found.first;
}

// What follows from the end of `node`.
void Call::told(Frame& frame, const LinkedNode& node, Found& found) {
  release_reads(frame, node);
  for (int counter : node.gathers) {
    count_down(*frame.loop, *frame.around, static_cast<size_t>(counter), 1, found);
  }
  for (int next : node.next) tell(frame, next, found);
}

void Call::tell(Frame& frame, int node, Found& found) {
  NodeState& state = frame.node(static_cast<size_t>(node));
  if (state.pending.fetch_sub(1, std::memory_order_acq_rel) == 1) ready(frame, node, found);
}

void Call::ready(Frame& frame, int index, Found& found) {
  const LinkedNode& node = frame.scope->nodes[static_cast<size_t>(index)];
  switch (node.kind) {
    case LinkedNode::Kind::kStep: {
      NodeState& state = frame.node(static_cast<size_t>(index));
      state.ready = found.now;
      if (!found.first) {
        found.first = &state;
      } else {
        begin_unit();
        list(state);
      }
      return;
    }
    case LinkedNode::Kind::kOpen:
      open_loop(frame, node, found);
      break;
    case LinkedNode::Kind::kGather:
      run_gather(frame, node);
      break;
    case LinkedNode::Kind::kBroadcast:
      run_broadcast(frame, node, found);
      break;
    case LinkedNode::Kind::kRelay:
      break;
  }
  told(frame, node, found);
}

void Call::begin_frame(Frame& frame, Found& found) {
  for (int node : frame.scope->initial) ready(frame, node, found);
}

void Call::release_reads(Frame& frame, const LinkedNode& node) {
  for (uint32_t slot : node.last_reads) {
    if (frame.scope->uses[slot] == 1 ||
        frame.uses(slot).fetch_sub(1, std::memory_order_acq_rel) == 1) {
      frame.slot(slot) = Value();
    }
  }
}

Result<LoopRun*> Call::make_rows(const LinkedScope& scope, Frame* around, int64_t rows) {
  size_t head = sizeof(LoopRun) + scope.counters.size() * sizeof(std::atomic<int64_t>);
  head = (head + 63) / 64 * 64;
  size_t bytes = head + static_cast<size_t>(rows) * scope.frame_bytes;
  LEAT_ASSIGN(Block * block, Arena::heap().allocate(bytes));
  // An absent Value is all zeros, and so is a node nobody has told anything.
  std::memset(static_cast<void*>(block->payload), 0, bytes);
  auto* loop = new (block->payload) LoopRun;
  loop->block = block;
  loop->scope = &scope;
  loop->rows = rows;
  loop->first = reinterpret_cast<Frame*>(block->payload + head);
  for (size_t i = 0; i < scope.counters.size(); ++i) {
    loop->counter(i).store(rows, std::memory_order_relaxed);
  }
  for (int64_t row = 0; row < rows; ++row) {
    auto* frame = new (&loop->frame(row)) Frame;
    frame->call = this;
    frame->around = around;
    frame->loop = loop;
    frame->scope = &scope;
    frame->row = static_cast<int32_t>(row);
    for (size_t i = 0; i < scope.nodes.size(); ++i) {
      NodeState& state = frame->node(i);
      state.frame = frame;
      state.node = static_cast<int32_t>(i);
      state.pending.store(scope.nodes[i].pending, std::memory_order_relaxed);
    }
    for (size_t i = 0; i < scope.uses.size(); ++i) {
      frame->uses(i).store(scope.uses[i], std::memory_order_relaxed);
    }
  }
  loop->next_of_call = loops_.load(std::memory_order_relaxed);
  while (!loops_.compare_exchange_weak(loop->next_of_call, loop, std::memory_order_acq_rel)) {
  }
  return loop;
}

// Leaves rows [from, ...) to the pool; a unit is counted for each.
void Call::start_rows(LoopRun& loop, int64_t from) {
  if (loop.scope->initial.empty() || from >= loop.rows) return;
  begin_unit(loop.rows - from);
  site_->executor->pool().add(*this, level_, [&] {
    loop.next_row = from;
    loop.next = nullptr;
    if (rows_head_) {
      rows_tail_->next = &loop;
    } else {
      rows_head_ = &loop;
    }
    rows_tail_ = &loop;
  });
}

// The rows that begin by joining a queue do it here and now, so that they share batches. False if
// they begin otherwise, or are too many for one thread.
bool Call::join_rows(LoopRun& loop) {
  constexpr int64_t kMost = 256;
  Executor& executor = *site_->executor;
  if (!loop.scope->joins || loop.rows > kMost || executor.manual()) return false;
  begin_unit(loop.rows);
  executor.join(loop, *loop.scope->joins);
  return true;
}

void Call::open_loop(Frame& frame, const LinkedNode& node, Found& found) {
  const LinkedScope& scope = site_->linked->scopes[static_cast<size_t>(node.what)];
  auto fail_loop = [&](Code code, std::string_view why) {
    fail(frame, cat("for_each ", scope.scope->name), Status(code, std::string(why)));
  };
  int64_t rows = -1;
  bool absent = false;
  for (const Read& read : scope.lists) absent = absent || !read_value(frame, read)->present();
  for (const Read& read : scope.lists) {
    if (absent) break;
    const Value& list = *read_value(frame, read);
    if (!list.is_list() && list.tensor().shape().rank() == 0) {
      fail_loop(Code::kStepFailed, "a scalar cannot be walked, a list is wanted");
      return;
    }
    int64_t length =
        list.is_list() ? static_cast<int64_t>(list.rows().size()) : list.tensor().shape()[0];
    if (rows >= 0 && length != rows) {
      fail_loop(Code::kStepFailed,
                cat("lists of ", rows, " and ", length, " rows cannot be walked together"));
      return;
    }
    rows = length;
  }
  if (absent) rows = 0;
  if (rows > kMostRows) {
    fail_loop(Code::kTooLarge, cat(rows, " rows, at most ", kMostRows, " are allowed"));
    return;
  }
  auto made = make_rows(scope, &frame, rows);
  if (!made.ok()) {
    kill(made.status());
    return;
  }
  LoopRun& loop = **made;
  loop.absent = absent;
  frame.inner(static_cast<size_t>(node.child)) = &loop;
  for (int64_t row = 0; row < rows; ++row) {
    Frame& inside = loop.frame(row);
    for (size_t i = 0; i < scope.lists.size(); ++i) {
      const Value& list = *read_value(frame, scope.lists[i]);
      inside.slot(i) =
          list.is_list() ? list.rows()[static_cast<size_t>(row)] : Value(list.tensor().row(row));
    }
    if (scope.scope->index_slot >= 0) {
      auto index = Tensor::scalar<int64_t>(row);
      if (!index.ok()) {
        kill(index.status());
        return;
      }
      inside.slot(static_cast<size_t>(scope.scope->index_slot)) = Value(*std::move(index));
    }
  }
  // The loop as a whole was expected once; now its rows are.
  for (size_t i = 0; i < scope.arrivals.size(); ++i) {
    if (scope.arrivals[i] > 0) arrived(static_cast<int>(i), 1 - rows * scope.arrivals[i]);
  }
  if (rows == 0) {
    for (int gather : scope.counters) tell(frame, gather, found);
    return;
  }
  for (int counter : scope.at_open) {
    count_down(loop, frame, static_cast<size_t>(counter), rows, found);
  }
  if (join_rows(loop)) return;
  // This thread begins the first row itself if it has nothing better to go on with.
  bool first_here = !found.first && !site_->executor->manual();
  start_rows(loop, first_here ? 1 : 0);
  if (first_here) begin_frame(loop.frame(0), found);
}

void Call::count_down(LoopRun& loop, Frame& around, size_t counter, int64_t by, Found& found) {
  if (loop.counter(counter).fetch_sub(by, std::memory_order_acq_rel) == by) {
    tell(around, loop.scope->counters[counter], found);
  }
}

void Call::run_broadcast(Frame& frame, const LinkedNode& node, Found& found) {
  LoopRun* loop = frame.inner(static_cast<size_t>(node.child));
  if (!loop) return;  // the call is ending
  for (int64_t row = 0; row < loop->rows; ++row) {
    for (int target : node.targets) tell(loop->frame(row), target, found);
  }
}

void Call::run_gather(Frame& frame, const LinkedNode& node) {
  LoopRun* loop = frame.inner(static_cast<size_t>(node.child));
  if (!loop || loop->absent) return;  // absent as well
  const LinkedGather& linked = site_->linked->gathers[static_cast<size_t>(node.what)];
  const Gather& gather = *linked.gather;
  thread_local std::vector<Value> rows;
  thread_local std::vector<int64_t> kept;
  rows.clear();
  kept.clear();
  for (int64_t row = 0; row < loop->rows; ++row) {
    const Value& value = loop->frame(row).slot(linked.slot_in_row);
    if (value.present()) {
      rows.push_back(value);
      kept.push_back(row);
    } else if (gather.absent == IfAbsent::kUse) {
      rows.push_back(site_->plan().constants[static_cast<size_t>(gather.use)]);
    } else if (gather.absent == IfAbsent::kFail) {
      fail(frame, gather.name,
           Status(Code::kStepFailed,
                  cat("row ", row, " of ", loop->rows,
                      " is absent; say `absent: drop` or `absent: { use: ... }` to allow it")));
      rows.clear();
      return;
    }
  }
  Status status;
  if (rows.empty()) {
    Shape shape{0};
    for (const Dim& dim : linked.row_type.dims) {
      if (shape.rank() < Shape::kMaxRank)
        shape = shape.with(shape.rank(), std::max<int64_t>(0, dim.size));
    }
    auto empty = empty_tensor(linked.row_type.dtype().value_or(DType::kFp32), shape);
    status = empty.status();
    if (empty.ok()) frame.slot(static_cast<size_t>(gather.slot)) = *std::move(empty);
  } else {
    auto stacked = stack_rows(rows);
    status = stacked.status();
    if (stacked.ok()) frame.slot(static_cast<size_t>(gather.slot)) = *std::move(stacked);
  }
  rows.clear();
  if (status.ok() && gather.rows_slot >= 0) {
    auto numbers =
        Tensor::of(std::span<const int64_t>(kept), Shape{static_cast<int64_t>(kept.size())});
    status = numbers.status();
    if (numbers.ok()) frame.slot(static_cast<size_t>(gather.rows_slot)) = *std::move(numbers);
  }
  if (!status.ok()) kill(std::move(status));
}

}  // namespace leat
