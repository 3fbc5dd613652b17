// types: what flows along every edge.
//
// Forward from the signatures first. Then operators are made from the last step to the first, since
// one that is made knows what it wants of the steps before it. Making them narrows their outputs,
// so types flow forward once more, and only then is said what does not fit.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "pipeline/constant.h"
#include "pipeline/draft.h"
#include "pipeline/step_process.h"

namespace leat {

namespace {

Type row_type(const Type& type) {
  Type row = type;
  row.image = false;
  if (!row.dims.empty()) row.dims.erase(row.dims.begin());
  return row;
}

Type list_type(const Type& row) {
  Type type = row;
  type.image = false;
  type.dims.insert(type.dims.begin(), Dim());
  return type;
}

// What both may be: the type that values of either fit.
Type either(const Type& a, const Type& b) {
  if (a == b) return a;
  Type out;
  out.dtypes = a.dtypes | b.dtypes;
  out.image = a.image && b.image;
  size_t common = std::min(a.dims.size(), b.dims.size());
  out.open = a.open || b.open || a.dims.size() != b.dims.size();
  for (size_t i = 0; i < common; ++i) {
    out.dims.push_back(a.dims[i].size == b.dims[i].size ? Dim{a.dims[i].size, ""} : Dim());
  }
  return out;
}

Known either(const Known& a, const Known& b) {
  return {either(a.type, b.type), std::max(a.ragged, b.ragged), a.may_be_absent && b.may_be_absent};
}

class Types {
 public:
  explicit Types(Draft& draft) : draft_(draft), mistakes_(draft.mistakes) {}

  void settle() {
    size_t steps = draft_.steps.size();
    draft_.known.resize(steps);
    draft_.input_types.resize(steps);
    draft_.ops.resize(steps);
    narrowed_.resize(steps);
    refused_.assign(steps, false);
    for (size_t s = 0; s < steps; ++s) {
      narrowed_[s] = draft_.steps[s]->output_types;
      draft_.input_types[s] = draft_.steps[s]->input_types;
      for (const Type& type : narrowed_[s]) draft_.known[s].push_back({type, 0, false});
    }
    for (int s : draft_.order) flow(static_cast<size_t>(s), false);
    find_consumers();
    for (auto s = draft_.order.rbegin(); s != draft_.order.rend(); ++s) {
      make_op(static_cast<size_t>(*s));
    }
    check_loops();
    for (int s : draft_.order) flow(static_cast<size_t>(s), true);
    for (int s : draft_.order) check_conditions(static_cast<size_t>(s));
    check_connections();
    settle_outputs();
  }

 private:
  // ----- what is known of values

  const DraftScope& scope(int s) const { return draft_.scopes[static_cast<size_t>(s)]; }

  Known known_of(const Ref& ref, int reader) const {
    Row row = row_of(draft_, ref, reader);
    if (row.scope >= 0) {
      Known list = known_of(ref, scope(row.scope).parent);
      return {row_type(list.type), std::max(0, list.ragged - 1), list.ragged > 0};
    }
    auto at = static_cast<size_t>(ref.at);
    switch (ref.kind) {
      case Ref::Kind::kInput: {
        const DraftInput& input = draft_.units[0]->input_list[at];
        return {input.type, 0, input.optional && input.fallback < 0};
      }
      case Ref::Kind::kStep:
        return draft_.known[at][static_cast<size_t>(ref.port)];
      case Ref::Kind::kGather: {
        const Ref& inner = draft_.gathers[at].inner;
        int loop = scope_of(draft_, inner);
        return loop > 0 ? gathered(known_of(inner, loop), loop) : Known();
      }
      case Ref::Kind::kRows: {
        Known rows{Type::of("INT64[?]"), 0, false};
        rows.may_be_absent = lists_may_be_absent(scope_of(draft_, draft_.rows[at].inner));
        return rows;
      }
      case Ref::Kind::kIndex:
        return {Type::of("INT64"), 0, false};
      case Ref::Kind::kConstant: {
        const Value& value = draft_.constants[at];
        if (!value.present()) return {Type::anything(), 0, true};
        return {Type::exactly(value.tensor().dtype(), value.tensor().shape()), 0, false};
      }
      case Ref::Kind::kClosed:
        return closed(draft_.closed[at]);
      default:
        return {};
    }
  }

