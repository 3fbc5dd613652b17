// Random pipelines. A generator that knows the rules of the file format well enough to write only
// files that the checker takes: what may be read where, which values are ragged, that every step is
// used.
#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "pipeline/testing/toy.h"

namespace leat::toy {

namespace {

// What the checker knows of a value.
struct Known {
  DType dtype = DType::kInt64;
  std::vector<int64_t> dims;
  int ragged = 0;
};

class Generator {
 public:
  Generator(Dice& dice, const std::string& name) : dice_(dice) { toy_.name = name; }

  Toy make() {
    toy_.batched = chance(20);
    toy_.scopes.push_back({});
    toy_.inputs = {{.name = "x"}, {.name = "xs", .dims = {-1}}};
    if (chance(50)) toy_.inputs.push_back({.name = "ps", .dims = {-1, 2}});
    if (chance(30)) toy_.inputs.push_back({.name = "t", .dtype = DType::kBytes});
    if (chance(40)) toy_.inputs.push_back({.name = "o", .optional = true});
    if (chance(30)) {
      toy_.inputs.push_back({.name = "d", .optional = true, .fallback = Plain::scalar(7)});
    }
    for (size_t i = 0; i < toy_.inputs.size(); ++i) {
      values_.push_back({Ref::Kind::kInput, static_cast<int>(i), 0});
    }
    auto steps = static_cast<size_t>(between(2, 14));
    for (int tries = 0; toy_.steps.size() < steps && tries < 200; ++tries) {
      if (chance(35)) add_gather();
      add_step();
    }
    add_outputs();
    for (size_t i = 0; i < toy_.steps.size(); ++i) toy_.order.push_back(static_cast<int>(i));
    if (chance(50)) std::shuffle(toy_.order.begin(), toy_.order.end(), dice_);
    return std::move(toy_);
  }

 private:
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(dice_() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return between(0, 99) < percent; }
  template <typename T>
  const T& any_of(const std::vector<T>& of) {
    return of[static_cast<size_t>(between(0, static_cast<int64_t>(of.size()) - 1))];
  }
  const ToyScope& scope(int s) const { return toy_.scopes[static_cast<size_t>(s)]; }
  static const Part& part_of(const ToyStep& step) {
    return parts()[static_cast<size_t>(step.part)];
  }

  bool around(int outer, int inner) const {
    while (inner > 0 && inner != outer) inner = scope(inner).parent;
    return inner == outer;
  }

  // ----- what is known of values

  Known own(const Ref& ref) const {
    auto at = static_cast<size_t>(ref.at);
    switch (ref.kind) {
      case Ref::Kind::kInput:
        return {toy_.inputs[at].dtype, toy_.inputs[at].dims};
      case Ref::Kind::kStep: {
        const PartPort& port = part_of(toy_.steps[at]).outputs[static_cast<size_t>(ref.port)];
        return {port.dtype, port.dims};
      }
      case Ref::Kind::kGather: {
        Known row = own(toy_.gathers[at].inner);
        bool equal = row.ragged == 0 && std::ranges::count(row.dims, -1) == 0;
        Known list{row.dtype, row.dims, equal ? 0 : row.ragged + 1};
        list.dims.insert(list.dims.begin(), -1);
        return list;
      }
      case Ref::Kind::kRows:
        return {DType::kInt64, {-1}};
      case Ref::Kind::kIndex:
        return {};
      case Ref::Kind::kConstant:
        return {toy_.constants[at].dtype, toy_.constants[at].dims};
    }
    return {};
  }

  bool floating(const Ref& ref) const {  // lies in no scope
    return ref.kind == Ref::Kind::kIndex || ref.kind == Ref::Kind::kConstant;
  }

  // As read in scope `s`, which is in the value's home.
  Known seen(const Ref& ref, int s) const {
    if (floating(ref) || s == home(toy_, ref)) return own(ref);
    Known outside = seen(ref, scope(s).parent);
    if (std::ranges::count(scope(s).lists, ref) == 0) return outside;
    outside.dims.erase(outside.dims.begin());
    outside.ragged = std::max(0, outside.ragged - 1);
    return outside;
  }

