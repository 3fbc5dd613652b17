#include "pipeline/link.h"

#include <algorithm>
#include <map>
#include <set>

#include "pipeline/frame.h"
#include "pipeline/runner.h"

namespace leat {

namespace {

constexpr int kNone = -1;

// Can a value of type `have` fail to fit `want`?
bool may_not_fit(const Type& want, const Type& have) {
  if ((have.dtypes & ~want.dtypes) != 0) return true;
  if (want.open && want.dims.empty()) return false;
  if (have.open || have.dims.size() < want.dims.size()) return true;
  if (!want.open && have.dims.size() != want.dims.size()) return true;
  for (size_t i = 0; i < want.dims.size(); ++i) {
    if (want.dims[i].size >= 0 && want.dims[i].size != have.dims[i].size) return true;
  }
  return false;
}

class Linker {
 public:
  Linker(std::unique_ptr<Plan> plan, const std::vector<std::shared_ptr<Runner>>& runner_of)
      : linked_(std::make_unique<Linked>()), runner_of_(runner_of) {
    linked_->plan = std::move(plan);
  }

  std::unique_ptr<Linked> run() {
    make_scopes();
    // Plan order is an order of making: what a node reads has been linked before it.
    for (size_t i = 0; i < plan().steps.size(); ++i) {
      open_lists_of(plan().steps[i].scope);
      link_step(static_cast<int>(i));
    }
    for (size_t i = 0; i < plan().scopes.size(); ++i) open_lists_of(static_cast<int>(i));
    link_outputs();
    settle_uses();
    find_in_exchange();
    find_in_place();
    lay_out();
    return std::move(linked_);
  }

 private:
  const Plan& plan() const { return *linked_->plan; }
  LinkedScope& scope(int i) { return linked_->scopes[static_cast<size_t>(i)]; }
  LinkedNode& node(int in_scope, int i) { return scope(in_scope).nodes[static_cast<size_t>(i)]; }
  int parent(int i) const { return plan().scopes[static_cast<size_t>(i)].parent; }

  int add_node(int in_scope, LinkedNode::Kind kind, int what) {
    scope(in_scope).nodes.push_back({.kind = kind, .what = what});
    return static_cast<int>(scope(in_scope).nodes.size()) - 1;
  }

  void add_edge(int in_scope, int from, int to) {
    std::vector<int>& next = node(in_scope, from).next;
    if (std::find(next.begin(), next.end(), to) != next.end()) return;
    next.push_back(to);
    ++node(in_scope, to).pending;
  }

  void make_scopes() {
    size_t count = plan().scopes.size();
    linked_->scopes.resize(count);
    open_node_.assign(count, kNone);
    for (size_t i = 0; i < count; ++i) {
      linked_->scopes[i].scope = &plan().scopes[i];
      linked_->scopes[i].uses.assign(static_cast<size_t>(plan().scopes[i].slots), 0);
    }
    linked_->steps.resize(plan().steps.size());
    linked_->gathers.resize(plan().gathers.size());
    for (size_t i = 0; i < plan().gathers.size(); ++i) {
      const Gather& gather = plan().gathers[i];
      linked_->gathers[i] = {&gather, static_cast<uint32_t>(gather.source.slot),
                             type_of(gather.source)};
      gather_at_[{gather.scope, gather.slot}] = static_cast<int>(i);
      if (gather.rows_slot >= 0) {
        gather_at_[{gather.scope, gather.rows_slot}] = static_cast<int>(i);
      }
    }
  }

  Type type_of(const Source& source) const {
    if (source.constant >= 0) {
      const Value& value = plan().constants[static_cast<size_t>(source.constant)];
      if (value.is_list() || !value.present()) return Type::anything();
      return Type::exactly(value.tensor().dtype(), value.tensor().shape());
    }
    for (const Step& step : plan().steps) {
      int port = source.slot - step.first_slot;
      if (step.scope == source.scope && port >= 0 && port < static_cast<int>(step.outputs.size())) {
        return step.outputs[static_cast<size_t>(port)];
      }
    }
    for (const Gather& gather : plan().gathers) {
      if (gather.scope != source.scope) continue;
      if (gather.rows_slot == source.slot) return Type::of("INT64[?]");
      if (gather.slot != source.slot) continue;
      Type type = type_of(gather.source);
      if (gather.use >= 0) {
        Type use = type_of({.constant = gather.use});
        if (may_not_fit(type, use)) type = Type::anything();
      }
      type.image = false;
      if (type.dims.size() < Shape::kMaxRank) type.dims.insert(type.dims.begin(), Dim{});
      return type;
    }
    const Scope& scope = plan().scopes[static_cast<size_t>(source.scope)];
    if (source.scope == 0) return plan().inputs[static_cast<size_t>(source.slot)].port.type;
    if (source.slot >= static_cast<int>(scope.lists.size())) {
      return Type::exactly(DType::kInt64, Shape{});  // index
    }
    Type type = type_of(scope.lists[static_cast<size_t>(source.slot)]);
    if (!type.dims.empty()) type.dims.erase(type.dims.begin());
    type.image = false;
    return type;
  }

