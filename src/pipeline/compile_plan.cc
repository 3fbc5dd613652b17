// lower: Draft -> Plan. Every value gets its slot; what nobody reads gets none.
#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "pipeline/constant.h"
#include "pipeline/draft.h"
#include "pipeline/step_process.h"

namespace leat {

namespace {

class Lowering {
 public:
  explicit Lowering(Draft& draft) : draft_(draft), plan_(std::make_unique<Plan>()) {}

  std::unique_ptr<Plan> lower() {
    name_plan();
    plan_->constants = std::move(draft_.constants);
    // Where slots stand is the plan's own order: what comes from outside, then what is made.
    plan_->scopes.resize(draft_.scopes.size());
    for (const DraftInput& input : draft_.units[0]->input_list) {
      plan_->inputs.push_back({{input.name, input.type, input.optional}, input.fallback});
    }
    plan_->scopes[0].slots = static_cast<int>(plan_->inputs.size());
    for (size_t i = 1; i < draft_.scopes.size(); ++i) {
      plan_->scopes[i].parent = draft_.scopes[i].parent;
      plan_->scopes[i].name = draft_.scopes[i].written;
      plan_->scopes[i].place = draft_.scopes[i].place;
      plan_->scopes[i].slots = static_cast<int>(draft_.scopes[i].lists.size());
    }
    give_index_slots();
    first_slot_.resize(draft_.steps.size());
    for (int s : draft_.order) {
      auto at = static_cast<size_t>(s);
      int& slots = slots_of(draft_.step_scope[at]);
      first_slot_[at] = slots;
      slots += static_cast<int>(draft_.steps[at]->output_names.size());
    }
    for (size_t i = 1; i < draft_.scopes.size(); ++i) {
      for (const Ref& list : draft_.scopes[i].lists) {
        Source source = source_of(list, draft_.scopes[i].parent);
        plan_->scopes[i].lists.push_back(source);
      }
    }
    for (int s : draft_.order) plan_->steps.push_back(lower_step(static_cast<size_t>(s)));
    lower_outputs();
    return draft_.mistakes.count() > 0 ? nullptr : std::move(plan_);
  }

 private:
  int& slots_of(int scope) { return plan_->scopes[static_cast<size_t>(scope)].slots; }

  void name_plan() {
    const Unit& unit = *draft_.units[0];
    Mistakes known;  // the file has been checked
    Fields fields(&unit.document->root, pipeline_table(), known);
    plan_->name = fields.text("name");
    if (plan_->name.empty()) plan_->name = std::filesystem::path(unit.file).stem().string();
    plan_->description = draft_.mistakes.hidden(fields.text("description"));
    plan_->place = unit.document->root.place();
    plan_->batched = fields.flag("batched");
    plan_->timeout = fields.duration("timeout");
  }

  void give_index_slots() {
    auto look = [&](const Ref& ref, int scope) {
      if (ref.kind != Ref::Kind::kIndex) return;
      Scope& loop = plan_->scopes[static_cast<size_t>(scope)];
      if (loop.index_slot < 0) loop.index_slot = loop.slots++;
    };
    for (int s : draft_.order) {
      auto at = static_cast<size_t>(s);
      int scope = draft_.step_scope[at];
      for_each_use(draft_, *draft_.steps[at],
                   [&](const Ref& ref, const Place&) { look(ref, scope); });
    }
  }

  // ----- values

  Source source_of(const Ref& ref, int reader) {
    Row row = row_of(draft_, ref, reader);
    if (row.scope >= 0) return {row.scope, row.list, -1};
    auto at = static_cast<size_t>(ref.at);
    switch (ref.kind) {
      case Ref::Kind::kInput:
        return {0, ref.at, -1};
      case Ref::Kind::kStep:
        return {draft_.step_scope[at], first_slot_[at] + ref.port, -1};
      case Ref::Kind::kGather:
        return gather(at);
      case Ref::Kind::kRows:
        return rows(at);
      case Ref::Kind::kIndex:
        return {reader, plan_->scopes[static_cast<size_t>(reader)].index_slot, -1};
      case Ref::Kind::kConstant:
        return {0, 0, ref.at};
      case Ref::Kind::kClosed:
        return closed(at);
      default:
        assert(false);
        return {};
    }
  }