  bool readable(const Ref& ref, int s) const { return around(home(toy_, ref), s); }

  static bool fits(const PartPort& port, const Known& known) {
    if (known.ragged > 0) return false;
    if (port.any) return true;
    if (port.dtype != known.dtype || port.dims.size() != known.dims.size()) return false;
    for (size_t i = 0; i < port.dims.size(); ++i) {
      if (port.dims[i] >= 0 && known.dims[i] >= 0 && port.dims[i] != known.dims[i]) return false;
    }
    return true;
  }

  // ----- gathers

  void add_gather() {
    std::vector<Ref> inside;
    for (const Ref& ref : values_) {
      if (home(toy_, ref) > 0 && own(ref).dims.size() < 4) inside.push_back(ref);
    }
    if (inside.empty()) return;
    auto before = static_cast<int>(toy_.gathers.size());
    int at = gather_of(any_of(inside));
    if (at < before) return;
    const Collected& gather = toy_.gathers.back();
    values_.push_back({Ref::Kind::kGather, at, 0});
    if (gather.absent == Collected::Absent::kDrop && gather.inner.kind == Ref::Kind::kStep &&
        chance(40)) {
      values_.push_back({Ref::Kind::kRows, at, 0});
    }
  }

  int gather_of(const Ref& inner) {
    Collected gather;
    gather.inner = inner;
    Known row = own(inner);
    if (chance(45)) gather.absent = Collected::Absent::kDrop;
    if (chance(25) && inner.kind == Ref::Kind::kStep && row.dims.size() < 2) {
      gather.absent = Collected::Absent::kUse;
      gather.use = constant(row.dtype, row.dims);
    }
    // Two that drop are one to the file, which names neither.
    auto known = std::ranges::find_if(toy_.gathers, [&](const Collected& other) {
      return other.inner == inner && other.absent == gather.absent;
    });
    if (known == toy_.gathers.end()) known = toy_.gathers.insert(known, gather);
    return static_cast<int>(known - toy_.gathers.begin());
  }

  Plain constant(DType dtype, const std::vector<int64_t>& dims) {
    if (dims.empty()) return Plain::scalar(between(0, 9), dtype);
    std::vector<int64_t> numbers;
    int64_t length = dims[0] >= 0 ? dims[0] : between(1, 3);
    for (int64_t i = 0; i < length; ++i) numbers.push_back(between(0, 9));
    return Plain::list(numbers, dtype);
  }

  // ----- steps

  // A new loop inside of `parent`; -1 if there is nothing to walk.
  int add_loop(int parent) {
    std::vector<Ref> lists;
    for (const Ref& ref : values_) {
      if (!readable(ref, parent)) continue;
      Known known = seen(ref, parent);
      if (known.dims.empty()) continue;
      bool taken = false;  // one loop a list and parent: a second would be the same
      for (const ToyScope& other : toy_.scopes) {
        taken = taken || (other.parent == parent && std::ranges::count(other.lists, ref) > 0);
      }
      if (!taken) lists.push_back(ref);
    }
    // Where a loop lies is told by the list that lies deepest.
    std::vector<Ref> first;
    for (const Ref& ref : lists) {
      if (home(toy_, ref) == parent) first.push_back(ref);
    }
    if (first.empty()) return -1;
    ToyScope made{parent, {}, scope(parent).depth + 1};
    made.lists.push_back(any_of(first));
    for (int i = 0; i < 2 && chance(30); ++i) {
      const Ref& more = chance(70) ? companion(made.lists[0], lists) : any_of(lists);
      if (std::ranges::count(made.lists, more) == 0) made.lists.push_back(more);
    }
    toy_.scopes.push_back(made);
    return static_cast<int>(toy_.scopes.size()) - 1;
  }

