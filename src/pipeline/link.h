// Linking: a Plan becomes counters and edges that the executor follows without looking anything up.
//
// Every scope is a graph of nodes, run once in each of its frames. A node starts when `pending`
// others of its frame have told it so; when it ends, done or skipped, it tells `next`. Beside steps
// there are the nodes that join scopes:
//   open       makes a loop's rows, once its lists are there
//   gather     collects a value of the rows; told by the last row that made its own
//   broadcast  carries the end of an outer node into every row of a loop that is open already;
//              a relay is where it arrives, for loops further in
// What ended before a loop opened needs no broadcast: its rows may simply read it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pipeline/plan.h"

namespace leat {

class Runner;

// A Source as seen from a reader's frame: `up` frames outward, then a slot; or a constant.
struct Read {
  const Value* constant = nullptr;
  uint16_t up = 0;
  uint32_t slot = 0;
};

struct ReadItem {
  std::vector<Read> alternatives;
  bool optional = false;
};

struct LinkedNode {
  enum class Kind : uint8_t { kStep, kOpen, kGather, kBroadcast, kRelay };
  Kind kind = Kind::kStep;
  int what = 0;  // step, scope or gather: its index in the plan
  int pending = 0;
  std::vector<int> next{};     // nodes of the same scope
  std::vector<int> gathers{};  // counters of the loop around that this node's end counts down
  std::vector<uint32_t>
      last_reads{};            // slots of the frame that this node reads: released at the end
  int child = -1;              // open, broadcast: which of the frame's loops
  std::vector<int> targets{};  // broadcast: nodes inside the loop
  int counter = -1;            // gather: which of the loop's counters
};

struct LinkedStep {
  const Step* step = nullptr;
  int node = 0;  // in its scope
  std::vector<std::vector<ReadItem>> inputs;
  std::vector<bool> check;  // by port: must values be checked at run time?
  size_t most_items = 0;    // references in all ports together
  std::vector<Read> when;
  std::shared_ptr<Runner> runner;  // null: runs directly
  int group = -1;                  // which of the call's batch groups
  // By output port: the queue in whose next batch the value may be built, and the model's port.
  std::vector<std::pair<Runner*, int>> in_place;
};

struct LinkedGather {
  const Gather* gather = nullptr;
  uint32_t slot_in_row = 0;
  Type row_type;  // of what is gathered, for a loop without rows
};

struct LinkedScope {
  const Scope* scope = nullptr;
  std::vector<LinkedNode> nodes;
  std::vector<int> initial;   // nodes with nothing pending
  Runner* joins = nullptr;    // a row begins by joining this queue, and by nothing else
  std::vector<int> children;  // scopes inside, by position in a frame's loops
  std::vector<Read> lists;    // as read from the parent's frame
  std::vector<int> counters;  // gather nodes of the parent, by counter
  std::vector<int> at_open;   // counters of values that every row has from the start
  std::vector<int32_t> uses;  // by slot: nodes of the frame that read it; -1: kept to the end
  size_t frame_bytes = 0;
  size_t nodes_offset = 0, loops_offset = 0, uses_offset = 0;
  // By batch group: steps of this scope with that runner, and child scopes that hold some.
  std::vector<int32_t> arrivals;
};

struct Linked {
  std::unique_ptr<Plan> plan;
  std::vector<LinkedStep> steps;
  std::vector<LinkedGather> gathers;
  std::vector<LinkedScope> scopes;
  std::vector<std::vector<Read>> outputs;
  std::vector<Runner*> groups;  // the runners of this plan; a call has a batch group for each
};

// `runner_of` gives the queue of a step, or null for a step that runs directly.
std::unique_ptr<Linked> link(std::unique_ptr<Plan> plan,
                             const std::vector<std::shared_ptr<Runner>>& runner_of);

}  // namespace leat