  // The node that opens a loop, and what it waits for.
  void open_lists_of(int loop) {
    if (loop == 0 || open_node_[static_cast<size_t>(loop)] != kNone) return;
    int around = parent(loop);
    open_lists_of(around);
    int open = add_node(around, LinkedNode::Kind::kOpen, loop);
    open_node_[static_cast<size_t>(loop)] = open;
    node(around, open).child = static_cast<int>(scope(around).children.size());
    scope(around).children.push_back(loop);
    for (const Source& list : plan().scopes[static_cast<size_t>(loop)].lists) {
      scope(loop).lists.push_back(read(around, open, list));
    }
  }

  // The node that makes a value, in the value's own scope; kNone: there when the frame is made.
  int producer(const Source& source) {
    auto made = step_at_.find({source.scope, source.slot});
    if (made != step_at_.end()) return made->second;
    auto gathered = gather_at_.find({source.scope, source.slot});
    if (gathered != gather_at_.end()) return link_gather(gathered->second);
    return kNone;
  }

  int link_gather(int index) {
    auto known = gather_node_.find(index);
    if (known != gather_node_.end()) return known->second;
    const Gather& gather = plan().gathers[static_cast<size_t>(index)];
    int loop = gather.source.scope;
    open_lists_of(loop);
    int me = add_node(gather.scope, LinkedNode::Kind::kGather, index);
    gather_node_[index] = me;
    LinkedScope& rows = scope(loop);
    int counter = static_cast<int>(rows.counters.size());
    rows.counters.push_back(me);
    node(gather.scope, me).counter = counter;
    node(gather.scope, me).child = node(gather.scope, open_node_[static_cast<size_t>(loop)]).child;
    node(gather.scope, me).pending = 1;  // told once by the loop
    int from = producer(gather.source);
    if (from != kNone) {
      node(loop, from).gathers.push_back(counter);
    } else {
      complete_at_open_.insert({loop, counter});
    }
    rows.uses[static_cast<size_t>(gather.source.slot)] = kKept;
    return me;
  }

  // Is `a` certain to have ended when `b` begins? (Both nodes of one scope.)
  bool before(int in_scope, int a, int b) {
    if (a == b) return true;
    std::vector<int> open{a};
    std::set<int> seen{a};
    while (!open.empty()) {
      int at = open.back();
      open.pop_back();
      const LinkedNode& here = node(in_scope, at);
      std::vector<int> next = here.next;
      // A loop's gathers come after the loop was opened.
      if (here.kind == LinkedNode::Kind::kOpen) {
        for (int counter : scope(here.what).counters) next.push_back(counter);
      }
      for (int to : next) {
        if (to == b) return true;
        if (seen.insert(to).second) open.push_back(to);
      }
    }
    return false;
  }

  // The node of `in_scope` after whose end the value can be read there; kNone: at any time.
  int arrival(const Source& source, int in_scope) {
    if (source.scope == in_scope) return producer(source);
    int around = parent(in_scope);
    int outside = arrival(source, around);
    if (outside == kNone) return kNone;
    int open = open_node_[static_cast<size_t>(in_scope)];
    if (before(around, outside, open)) return kNone;
    auto key = std::make_pair(in_scope, outside);
    auto known = relay_.find(key);
    if (known != relay_.end()) return known->second;
    int relay = add_node(in_scope, LinkedNode::Kind::kRelay, 0);
    node(in_scope, relay).pending = 1;
    int broadcast = add_node(around, LinkedNode::Kind::kBroadcast, in_scope);
    node(around, broadcast).child = node(around, open).child;
    node(around, broadcast).targets = {relay};
    add_edge(around, outside, broadcast);
    add_edge(around, open, broadcast);
    relay_[key] = relay;
    return relay;
  }

