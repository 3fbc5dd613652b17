// connect: what steps, conditions, loops and outputs name becomes a Ref.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "pipeline/constant.h"
#include "pipeline/draft.h"

namespace leat {

namespace {

// Are two constants written alike? Null: none.
bool same_constant(const Node* a, const Node* b) {
  if (a == nullptr || b == nullptr) return a == b;
  auto alike = [](const Node& x, const Node& y) { return same_constant(&x, &y); };
  return a->kind == b->kind && a->quoted == b->quoted && a->text == b->text &&
         std::equal(a->list.begin(), a->list.end(), b->list.begin(), b->list.end(), alike) &&
         a->entries.empty() && b->entries.empty();
}

// Reads the values that one unit's file names.
class UnitValues {
 public:
  UnitValues(Draft& draft, Unit& unit) : draft_(draft), mistakes_(draft.mistakes), unit_(unit) {}

  void connect() {
    const Node& root = unit_.document->root;
    const Node* steps = root.find("steps");
    if (steps && steps->kind == Node::Kind::kMap) {
      for (const Entry& entry : steps->entries) connect_entry(entry);
    }
    const Node* outputs = root.find("outputs");
    if (outputs && outputs->kind == Node::Kind::kMap) {
      for (const Entry& entry : outputs->entries) {
        auto found = unit_.outputs.find(entry.key.text);
        if (found == unit_.outputs.end()) continue;
        DraftItem item = read_item(entry.value, Type::anything());
        if (item.optional) {
          mistakes_.add(entry.value.place(), "optional: an output may be absent without it");
        }
        refuse_index(item);
        draft_.outputs[static_cast<size_t>(found->second)].item = std::move(item);
      }
    }
  }

 private:
  void connect_entry(const Entry& entry) {
    const Node& node = entry.value;
    auto unit = unit_.units.find(entry.key.text);
    auto step = unit_.steps.find(entry.key.text);
    int set = -1;
    std::vector<DraftCondition> conditions = unit_.conditions;
    bool known = unit != unit_.units.end() || step != unit_.steps.end();
    if (!known) return;  // told already
    if (const Node* for_each = node.find("for_each")) set = read_set(*for_each);
    if (const Node* when = node.find("when"); when && when->is_text()) {
      if (auto condition = read_condition(*when)) conditions.push_back(*std::move(condition));
    }
    if (unit != unit_.units.end()) {
      Unit& inner = *draft_.units[static_cast<size_t>(unit->second)];
      inner.set = set;
      for (const DraftCondition& condition : conditions) {
        for (const Ref& ref : condition.references) {
          if (ref.kind == Ref::Kind::kIndex) {
            mistakes_.add(condition.place,
                          "index cannot be used in the condition of a pipeline; "
                          "say `when` on the steps inside");
          }
        }
      }
      inner.conditions = std::move(conditions);
      connect_inputs(node.find("inputs"), entry.key.place(), inner);
      return;
    }
    DraftStep& made = *draft_.steps[static_cast<size_t>(step->second)];
    made.set = set;
    made.conditions = std::move(conditions);
    connect_inputs(node.find("inputs"), entry.key.place(), made);
  }

  // ----- inputs of a step

  void connect_inputs(const Node* inputs, const Place& place, DraftStep& step) {
    if (inputs && inputs->kind == Node::Kind::kMap) {
      for (const Entry& entry : inputs->entries) connect_input(entry, step);
    }
    if (step.broken) return;
    std::vector<std::string> missing;
    for (size_t port = 0; port < step.inputs.size(); ++port) {
      bool needed =
          step.spec ? !step.spec->inputs[port].optional
                    : !(step.options.pad && step.options.pad->lengths == static_cast<int>(port));
      if (needed && step.inputs[port].empty() && !mistaken_.contains({&step, port})) {
        missing.push_back(step.input_names[port]);
      }
    }
    if (!missing.empty()) {
      draft_.lost = true;
      std::string names;
      for (const std::string& name : missing) names += cat(names.empty() ? "" : ", ", name);
      mistakes_.add(place, cat("step \"", step.name, "\": nothing is connected to ",
                               missing.size() == 1 ? "the input " : "the inputs ", names));
    }
  }