  Known closed(const DraftClosed& closed) const {
    int home = scope_of(draft_, closed.inner);
    if (home == 0 || scope(home).unit != closed.unit) {
      return known_of(closed.inner, draft_.unit_scope[static_cast<size_t>(closed.unit)]);
    }
    Known known = known_of(closed.inner, home);
    for (int s = home; s > 0 && scope(s).unit == closed.unit; s = scope(s).parent) {
      known = gathered(known, s);
    }
    return known;
  }

  Known gathered(const Known& row, int loop) const {
    bool equal = row.ragged == 0 && !row.type.open;
    for (const Dim& dim : row.type.dims) equal &= dim.size >= 0;
    return {list_type(row.type), equal ? 0 : row.ragged + 1, lists_may_be_absent(loop)};
  }

  bool lists_may_be_absent(int loop) const {
    if (loop == 0) return false;
    for (const Ref& list : scope(loop).lists) {
      if (known_of(list, scope(loop).parent).may_be_absent) return true;
    }
    return false;
  }

  // ----- forward

  struct Bound {
    int64_t size;
    std::string port;
    Place place;
  };

  // Checks what comes into a step and gives what goes out.
  void flow(size_t s, bool last) {
    DraftStep& step = *draft_.steps[s];
    if (!step.used) return;
    int reader = draft_.step_scope[s];
    bool absent = !step.conditions.empty();
    std::set<std::string_view> may_lack;  // inputs
    std::map<std::string, Bound> bound;
    for (size_t p = 0; p < step.inputs.size(); ++p) {
      for (const DraftItem& item : step.inputs[p]) {
        bool all_absent = true;
        for (const Ref& ref : item.alternatives) {
          Known known = known_of(ref, reader);
          all_absent &= known.may_be_absent;
          if (!ref.wrong()) check_input(s, p, item, ref, known, bound, last);
        }
        bool needed = !item.optional && !(step.spec && step.spec->inputs[p].optional);
        absent |= needed && all_absent;
        if (all_absent) may_lack.insert(step.input_names[p]);
      }
    }
    auto unified = [&](Type type) {
      for (Dim& dim : type.dims) {
        auto found = bound.find(dim.name);
        if (dim.size < 0 && !dim.name.empty() && found != bound.end())
          dim = {found->second.size, ""};
      }
      return type;
    };
    for (size_t p = 0; p < step.input_types.size(); ++p) {
      draft_.input_types[s][p] = unified(step.input_types[p]);
    }
    for (size_t p = 0; p < narrowed_[s].size(); ++p) {
      bool may_fail = step.options.on_error == OnError::kSkip ||
                      (step.options.on_error == OnError::kUse &&
                       (step.use == nullptr || !step.use->find(step.output_names[p])));
      bool lacks = step.spec && may_lack.contains(step.spec->outputs[p].only_with);
      draft_.known[s][p] = {unified(narrowed_[s][p]), 0, absent || may_fail || lacks};
    }
  }