  // A list that is likely as long as the other: of the same step, or of rows of the same loop.
  const Ref& companion(const Ref& list, const std::vector<Ref>& lists) {
    auto root = [&](Ref ref) {
      if (ref.kind != Ref::Kind::kStep) return ref;
      const ToyStep& step = toy_.steps[static_cast<size_t>(ref.at)];
      const std::string& name = part_of(step).name;
      bool keeps = name == "shift" || name == "linears" || name == "padded" || name == "to_texts";
      return keeps ? step.inputs[0][0].alternatives[0] : ref;
    };
    std::vector<const Ref*> alike;
    for (const Ref& ref : lists) {
      bool rows = ref.kind == Ref::Kind::kGather && list.kind == Ref::Kind::kGather &&
                  home(toy_, toy_.gathers[static_cast<size_t>(ref.at)].inner) ==
                      home(toy_, toy_.gathers[static_cast<size_t>(list.at)].inner);
      if (!(ref == list) && (rows || root(ref) == root(list) || root(ref) == list)) {
        alike.push_back(&ref);
      }
    }
    return alike.empty() ? list : *any_of(alike);
  }

  std::optional<Ref> value_for(const PartPort& port, int s) {
    if (chance(4) && !port.any && port.dims.size() < 2) {
      toy_.constants.push_back(constant(port.dtype, port.dims));
      return Ref{Ref::Kind::kConstant, static_cast<int>(toy_.constants.size()) - 1, 0};
    }
    if (s > 0 && chance(8) && !port.any && port.dtype == DType::kInt64 && port.dims.empty()) {
      return Ref{Ref::Kind::kIndex, 0, 0};
    }
    std::vector<Ref> found, near;
    for (const Ref& ref : values_) {
      if (!readable(ref, s) || !fits(port, seen(ref, s))) continue;
      found.push_back(ref);
      bool row = !(own(ref).dims == seen(ref, s).dims);
      if (row || home(toy_, ref) == s) near.push_back(ref);
    }
    if (found.empty()) return std::nullopt;
    return chance(60) && !near.empty() ? any_of(near) : any_of(found);
  }

  std::optional<Choice> choice_for(const PartPort& port, int s) {
    Choice out;
    auto first = value_for(port, s);
    if (!first) return std::nullopt;
    out.alternatives.push_back(*first);
    for (int i = 0; i < 2 && chance(15); ++i) {
      if (auto more = value_for(port, s)) out.alternatives.push_back(*more);
    }
    return out;
  }

  void add_step() {
    size_t scopes = toy_.scopes.size(), constants = toy_.constants.size();
    int s = static_cast<int>(between(0, static_cast<int64_t>(scopes) - 1));
    if (chance(40) && scope(s).depth < 3) s = add_loop(s);
    ToyStep step;
    bool made = s >= 0;
    for (int tries = 0; made && tries < 20; ++tries) {
      step.part = static_cast<int>(between(0, static_cast<int64_t>(parts().size()) - 1));
      step.inputs.clear();
      made = false;
      if (!connect(step, s)) {
        made = true;
        continue;
      }
      step.scope = s;
      finish(step, s >= static_cast<int>(scopes));
      return;
    }
    toy_.scopes.resize(scopes);
    toy_.constants.resize(constants);
  }

  bool connect(ToyStep& step, int s) {
    const Part& part = part_of(step);
    for (size_t p = 0; p < part.inputs.size(); ++p) {
      const PartPort& port = part.inputs[p];
      std::vector<Choice>& choices = step.inputs.emplace_back();
      if (static_cast<int>(p) == part.lengths_port) continue;
      if (port.optional && chance(25)) continue;
      int64_t count = port.many ? between(1, 3) : 1;
      for (int64_t i = 0; i < count; ++i) {
        auto choice = choice_for(port, s);
        if (!choice) return false;
        choice->optional =
            (port.many && part.name == "count" && chance(40)) || (port.optional && chance(30));
        choices.push_back(*std::move(choice));
      }
    }
    return true;
  }