  Read read(int in_scope, int reader, const Source& source) {
    if (source.constant >= 0) {
      return {.constant = &plan().constants[static_cast<size_t>(source.constant)]};
    }
    int from = arrival(source, in_scope);
    if (from != kNone) add_edge(in_scope, from, reader);
    Read result;
    for (int at = in_scope; at != source.scope; at = parent(at)) ++result.up;
    result.slot = static_cast<uint32_t>(source.slot);
    int32_t& uses = scope(source.scope).uses[result.slot];
    bool opens_loop = node(in_scope, reader).kind == LinkedNode::Kind::kOpen;
    if (result.up > 0 || opens_loop) {
      uses = kKept;  // rows may read it at any time
    } else if (uses != kKept) {
      std::vector<uint32_t>& reads = node(in_scope, reader).last_reads;
      if (std::find(reads.begin(), reads.end(), result.slot) == reads.end()) {
        reads.push_back(result.slot);
        ++uses;
      }
    }
    return result;
  }

  void link_step(int index) {
    const Step& step = plan().steps[static_cast<size_t>(index)];
    LinkedStep& to = linked_->steps[static_cast<size_t>(index)];
    to.step = &step;
    to.node = add_node(step.scope, LinkedNode::Kind::kStep, index);
    if (step.when) {
      for (const Source& source : step.when->references) {
        to.when.push_back(read(step.scope, to.node, source));
      }
    }
    for (size_t port = 0; port < step.inputs.size(); ++port) {
      std::vector<ReadItem> items;
      bool check = false;
      for (const Item& item : step.inputs[port]) {
        bool optional = item.optional || (step.spec && step.spec->inputs[port].optional);
        ReadItem reads{.alternatives = {}, .optional = optional};
        for (const Source& source : item.alternatives) {
          reads.alternatives.push_back(read(step.scope, to.node, source));
          check = check || may_not_fit(step.input_types[port], type_of(source));
        }
        items.push_back(std::move(reads));
        ++to.most_items;
      }
      to.inputs.push_back(std::move(items));
      to.check.push_back(check);
    }
    for (size_t port = 0; port < step.outputs.size(); ++port) {
      step_at_[{step.scope, step.first_slot + static_cast<int>(port)}] = to.node;
    }
    to.in_place.assign(step.outputs.size(), {nullptr, 0});
    to.runner = runner_of_[static_cast<size_t>(index)];
    if (to.runner) {
      auto& groups = linked_->groups;
      auto found = std::find(groups.begin(), groups.end(), to.runner.get());
      to.group = static_cast<int>(found - groups.begin());
      if (found == groups.end()) groups.push_back(to.runner.get());
    }
  }

  void link_outputs() {
    for (const PlanOutput& output : plan().outputs) {
      std::vector<Read> reads;
      for (const Source& source : output.item.alternatives) {
        if (source.constant >= 0) {
          reads.push_back({.constant = &plan().constants[static_cast<size_t>(source.constant)]});
          continue;
        }
        producer(source);  // links a gather that only the output asks for
        scope(0).uses[static_cast<size_t>(source.slot)] = kKept;
        reads.push_back({.up = 0, .slot = static_cast<uint32_t>(source.slot)});
      }
      linked_->outputs.push_back(std::move(reads));
    }
    // A gather whose rows have nothing to wait for is told by the loop's own open node.
    for (auto [loop, counter] : complete_at_open_) {
      scope(loop).at_open.push_back(counter);
    }
  }

  // A slot that is kept to the end needs no counting by its readers.
  void settle_uses() {
    for (LinkedScope& in : linked_->scopes) {
      for (LinkedNode& each : in.nodes) {
        std::erase_if(each.last_reads, [&](uint32_t slot) { return in.uses[slot] == kKept; });
      }
      for (size_t i = 0; i < in.nodes.size(); ++i) {
        if (in.nodes[i].pending == 0) in.initial.push_back(static_cast<int>(i));
      }
      if (in.initial.size() != 1) continue;
      const LinkedNode& first = in.nodes[static_cast<size_t>(in.initial[0])];
      if (first.kind == LinkedNode::Kind::kStep) {
        in.joins = linked_->steps[static_cast<size_t>(first.what)].runner.get();
      }
    }
    for (LinkedScope& in : linked_->scopes) {
      in.arrivals.assign(linked_->groups.size(), 0);
    }
    for (const LinkedStep& step : linked_->steps) {
      if (step.group >= 0) ++scope(step.step->scope).arrivals[static_cast<size_t>(step.group)];
    }
    // Children come after their parents: count them from the end.
    for (size_t i = linked_->scopes.size(); i-- > 1;) {
      LinkedScope& in = linked_->scopes[i];
      for (size_t group = 0; group < in.arrivals.size(); ++group) {
        if (in.arrivals[group] > 0) ++scope(in.scope->parent).arrivals[group];
      }
    }
  }