  void check_input(size_t s, size_t p, const DraftItem& item, const Ref& ref, const Known& known,
                   std::map<std::string, Bound>& bound, bool last) {
    const DraftStep& step = *draft_.steps[s];
    const Type& type = step.input_types[p];
    auto mistake = [&](std::string_view what) {
      refused_[s] = true;
      mistakes_.add(item.place,
                    cat("input \"", step.input_names[p], "\" of ", step.name, ": ", what));
    };
    if (known.ragged > 0) {
      if (last) {
        mistake(cat(name_of(draft_, ref), " is ragged, a list of rows whose shapes may differ (",
                    known.type.text(), "); ", type.text(), " wanted; for_each walks its rows"));
      }
      return;
    }
    if (std::string why = type.mismatch(known.type); !why.empty()) {
      mistake(cat(name_of(draft_, ref), ": ", why));
      return;
    }
    if (item.alternatives.size() > 1) return;  // which of them it will be is not known
    for (size_t i = 0; i < std::min(type.dims.size(), known.type.dims.size()); ++i) {
      const Dim& dim = type.dims[i];
      int64_t size = known.type.dims[i].size;
      if (dim.name.empty() || dim.size >= 0 || size < 0) continue;
      auto [first, added] = bound.emplace(dim.name, Bound{size, step.input_names[p], item.place});
      if (added || first->second.size == size) continue;
      mistake(cat(name_of(draft_, ref), ": ", known.type.text(), " given, where ", dim.name, " of ",
                  type.text(), " is ", first->second.size, " by input \"", first->second.port,
                  "\" (", first->second.place.line, ":", first->second.place.column, ")"));
    }
  }

  // ----- operators, from the last to the first

  struct Consumer {
    size_t step, port;
    bool gathered = false;  // takes all rows of the value
  };
  struct Consumers {
    std::vector<Consumer> direct;
    bool others = false;  // an output, a condition, a loop
  };

  void find_consumers() {
    consumers_.resize(draft_.steps.size());
    for (size_t s = 0; s < draft_.steps.size(); ++s) {
      consumers_[s].resize(draft_.steps[s]->output_names.size());
    }
    for (size_t s = 0; s < draft_.steps.size(); ++s) {
      const DraftStep& step = *draft_.steps[s];
      if (!step.used) continue;
      for (size_t p = 0; p < step.inputs.size(); ++p) {
        for (const DraftItem& item : step.inputs[p]) {
          for (const Ref& ref : item.alternatives) {
            if (row_of(draft_, ref, draft_.step_scope[s]).scope >= 0) {
              consumed(ref, nullptr);
            } else {
              Consumer consumer{s, p, false};
              consumed(ref, &consumer);
            }
          }
        }
      }
      for (const DraftCondition& condition : step.conditions) {
        for (const Ref& ref : condition.references) consumed(ref, nullptr);
      }
    }
    for (const DraftScope& loop : draft_.scopes) {
      for (const Ref& list : loop.lists) consumed(list, nullptr);
    }
    for (const DraftOutput& output : draft_.outputs) {
      if (output.unit != 0) continue;
      for (const Ref& ref : output.item.alternatives) consumed(ref, nullptr);
    }
  }

  void consumed(const Ref& ref, const Consumer* by) {
    auto at = static_cast<size_t>(ref.at);
    if (ref.kind == Ref::Kind::kStep) {
      Consumers& of = consumers_[at][static_cast<size_t>(ref.port)];
      if (by) {
        of.direct.push_back(*by);
      } else {
        of.others = true;
      }
    } else if (ref.kind == Ref::Kind::kGather && by && !by->gathered) {
      Consumer rows{by->step, by->port, true};
      consumed(draft_.gathers[at].inner, &rows);
    } else if (ref.kind == Ref::Kind::kGather) {
      consumed(draft_.gathers[at].inner, nullptr);
    } else if (ref.kind == Ref::Kind::kClosed) {
      bool handed_on = scope_of(draft_, ref) == scope_of(draft_, draft_.closed[at].inner);
      consumed(draft_.closed[at].inner, handed_on ? by : nullptr);
    }
  }