  void finish(ToyStep& step, bool opens) {
    int s = step.scope;
    const Part& part = part_of(step);
    step.name = cat("s", toy_.steps.size());
    step.n = between(1, 4);
    if (chance(25)) add_condition(step);
    bool inside = false;  // does a reference tell the loop?
    for (const auto& port : step.inputs) {
      for (const Choice& choice : port) {
        for (const Ref& ref : choice.alternatives) {
          inside = inside || (!floating(ref) && home(toy_, ref) == s);
        }
      }
    }
    for (const Condition& condition : step.when) {
      inside = inside || (!floating(condition.ref) && home(toy_, condition.ref) == s);
    }
    if (s > 0 && (opens || !inside || chance(20))) {
      std::vector<Ref> deepest;
      for (const Ref& list : scope(s).lists) {
        if (home(toy_, list) == scope(s).parent) deepest.push_back(list);
      }
      Ref one = any_of(deepest);
      for (const Ref& list : scope(s).lists) {
        if (opens || list == one || chance(50)) step.for_each.push_back(list);
      }
      std::shuffle(step.for_each.begin(), step.for_each.end(), dice_);
    }
    if (chance(25)) {
      step.on_error = chance(50) ? Trouble::kSkip : Trouble::kUse;
      if (step.on_error == Trouble::kUse) {
        for (const PartPort& port : part.outputs) {
          bool give = port.dims.size() < 2 && (part.outputs.size() == 1 || chance(60));
          step.use.push_back(give ? constant(port.dtype, port.dims) : Plain());
        }
      }
    }
    add_options(step, part);
    toy_.steps.push_back(step);
    for (size_t port = 0; port < part.outputs.size(); ++port) {
      values_.push_back(
          {Ref::Kind::kStep, static_cast<int>(toy_.steps.size()) - 1, static_cast<int>(port)});
    }
  }

  void add_condition(ToyStep& step) {
    std::vector<Ref> found;
    for (const Ref& ref : values_) {
      // An expression has no words for a gather.
      if (readable(ref, step.scope) && ref.kind != Ref::Kind::kGather) found.push_back(ref);
    }
    Condition condition;
    condition.ref = any_of(found);
    condition.number = between(0, 2);
    Known known = seen(condition.ref, step.scope);
    bool number = known.dtype == DType::kInt64;
    using Form = Condition::Form;
    if (chance(25)) {
      condition.form = chance(50) ? Form::kPresent : Form::kAbsent;
      if (step.scope > 0 && chance(50)) condition.form = Form::kBothIndex;
    } else if (known.dims.empty() && number) {
      condition.form = chance(50) ? Form::kEven : Form::kLess;
      condition.number = between(0, 200);
    } else if (known.dims.size() == 1 && number && known.ragged == 0 && chance(40)) {
      condition.form = chance(50) ? Form::kLargest : Form::kElement;
    } else if (!known.dims.empty()) {
      condition.form = Form::kLong;
    } else {
      condition.form = Form::kPresent;
    }
    step.when.push_back(condition);
  }

  void add_options(ToyStep& step, const Part& part) {
    std::string& out = step.options;
    auto line = [&](auto&&... text) { out += cat("    ", text..., "\n"); };
    if (part.pad_port >= 0) {
      line("pad: { port: ", part.inputs[static_cast<size_t>(part.pad_port)].name,
           chance(50) ? ", to: { multiple: 3 }" : "",
           part.lengths_port >= 0
               ? cat(", lengths: ", part.inputs[static_cast<size_t>(part.lengths_port)].name)
               : "",
           " }");
    }
    if (part.trim_port >= 0) {
      line("trim: { port: ", part.outputs[static_cast<size_t>(part.trim_port)].name,
           ", scale: ", part.trim_scale, " }");
    }
    if (part.model && !part.one_by_one) {
      std::string batch = part.axis > 0 ? cat("axis: ", part.axis) : "";
      if (chance(70)) {
        constexpr int64_t kMaxes[] = {1, 2, 3, 16};
        batch += cat(batch.empty() ? "" : ", ", "max: ", kMaxes[between(0, 3)]);
      }
      if (chance(40)) batch += cat(batch.empty() ? "" : ", ", "delay: 1ms");
      if (!batch.empty()) line("batch: { ", batch, " }");
    }
    if (chance(part.model ? 40 : 10)) line("instances: ", between(1, 3));
    if (chance(part.model ? 20 : 10)) {
      constexpr const char* kWhenFull[] = {"wait", "wait", "reject", "drop_oldest"};
      int64_t which = between(0, 3);
      line("queue: { max: ", between(1, 8), ", when_full: ", kWhenFull[which], " }");
      step.may_overload = which > 1;
    }
    if (chance(4)) {
      line("timeout: ", chance(50) ? "20s" : "300us");
      step.may_time_out = true;
    }
  }