  void connect_input(const Entry& entry, DraftStep& step) {
    auto found = std::find(step.input_names.begin(), step.input_names.end(), entry.key.text);
    if (found == step.input_names.end()) {
      if (!step.broken) {
        std::string_view near = nearest(entry.key.text, step.input_names);
        mistakes_.add(entry.key.place(),
                      cat(step.spec    ? step.spec->name
                          : step.model ? "the model"
                                       : "the class",
                          " has no input \"", entry.key.shown, "\"; ",
                          near.empty() ? cat("it has ", join_or(step.input_names))
                                       : cat("did you mean ", near, "?")));
        if (!near.empty()) {
          auto meant = std::find(step.input_names.begin(), step.input_names.end(), near);
          mistaken_.insert({&step, static_cast<size_t>(meant - step.input_names.begin())});
        }
      }
      read_item(entry.value, Type::anything());
      draft_.lost = true;
      return;
    }
    auto port = static_cast<size_t>(found - step.input_names.begin());
    if (step.options.pad && step.options.pad->lengths == static_cast<int>(port)) {
      mistakes_.add(entry.key.place(),
                    cat("\"", entry.key.shown, "\" gets the lengths of `pad`; connect nothing"));
      return;
    }
    bool many = step.spec && step.spec->inputs[port].many;
    const Node& value = entry.value;
    if (many && value.kind == Node::Kind::kList) {
      if (value.list.empty()) {
        mistakes_.add(value.place(), cat("input \"", entry.key.shown,
                                         "\": an empty list found, "
                                         "one or more values wanted"));
        mistaken_.insert({&step, port});
      }
      for (const Node& one : value.list) {
        step.inputs[port].push_back(read_item(one, step.input_types[port]));
      }
      return;
    }
    if (value.kind == Node::Kind::kList) {
      mistakes_.add(value.place(), cat("input \"", entry.key.shown,
                                       "\" takes one value; a list "
                                       "found ({ value: [...] } is a constant)"));
      mistaken_.insert({&step, port});
      return;
    }
    step.inputs[port].push_back(read_item(value, step.input_types[port]));
  }

  // ----- inputs of a pipeline that is a step

  void connect_inputs(const Node* inputs, const Place& place, Unit& inner) {
    std::vector<std::string> names;
    for (const DraftInput& input : inner.input_list) names.push_back(input.name);
    inner.connections.assign(names.size(), DraftItem{});
    std::vector<bool> connected(names.size());
    static const std::vector<Entry> kNone;
    bool mapping = inputs && inputs->kind == Node::Kind::kMap;
    for (const Entry& entry : mapping ? inputs->entries : kNone) {
      auto found = std::find(names.begin(), names.end(), entry.key.text);
      if (found == names.end()) {
        std::string_view near = nearest(entry.key.text, names);
        mistakes_.add(
            entry.key.place(),
            cat("the pipeline has no input \"", entry.key.shown, "\"; ",
                near.empty() ? cat("it has ", join_or(names)) : cat("did you mean ", near, "?")));
        continue;
      }
      auto i = static_cast<size_t>(found - names.begin());
      connected[i] = true;
      DraftItem item = read_item(entry.value, inner.input_list[i].type);
      Ref ref = item.alternatives[0];
      if (item.optional || item.alternatives.size() > 1) {
        mistakes_.add(item.place,
                      "an input of a pipeline takes one value; say first_of or optional "
                      "on the steps inside");
        ref = {};
      } else if (ref.kind == Ref::Kind::kIndex) {
        mistakes_.add(item.place,
                      "index cannot be given to a pipeline: inside, it is that of the "
                      "loops there");
        ref = {};
      }
      inner.input_values[i] = ref;
      item.alternatives = {ref};
      inner.connections[i] = std::move(item);
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (connected[i]) continue;
      const DraftInput& input = inner.input_list[i];
      if (input.optional) {
        int constant = input.fallback >= 0 ? input.fallback : draft_.add_constant(Value());
        inner.input_values[i] = {Ref::Kind::kConstant, constant, 0};
      } else {
        mistakes_.add(place, cat("step \"", inner.prefix.substr(0, inner.prefix.size() - 1),
                                 "\": nothing is connected to the input ", input.name));
      }
    }
  }

