#include "pipeline/drawing/drawing.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "pipeline/link.h"

namespace leat {

namespace {

std::string duration(Nanos nanos) {
  if (nanos % kSecond == 0) return cat(nanos / kSecond, " s");
  return cat(static_cast<double>(nanos) / kMillisecond, " ms");
}

// Where a value comes from: a box, and what to write at an arrow that leaves it.
struct Origin {
  int box = -1;   // -1: nothing to draw, a constant or a row's number
  int step = -1;  // when a step made it, and the value goes as it is
  int port = 0;
  std::string label;
};

class Tracer {
 public:
  explicit Tracer(const Linked& linked) : linked_(linked), plan_(*linked.plan) {
    drawing_.title = plan_.name;
    for (size_t i = 0; i < plan_.scopes.size(); ++i) {
      const Scope& scope = plan_.scopes[i];
      drawing_.loops.push_back(
          {scope.parent, i == 0 ? plan_.name : cat("for each of ", scope.name)});
    }
    add_boxes();
    for (size_t i = 0; i < plan_.steps.size(); ++i) add_arrows(i);
    for (size_t i = 0; i < plan_.outputs.size(); ++i) {
      int box = static_cast<int>(first_output_ + i);
      for (const Source& source : plan_.outputs[i].item.alternatives) add(origin(source), box);
    }
  }
  Drawing take() { return std::move(drawing_); }

 private:
  void add_boxes() {
    for (size_t i = 0; i < plan_.inputs.size(); ++i) {
      const Port& port = plan_.inputs[i].port;
      bool optional = port.optional || plan_.inputs[i].fallback >= 0;
      values_[{0, static_cast<int>(i)}] = {static_cast<int>(i), -1, 0, {}};
      drawing_.boxes.push_back({Drawing::Kind::kInput,
                                {port.name, cat(port.type.text(), optional ? ", optional" : "")},
                                0});
    }
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      const Step& step = plan_.steps[i];
      for (size_t port = 0; port < step.outputs.size(); ++port) {
        values_[{step.scope, step.first_slot + static_cast<int>(port)}] = {
            static_cast<int>(drawing_.boxes.size()), static_cast<int>(i), static_cast<int>(port),
            step.output_names[port]};
      }
      drawing_.boxes.push_back(box_of(step));
    }
    for (size_t i = 0; i < plan_.gathers.size(); ++i) gathers_.push_back(&plan_.gathers[i]);
    first_output_ = drawing_.boxes.size();
    for (const PlanOutput& output : plan_.outputs) {
      drawing_.boxes.push_back(
          {Drawing::Kind::kOutput,
           {output.name, cat(output.type.text(), output.ragged ? ", ragged" : "",
                             output.may_be_absent ? ", may be absent" : "")},
           0});
    }
  }

  static Drawing::Box box_of(const Step& step) {
    Drawing::Box box{
        step.model ? Drawing::Kind::kModel : Drawing::Kind::kOperator, {step.name}, step.scope};
    if (!step.spec) {
      box.lines.push_back(step.what);
    } else {
      box.lines.push_back(step.spec->name);
      if (std::string remark = step.op->remark(); !remark.empty()) box.lines.push_back(remark);
    }
    const StepOptions& options = step.options;
    if (options.batch_max > 1) {
      box.lines.push_back(cat("batch up to ", options.batch_max,
                              options.batch_delay > 0
                                  ? cat(", waits ", duration(options.batch_delay))
                                  : std::string()));
    }
    if (options.instances > 1 || options.threads > 1) {
      box.lines.push_back(
          cat(std::max(options.instances, 1), " at once",
              options.threads > 1 ? cat(", ", options.threads, " threads each") : std::string()));
    }
    if (options.process.on) box.lines.push_back("in processes of its own");
    if (options.timeout != kNever) box.lines.push_back(cat("timeout ", duration(options.timeout)));
    if (options.on_error == OnError::kSkip) box.lines.push_back("on error: skipped");
    if (options.on_error == OnError::kUse) box.lines.push_back("on error: a default");
    return box;
  }

  // Follows gathers and the rows of loops to the step or input that made the value.
  Origin origin(const Source& source) const {
    if (source.constant >= 0) return {};
    if (auto made = values_.find({source.scope, source.slot}); made != values_.end()) {
      return made->second;
    }
    auto via = [&](const Source& further, std::string_view how) {
      Origin from = origin(further);
      from.step = -1;
      from.label += from.label.empty() ? how : cat(", ", how);
      return from;
    };
    for (const Gather* gather : gathers_) {
      if (gather->scope != source.scope) continue;
      if (gather->slot == source.slot) {
        return via(gather->source,
                   gather->absent == IfAbsent::kDrop ? "gathered, if present" : "gathered");
      }
      if (gather->rows_slot == source.slot) return via(gather->source, "kept row numbers");
    }
    const Scope& scope = plan_.scopes[static_cast<size_t>(source.scope)];
    if (static_cast<size_t>(source.slot) < scope.lists.size()) {
      return via(scope.lists[static_cast<size_t>(source.slot)], "a row");
    }
    return {};
  }

  void add_arrows(size_t index) {
    const Step& step = plan_.steps[index];
    int box = static_cast<int>(plan_.inputs.size() + index);
    for (size_t port = 0; port < step.inputs.size(); ++port) {
      for (const Item& item : step.inputs[port]) {
        for (const Source& source : item.alternatives) {
          Origin from = origin(source);
          bool in_place = from.step >= 0 && built_in_place(from, index, port);
          if (item.optional) from.label += ", optional";
          add(from, box, false, in_place);
        }
      }
    }
    if (!step.when) return;
    bool drawn = false;
    for (const Source& source : step.when->references) {
      Origin from = origin(source);
      if (from.box < 0) continue;
      from.label = cat("when ", step.when->text);
      if (!std::exchange(drawn, true)) add(from, box, true);
    }
    if (!drawn) {
      drawing_.boxes[static_cast<size_t>(box)].lines.push_back(cat("when ", step.when->text));
    }
  }

  bool built_in_place(const Origin& from, size_t reader, size_t port) const {
    const LinkedStep& writer = linked_.steps[static_cast<size_t>(from.step)];
    const auto& [runner, runner_port] = writer.in_place[static_cast<size_t>(from.port)];
    return runner && runner == linked_.steps[reader].runner.get() &&
           runner_port == static_cast<int>(port);
  }

  // Values that go the same way share an arrow.
  void add(const Origin& from, int to, bool condition = false, bool in_place = false) {
    if (from.box < 0) return;
    for (Drawing::Arrow& arrow : drawing_.arrows) {
      if (arrow.from != from.box || arrow.to != to || arrow.condition != condition) continue;
      arrow.in_place |= in_place;
      if (arrow.label != from.label) arrow.label += cat("; ", from.label);
      return;
    }
    drawing_.arrows.push_back({from.box, to, from.label, condition, in_place});
  }

  const Linked& linked_;
  const Plan& plan_;
  std::map<std::pair<int, int>, Origin> values_;  // by scope and slot: inputs and steps' outputs
  std::vector<const Gather*> gathers_;
  size_t first_output_ = 0;
  Drawing drawing_;
};

}  // namespace

Drawing drawing_of(const Linked& linked) { return Tracer(linked).take(); }

}  // namespace leat