  // ----- outputs

  void use(const Ref& ref, std::vector<bool>& used) {
    if (ref.kind == Ref::Kind::kGather) gathers_said_.insert(ref.at);
    if (ref.kind == Ref::Kind::kRows) rows_said_.insert(ref.at);
    if (ref.kind == Ref::Kind::kStep) used[static_cast<size_t>(ref.at)] = true;
    if (ref.kind == Ref::Kind::kGather || ref.kind == Ref::Kind::kRows) {
      use(toy_.gathers[static_cast<size_t>(ref.at)].inner, used);
    }
  }

  void add_outputs() {
    std::vector<bool> used(toy_.steps.size());
    for (const ToyStep& step : toy_.steps) {
      for (const auto& port : step.inputs) {
        for (const Choice& choice : port) {
          for (const Ref& ref : choice.alternatives) use(ref, used);
        }
      }
      for (const Ref& ref : step.for_each) use(ref, used);
      for (const Condition& condition : step.when) use(condition.ref, used);
    }
    for (size_t s = 0; s < used.size(); ++s) {
      if (used[s] && !chance(15)) continue;
      auto ports = static_cast<int64_t>(part_of(toy_.steps[s]).outputs.size());
      Ref ref{Ref::Kind::kStep, static_cast<int>(s), static_cast<int>(between(0, ports - 1))};
      // By itself a value of a loop may have no absent row.
      bool gathers = scope(toy_.steps[s].scope).depth == 1 && chance(60);
      give(gathers ? Ref{Ref::Kind::kGather, gather_of(ref), 0} : ref);
    }
    std::vector<Ref> outside;
    for (const Ref& ref : values_) {
      if (home(toy_, ref) == 0) outside.push_back(ref);
    }
    for (int i = 0; i < 2 && chance(40); ++i) give(any_of(outside));
    if (chance(30)) {
      give(any_of(outside));
      toy_.outputs.back().alternatives.push_back(any_of(outside));
    }
    if (toy_.outputs.empty()) give(values_[0]);
    for (const ToyOutput& output : toy_.outputs) {
      for (const Ref& ref : output.alternatives) use(ref, used);
    }
    for (int at : rows_said_) {  // rows(x) stands for a gather that must be said somewhere
      if (gathers_said_.count(at) == 0) give({Ref::Kind::kGather, at, 0});
    }
  }

  void give(const Ref& ref) { toy_.outputs.push_back({cat("out", toy_.outputs.size()), {ref}}); }

  Dice& dice_;
  Toy toy_;
  std::vector<Ref> values_;
  std::set<int> gathers_said_, rows_said_;
};

}  // namespace

Toy random_toy(Dice& dice, const std::string& name) { return Generator(dice, name).make(); }

std::vector<std::vector<Plain>> random_inputs(const Toy& toy, Dice& dice, int64_t items) {
  std::vector<std::vector<Plain>> out;
  auto number = [&] { return static_cast<int64_t>(dice() % 200) - 40; };
  for (const ToyInput& input : toy.inputs) {
    std::vector<Plain>& values = out.emplace_back();
    bool left_out = input.optional && dice() % 2 == 0;
    auto length = static_cast<int64_t>(dice() % 5);
    for (int64_t item = 0; item < items; ++item) {
      if (left_out) {
        values.push_back(input.fallback);
        continue;
      }
      Plain value;
      value.kind = Plain::Kind::kTensor;
      value.dtype = input.dtype;
      value.dims = input.dims;
      if (!value.dims.empty()) value.dims[0] = length;
      int64_t size = 1;
      for (int64_t dim : value.dims) size *= dim;
      for (int64_t i = 0; i < size; ++i) value.numbers.push_back(number());
      values.push_back(std::move(value));
    }
  }
  return out;
}

}  // namespace leat::toy