  Source gather(size_t at) {
    if (auto known = gathers_.find(at); known != gathers_.end()) {
      const Gather& made = plan_->gathers[static_cast<size_t>(known->second)];
      return {made.scope, made.slot, -1};
    }
    const DraftGather& draft = draft_.gathers[at];
    int loop = scope_of(draft_, draft.inner);
    Source inner = source_of(draft.inner, loop);
    int use = -1;
    if (draft.use) {
      Type type = row_type(draft.inner, loop);
      use = constant(*draft.use, type, "use");
    }
    int number = add_gather(draft.written, draft.place, inner, loop, draft.absent, use);
    gathers_[at] = number;
    const Gather& made = plan_->gathers[static_cast<size_t>(number)];
    return {made.scope, made.slot, -1};
  }

  // What a row of a gather may be, as far as its step says.
  Type row_type(const Ref& inner, int loop) {
    if (inner.kind != Ref::Kind::kStep || row_of(draft_, inner, loop).scope >= 0) {
      return Type::anything();
    }
    return draft_.known[static_cast<size_t>(inner.at)][static_cast<size_t>(inner.port)].type;
  }

  int add_gather(const std::string& name, const Place& place, Source inner, int loop,
                 IfAbsent absent, int use) {
    Gather made;
    made.name = name;
    made.place = place;
    made.scope = draft_.scopes[static_cast<size_t>(loop)].parent;
    made.source = inner;
    made.slot = slots_of(made.scope)++;
    made.absent = absent;
    made.use = use;
    plan_->gathers.push_back(std::move(made));
    return static_cast<int>(plan_->gathers.size()) - 1;
  }

  Source rows(size_t at) {
    auto of = static_cast<size_t>(draft_.rows[at].gather);
    gather(of);
    Gather& made = plan_->gathers[static_cast<size_t>(gathers_.at(of))];
    if (made.rows_slot < 0) made.rows_slot = slots_of(made.scope)++;
    return {made.scope, made.rows_slot, -1};
  }

  Source closed(size_t at) {
    const DraftClosed& draft = draft_.closed[at];
    int home = scope_of(draft_, draft.inner);
    auto own = [&](int scope) {
      return scope > 0 && draft_.scopes[static_cast<size_t>(scope)].unit == draft.unit;
    };
    if (!own(home)) {
      return source_of(draft.inner, draft_.unit_scope[static_cast<size_t>(draft.unit)]);
    }
    if (auto known = closed_.find(at); known != closed_.end()) return known->second;
    Source source = source_of(draft.inner, home);
    std::string name = cat("gather of ", name_of(draft_, draft.inner));
    for (int loop = home; own(loop); loop = draft_.scopes[static_cast<size_t>(loop)].parent) {
      const Place& place = draft_.scopes[static_cast<size_t>(loop)].place;
      auto number = static_cast<size_t>(add_gather(name, place, source, loop, IfAbsent::kFail, -1));
      source = {plan_->gathers[number].scope, plan_->gathers[number].slot, -1};
    }
    closed_[at] = source;
    return source;
  }

  int constant(const Node& node, const Type& type, std::string_view what) {
    auto tensor = make_constant(node, type);
    if (!tensor.ok()) {
      draft_.mistakes.add(node.place(), cat(what, ": ", tensor.status().message()));
      return -1;
    }
    plan_->constants.emplace_back(*std::move(tensor));
    return static_cast<int>(plan_->constants.size()) - 1;
  }

  // ----- steps