  // What an operator gives to a step in a process is built where that can see it.
  void find_in_exchange() {
    for (LinkedStep& reader : linked_->steps) {
      const Step& step = *reader.step;
      if (!step.workers || step.model) continue;
      for (size_t port = 0; port < reader.inputs.size(); ++port) {
        for (const ReadItem& item : reader.inputs[port]) {
          for (const Read& source : item.alternatives) {
            if (!source.constant && source.up == 0) {
              build_in_place(source, step.scope, reader.runner.get(), static_cast<int>(port));
            }
          }
        }
      }
    }
  }

  void build_in_place(const Read& source, int in_scope, Runner* runner, int reader_port) {
    for (LinkedStep& writer : linked_->steps) {
      int port = static_cast<int>(source.slot) - writer.step->first_slot;
      if (writer.step->scope == in_scope && writer.step->op && port >= 0 &&
          port < static_cast<int>(writer.step->outputs.size())) {
        writer.in_place[static_cast<size_t>(port)] = {runner, reader_port};
      }
    }
  }

  // An operator's output may be built in the batch of the model that reads it, if that is the only
  // input that the model takes in batches, and the step is in the same frame.
  void find_in_place() {
    for (LinkedStep& reader : linked_->steps) {
      const Step& step = *reader.step;
      if (!step.model || !reader.runner || step.options.pad || step.options.batch_max <= 1)
        continue;
      int batched_port = kNone;
      int batched_ports = 0;
      for (size_t port = 0; port < step.input_axis.size(); ++port) {
        if (step.input_axis[port] < 0) continue;
        ++batched_ports;
        if (step.input_axis[port] == 0) batched_port = static_cast<int>(port);
      }
      if (batched_ports != 1 || batched_port == kNone) continue;
      const auto& items = reader.inputs[static_cast<size_t>(batched_port)];
      if (items.size() != 1 || items[0].alternatives.size() != 1) continue;
      const Read& source = items[0].alternatives[0];
      if (source.constant || source.up > 0) continue;
      build_in_place(source, step.scope, reader.runner.get(), batched_port);
    }
  }

  void lay_out() {
    for (LinkedScope& in : linked_->scopes) {
      size_t offset = sizeof(Frame) + sizeof(Value) * static_cast<size_t>(in.scope->slots);
      offset = (offset + 63) / 64 * 64;
      in.nodes_offset = offset;
      offset += sizeof(NodeState) * in.nodes.size();
      in.loops_offset = offset;
      offset += sizeof(LoopRun*) * in.children.size();
      in.uses_offset = offset;
      offset += sizeof(std::atomic<int32_t>) * static_cast<size_t>(in.scope->slots);
      in.frame_bytes = (offset + 63) / 64 * 64;
    }
  }

  static constexpr int32_t kKept = -1;

  std::unique_ptr<Linked> linked_;
  const std::vector<std::shared_ptr<Runner>>& runner_of_;
  std::vector<int> open_node_;                      // by loop: in the scope around
  std::map<std::pair<int, int>, int> step_at_;      // (scope, slot) -> node
  std::map<std::pair<int, int>, int> gather_at_;    // (scope, slot) -> gather
  std::map<int, int> gather_node_;                  // gather -> node
  std::map<std::pair<int, int>, int> relay_;        // (loop, node outside) -> node inside
  std::set<std::pair<int, int>> complete_at_open_;  // (loop, counter)
};

}  // namespace

std::unique_ptr<Linked> link(std::unique_ptr<Plan> plan,
                             const std::vector<std::shared_ptr<Runner>>& runner_of) {
  return Linker(std::move(plan), runner_of).run();
}

}  // namespace leat