  // ----- conditions and loops

  std::optional<DraftCondition> read_condition(const Node& when) {
    auto expression = Expression::parse(when.text);
    if (!expression.ok()) {
      mistakes_.add(when.place(), cat("when: ", expression.status().message()));
      draft_.lost = true;
      return std::nullopt;
    }
    DraftCondition out{when.text, when.place(), {}};
    for (const std::string& written : expression->references()) {
      out.references.push_back(resolve(draft_, unit_, written, written, when.place()));
    }
    return out;
  }

  int read_set(const Node& for_each) {
    DraftSet set;
    set.unit = unit_number();
    set.place = for_each.place();
    auto add = [&](const Node& node) {
      DraftItem item = read_item(node, Type::anything());
      if (item.optional || item.alternatives.size() > 1) {
        mistakes_.add(node.place(), "for_each: a list is one value, not first_of or optional");
        return;
      }
      Ref ref = item.alternatives[0];
      if (ref.kind == Ref::Kind::kIndex) {
        mistakes_.add(node.place(), "for_each: index is a number, not a list");
        return;
      }
      if (ref.wrong() || std::find(set.lists.begin(), set.lists.end(), ref) != set.lists.end()) {
        return;
      }
      set.lists.push_back(ref);
      set.written += cat(set.written.empty() ? "" : ", ", item.written);
    };
    if (for_each.kind == Node::Kind::kList) {
      for (const Node& node : for_each.list) add(node);
      if (for_each.list.empty()) mistakes_.add(for_each.place(), "for_each: an empty list found");
    } else if (for_each.kind != Node::Kind::kNull) {
      add(for_each);
    }
    if (set.lists.empty()) return -1;
    draft_.sets.push_back(std::move(set));
    return static_cast<int>(draft_.sets.size()) - 1;
  }

  int unit_number() const {
    for (size_t i = 0; i < draft_.units.size(); ++i) {
      if (draft_.units[i].get() == &unit_) return static_cast<int>(i);
    }
    return 0;
  }

  // ----- values

  void refuse_index(DraftItem& item) {
    for (Ref& ref : item.alternatives) {
      if (ref.kind != Ref::Kind::kIndex) continue;
      mistakes_.add(item.place, "index is known inside of loops only");
      ref = {};
    }
  }

  DraftItem wrong(const Node& node, std::string_view what) {
    mistakes_.add(node.place(), what);
    return {{Ref{}}, false, node.place(), node.shown};
  }

  DraftItem read_item(const Node& node, const Type& wanted) {
    if (node.is_text()) return {{read_reference(node)}, false, node.place(), node.shown};
    if (node.kind == Node::Kind::kMap) {
      if (node.find("value")) return read_value(node, wanted);
      if (node.find("gather")) {
        Ref ref = read_gather(node);
        return {{ref}, false, node.place(), written_of(ref)};
      }
      if (node.find("first_of")) return read_first_of(node, wanted);
      if (const Node* optional = node.find("optional")) {
        Fields fields(&node, optional_table(), mistakes_);
        DraftItem item = read_item(*optional, wanted);
        if (item.optional) mistakes_.add(optional->place(), "optional: once is enough");
        item.optional = true;
        return item;
      }
    }
    return wrong(node, cat(node.description(),
                           " found, a value wanted: step.port, an input, { value: ... }, "
                           "{ first_of: ... }, { gather: ... } or { optional: ... }"));
  }

  DraftItem read_value(const Node& node, const Type& wanted) {
    Fields fields(&node, value_table(), mistakes_);
    const Node* value = fields.find("value");
    if (value == nullptr) return {{Ref{}}, false, node.place(), "value"};
    auto tensor = make_constant(*value, wanted);
    if (!tensor.ok()) return wrong(*value, cat("value: ", tensor.status().message()));
    int constant = draft_.add_constant(*std::move(tensor));
    return {{{Ref::Kind::kConstant, constant, 0}}, false, node.place(), "the constant"};
  }