  Step lower_step(size_t at) {
    DraftStep& draft = *draft_.steps[at];
    int scope = draft_.step_scope[at];
    Step step;
    step.name = draft.name;
    step.place = draft.place;
    step.scope = scope;
    for (const DraftCondition& condition : draft.conditions) add_condition(condition, scope, step);
    for (const auto& port : draft.inputs) {
      std::vector<Item>& items = step.inputs.emplace_back();
      for (const DraftItem& item : port) items.push_back(lower_item(item, scope));
    }
    step.input_types = draft_.input_types[at];
    for (const Known& known : draft_.known[at]) step.outputs.push_back(known.type);
    step.input_names = draft.input_names;
    step.output_names = draft.output_names;
    step.first_slot = first_slot_[at];
    step.options = draft.options;
    if (draft.options.on_error == OnError::kUse) lower_use(draft, step);
    step.spec = draft.spec;
    step.op = std::move(draft_.ops[at]);
    step.model = draft.model;
    step.workers = draft.workers;
    if (!draft.description.empty()) start_workers(draft, step);
    if (const Node* python = draft.node->find("python")) step.what = python->shown;
    if (draft.model) {
      step.model_key = draft.model_key;
      step.what = std::filesystem::path(draft.node->find("model")->shown).filename();
      step.input_axis = draft.ports.input_axis;
      step.output_axis = draft.ports.output_axis;
      for (size_t i = 0; i < draft.output_names.size(); ++i) {
        step.model_outputs.push_back(static_cast<int>(i));
      }
    }
    return step;
  }

  void start_workers(const DraftStep& draft, Step& step) {
    auto workers = draft_.models->start(draft.description, step.options);
    if (workers.ok()) {
      step.workers = *std::move(workers);
    } else {
      draft_.mistakes.add(draft.what_place, cat("run_in: process: ", workers.status().message()));
    }
  }

  void add_condition(const DraftCondition& draft, int scope, Step& step) {
    auto parsed = Expression::parse(draft.text);
    std::vector<Source> references;
    for (const Ref& ref : draft.references) references.push_back(source_of(ref, scope));
    std::string text = draft_.mistakes.hidden(draft.text);
    if (!step.when) {
      step.when = Condition{*std::move(parsed), std::move(references), std::move(text)};
      return;
    }
    step.when->text = cat("(", step.when->text, ") and (", text, ")");
    step.when->expression = Expression::both(std::move(step.when->expression), *std::move(parsed));
    step.when->references.insert(step.when->references.end(), references.begin(), references.end());
  }

  Item lower_item(const DraftItem& draft, int reader) {
    Item item;
    item.optional = draft.optional;
    for (const Ref& ref : draft.alternatives) item.alternatives.push_back(source_of(ref, reader));
    return item;
  }

  void lower_use(const DraftStep& draft, Step& step) {
    step.options.use.assign(step.outputs.size(), -1);
    if (draft.use == nullptr) return;
    for (const Entry& entry : draft.use->entries) {
      auto port = std::find(step.output_names.begin(), step.output_names.end(), entry.key.text);
      if (port == step.output_names.end()) {
        draft_.mistakes.add(entry.key.place(),
                            cat("use: step \"", step.name, "\" has no output \"", entry.key.shown,
                                "\"; it has ", join_or(step.output_names)));
        continue;
      }
      auto i = static_cast<size_t>(port - step.output_names.begin());
      step.options.use[i] = constant(entry.value, step.outputs[i], "use");
    }
  }

  void lower_outputs() {
    size_t number = 0;
    for (const DraftOutput& draft : draft_.outputs) {
      if (draft.unit != 0) continue;
      const Known& known = draft_.output_known[number++];
      PlanOutput output;
      output.name = draft.name;
      output.item = lower_item(draft.item, 0);
      output.type = known.type;
      output.ragged = known.ragged > 0;
      output.may_be_absent = known.may_be_absent;
      plan_->outputs.push_back(std::move(output));
    }
  }

  Draft& draft_;
  std::unique_ptr<Plan> plan_;
  std::vector<int> first_slot_;      // by step
  std::map<size_t, int> gathers_;    // Draft::gathers -> Plan::gathers
  std::map<size_t, Source> closed_;  // Draft::closed -> its last gather
};

}  // namespace

std::unique_ptr<Plan> lower(Draft& draft) { return Lowering(draft).lower(); }

}  // namespace leat
