// The memory of one run of one scope.
//
// A frame holds the scope's values and the state of its nodes:
//   Frame | Value[slots] | NodeState[nodes] | LoopRun*[loops inside] | uses[slots]
// The rows of a loop are frames one after another in one block. Frames live until the call ends;
// the values in them go as soon as their last reader is done.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/clock.h"
#include "batch/batch_queue.h"
#include "leat/pipeline.h"
#include "pipeline/link.h"

namespace leat {

class Call;
struct Frame;
struct LoopRun;

struct alignas(64) NodeState
    : BatchItem {  // as a waiting item of a batch; `next` also links a call's own list
  Frame* frame = nullptr;
  std::atomic<int32_t> pending{0};
  int32_t node = 0;
  Nanos ready = 0;
};
static_assert(sizeof(NodeState) == 64);

struct alignas(64) Frame {
  Call* call = nullptr;
  Frame* around = nullptr;
  LoopRun* loop = nullptr;
  const LinkedScope* scope = nullptr;
  int32_t row = -1;  // in its loop

  std::byte* at(size_t offset) { return reinterpret_cast<std::byte*>(this) + offset; }
  Value& slot(size_t i) { return reinterpret_cast<Value*>(this + 1)[i]; }
  NodeState& node(size_t i) { return reinterpret_cast<NodeState*>(at(scope->nodes_offset))[i]; }
  LoopRun*& inner(size_t i) { return reinterpret_cast<LoopRun**>(at(scope->loops_offset))[i]; }
  std::atomic<int32_t>& uses(size_t i) {
    return reinterpret_cast<std::atomic<int32_t>*>(at(scope->uses_offset))[i];
  }
};

// All rows of one loop in one frame around it. Followed by its counters, then by its frames.
struct alignas(64) LoopRun {
  Block* block = nullptr;  // that it lies in
  const LinkedScope* scope = nullptr;
  int64_t rows = 0;
  bool absent = false;              // its list was
  int64_t next_row = 0;             // not started yet; guarded by the pool's lock
  LoopRun* next = nullptr;          // in the call's list of loops with rows to start; likewise
  LoopRun* next_of_call = nullptr;  // all loops of the call, for the end
  Frame* first = nullptr;

  std::atomic<int64_t>& counter(size_t i) {
    return reinterpret_cast<std::atomic<int64_t>*>(this + 1)[i];
  }
  Frame& frame(int64_t row) {
    return *reinterpret_cast<Frame*>(reinterpret_cast<std::byte*>(first) +
                                     static_cast<size_t>(row) * scope->frame_bytes);
  }
};

}  // namespace leat