  void make_op(size_t s) {
    DraftStep& step = *draft_.steps[s];
    if (!step.spec || step.broken || refused_[s] || !step.used) return;
    OpSetup setup{step.params, {}, {}, {}, {}};
    for (size_t p = 0; p < step.inputs.size(); ++p) {
      setup.inputs.push_back(connected(s, p));
      setup.constants.push_back(constant(s, p));
    }
    for (size_t p = 0; p < step.output_types.size(); ++p) {
      setup.wanted.push_back(wanted(consumers_[s][p]));
      setup.needs.push_back(needs(consumers_[s][p]));
      setup.outputs.push_back(draft_.known[s][p].type);
      setup.used.push_back(consumers_[s][p].others || !consumers_[s][p].direct.empty());
    }
    if (step.options.process.on) {
      std::vector<size_t> references;
      for (const auto& items : step.inputs) references.push_back(items.size());
      step.description = describe_op(step.name, *step.spec, step.plugin, setup, references);
    }
    auto op = step.spec->make(setup);
    if (!op.ok()) {
      refused_[s] = true;
      // It may miss no more than what a step would have said that is itself mistaken.
      if (mistakes_.count() > 0 && feeds_unknown(s)) return;
      mistakes_.add(step.what_place, cat("step \"", step.name, "\": ", op.status().message()));
      return;
    }
    draft_.ops[s] = *std::move(op);
    narrowed_[s] = std::move(setup.outputs);
    assert(narrowed_[s].size() == step.output_types.size());
  }

  // Does nothing use the step, or a step of which nothing is known?
  bool feeds_unknown(size_t s) const {
    bool used = false;
    for (const Consumers& consumers : consumers_[s]) {
      used |= consumers.others || !consumers.direct.empty();
      for (const Consumer& consumer : consumers.direct) {
        if (draft_.steps[consumer.step]->broken) return true;
      }
    }
    return !used;
  }

  // What comes in on a port; nullopt if nothing does.
  std::optional<Type> connected(size_t s, size_t p) const {
    std::optional<Type> out;
    for (const DraftItem& item : draft_.steps[s]->inputs[p]) {
      for (const Ref& ref : item.alternatives) {
        Known known = known_of(ref, draft_.step_scope[s]);
        if (ref.kind == Ref::Kind::kConstant && known.may_be_absent) continue;
        out = out ? either(*out, known.type) : known.type;
      }
    }
    return out;
  }

  // What a port is always given; absent if that is not known.
  Tensor constant(size_t s, size_t p) const {
    const auto& items = draft_.steps[s]->inputs[p];
    if (items.size() != 1 || items[0].alternatives.size() != 1) return {};
    const Ref& ref = items[0].alternatives[0];
    if (ref.kind != Ref::Kind::kConstant) return {};
    if (row_of(draft_, ref, draft_.step_scope[s]).scope >= 0) return {};  // a loop walks it
    const Value& value = draft_.constants[static_cast<size_t>(ref.at)];
    return value.present() ? value.tensor() : Tensor();
  }

  Type wanted(const Consumers& consumers) const {
    Type out = Type::anything();
    for (const Consumer& consumer : consumers.direct) {
      Type type = draft_.input_types[consumer.step][consumer.port];
      if (consumer.gathered) type = row_type(type);
      narrow(out, type);
    }
    return out;
  }

  // What both want; where they differ, the first keeps its word and the second is told later.
  static void narrow(Type& out, const Type& more) {
    if (out == Type::anything()) out = more;
    if (!out.mismatch(more).empty()) return;
    out.dtypes &= more.dtypes;
    for (size_t i = 0; i < more.dims.size(); ++i) {
      if (i == out.dims.size()) out.dims.push_back(more.dims[i]);
      if (out.dims[i].size < 0 && more.dims[i].size >= 0) out.dims[i] = more.dims[i];
    }
    out.open &= more.open;
  }

  std::vector<ImageNeed> needs(const Consumers& consumers) const {
    std::vector<ImageNeed> out;
    if (consumers.others) return out;
    for (const Consumer& consumer : consumers.direct) {
      const Op* op = draft_.ops[consumer.step].get();
      std::optional<ImageNeed> need;
      if (op && !consumer.gathered) need = op->need(consumer.port);
      if (!need) return {};
      out.push_back(*need);
    }
    return out;
  }