  DraftItem read_first_of(const Node& node, const Type& wanted) {
    Fields fields(&node, first_of_table(), mistakes_);
    const Node* list = fields.find("first_of");
    if (list == nullptr) return {{Ref{}}, false, node.place(), "first_of"};
    DraftItem out{{}, false, node.place(), "first_of"};
    for (const Node& child : list->list) {
      DraftItem item = read_item(child, wanted);
      if (item.optional || item.written == "first_of") {
        mistakes_.add(child.place(),
                      "first_of: step.port, an input, { gather: ... } and "
                      "{ value: ... } may stand here");
      }
      out.alternatives.insert(out.alternatives.end(), item.alternatives.begin(),
                              item.alternatives.end());
    }
    if (out.alternatives.empty()) return wrong(*list, "first_of: an empty list found");
    return out;
  }

  std::string written_of(const Ref& ref) const {
    if (ref.kind != Ref::Kind::kGather) return "the gathered value";
    return draft_.gathers[static_cast<size_t>(ref.at)].written;
  }

  Ref read_gather(const Node& node) {
    Fields fields(&node, gather_table(), mistakes_);
    const Node* of = fields.find("gather");
    if (of == nullptr) return {};
    DraftGather gather;
    gather.place = node.place();
    if (of->is_text()) {
      gather.inner = read_reference(*of);
      gather.written = cat("gather of ", of->shown);
    } else if (of->find("gather")) {
      gather.inner = read_gather(*of);
      gather.written = cat("gather of ", written_of(gather.inner));
    } else {
      mistakes_.add(of->place(), "gather: a value inside of a loop is wanted");
      return {};
    }
    if (gather.inner.kind == Ref::Kind::kIndex) {
      mistakes_.add(of->place(),
                    "gather: index cannot be gathered; rows(x) has the numbers of the "
                    "rows that { gather: x, absent: drop } kept");
      return {};
    }
    if (const Node* absent = fields.find("absent")) {
      if (absent->kind == Node::Kind::kMap) {
        gather.use = absent->find("use");
        gather.absent = IfAbsent::kUse;
        if (absent->entries.size() != 1 || gather.use == nullptr) {
          mistakes_.add(absent->place(), "absent: { use: CONSTANT } is wanted");
          return {};
        }
      } else if (absent->text == "drop") {
        gather.absent = IfAbsent::kDrop;
      }
    }
    if (gather.inner.wrong()) return {};
    for (size_t i = 0; i < draft_.gathers.size(); ++i) {
      const DraftGather& known = draft_.gathers[i];
      if (known.inner == gather.inner && known.absent == gather.absent &&
          same_constant(known.use, gather.use)) {
        return {Ref::Kind::kGather, static_cast<int>(i), 0};
      }
    }
    draft_.gathers.push_back(std::move(gather));
    return {Ref::Kind::kGather, static_cast<int>(draft_.gathers.size()) - 1, 0};
  }

  Ref read_reference(const Node& node) {
    if (node.number() || node.flag()) {
      mistakes_.add(node.place(), cat(node.description(),
                                      " found, a value's name wanted; "
                                      "{ value: ",
                                      node.shown, " } is a constant"));
      return {};
    }
    return resolve(draft_, unit_, node.text, node.shown, node.place());
  }

  Draft& draft_;
  Mistakes& mistakes_;
  Unit& unit_;
  std::set<std::pair<const DraftStep*, size_t>> mistaken_;  // inputs that a mistake meant
};

}  // namespace

void connect_units(Draft& draft) {
  Unit& outermost = *draft.units[0];
  for (size_t i = 0; i < outermost.input_list.size(); ++i) {
    outermost.input_values[i] = {Ref::Kind::kInput, static_cast<int>(i), 0};
  }
  // A unit stands after the one that contains it, which gives values to its inputs.
  for (auto& unit : draft.units) UnitValues(draft, *unit).connect();
  close_outputs(draft);
  for (DraftRows& rows : draft.rows) {
    for (size_t i = 0; i < draft.gathers.size(); ++i) {
      const DraftGather& gather = draft.gathers[i];
      if (gather.inner == rows.inner && gather.absent == IfAbsent::kDrop) {
        rows.gather = static_cast<int>(i);
      }
    }
    if (rows.gather < 0 && !rows.inner.wrong()) {
      draft.mistakes.add(rows.place, cat(rows.written,
                                         ": there is no { gather: ..., absent: drop } "
                                         "of this value"));
    }
  }
}

}  // namespace leat