  // ----- checks that need all types

  void check_loops() {
    for (size_t i = 1; i < draft_.scopes.size(); ++i) {
      const DraftScope& loop = draft_.scopes[i];
      std::optional<int64_t> length;
      for (const Ref& list : loop.lists) {
        Known known = known_of(list, loop.parent);
        if (known.type.dims.empty() && !known.type.open && !list.wrong()) {
          mistakes_.add(loop.place, cat("for_each: ", name_of(draft_, list), " is ",
                                        known.type.text(), ", which has no rows"));
        }
        int64_t size = known.type.dims.empty() ? -1 : known.type.dims[0].size;
        if (size < 0) continue;
        if (length && *length != size) {
          mistakes_.add(loop.place, cat("for_each: the lists have ", *length, " and ", size,
                                        " rows; they are walked together"));
        }
        length = size;
      }
    }
    for (const DraftGather& gather : draft_.gathers) {
      if (gather.inner.wrong()) continue;
      Known row = known_of(gather.inner, scope_of(draft_, gather.inner));
      if (row.type.dims.size() >= Shape::kMaxRank) {
        mistakes_.add(gather.place, cat("gather: rows of rank ", row.type.dims.size(),
                                        " cannot be put together; at most ", Shape::kMaxRank - 1));
      }
    }
  }

  void check_conditions(size_t s) {
    const DraftStep& step = *draft_.steps[s];
    for (const DraftCondition& condition : step.conditions) {
      auto expression = Expression::parse(condition.text);
      std::vector<Type> types;
      for (const Ref& ref : condition.references) {
        types.push_back(known_of(ref, draft_.step_scope[s]).type);
      }
      if (Status status = expression->check(types); !status.ok()) {
        mistakes_.add(condition.place, cat("when: ", status.message()));
      }
    }
  }

  void check_connections() {
    for (size_t u = 1; u < draft_.units.size(); ++u) {
      const Unit& unit = *draft_.units[u];
      if (!unit.used) continue;
      for (size_t i = 0; i < unit.connections.size(); ++i) {
        const DraftItem& item = unit.connections[i];
        if (item.alternatives.size() != 1 || item.alternatives[0].wrong()) continue;
        Known known = known_of(item.alternatives[0], draft_.unit_scope[u]);
        if (known.ragged > 0) continue;
        std::string why = unit.input_list[i].type.mismatch(known.type);
        if (why.empty()) continue;
        mistakes_.add(item.place, cat("input \"", unit.input_list[i].name, "\" of ",
                                      unit.prefix.substr(0, unit.prefix.size() - 1), ": ",
                                      name_of(draft_, item.alternatives[0]), ": ", why));
      }
    }
  }

  void settle_outputs() {
    for (const DraftOutput& output : draft_.outputs) {
      const DraftItem& item = output.item;
      std::optional<Known> all;
      for (const Ref& ref : item.alternatives) {
        if (ref.wrong() || !draft_.closed[static_cast<size_t>(ref.at)].used) continue;
        bool loops = scope_of(draft_, draft_.closed[static_cast<size_t>(ref.at)].inner) !=
                     scope_of(draft_, ref);
        if (item.alternatives.size() > 1 && loops) {
          mistakes_.add(item.place, cat("first_of: ", name_of(draft_, ref),
                                        " lies inside of a "
                                        "loop; say { gather: ... } of it"));
        }
        Known known = known_of(ref, 0);
        all = all ? either(*all, known) : known;
      }
      if (output.unit == 0) draft_.output_known.push_back(all.value_or(Known()));
    }
  }

  Draft& draft_;
  Mistakes& mistakes_;
  std::vector<std::vector<Type>> narrowed_;  // outputs, as the operators made say
  std::vector<bool> refused_;                // something that comes in does not fit
  std::vector<std::vector<Consumers>> consumers_;
};

}  // namespace

void settle_types(Draft& draft) { Types(draft).settle(); }

}  // namespace leat
