#include "pipeline/testing/interpreter.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/text.h"

namespace leat::toy {

namespace {

struct Row;

struct Loop {
  bool absent = false;
  bool poisoned = false;
  std::vector<std::unique_ptr<Row>> rows;
};

// One run of one scope: an item, or a row of a loop.
struct Row {
  int scope = 0;
  Row* around = nullptr;
  int64_t number = 0;
  std::map<int, std::vector<Plain>> steps;
  std::map<int, Loop> loops;
  std::map<std::pair<int, int>, Plain> gathers;  // by gather (or -1 - output) and loop
};

class Interpreter {
 public:
  Interpreter(const Toy& toy, const std::vector<std::vector<Plain>>& inputs)
      : toy_(toy), inputs_(inputs), items_(static_cast<int64_t>(inputs[0].size())) {}

  Meaning run() {
    for (const ToyStep& step : toy_.steps) {
      for (const auto& port : step.inputs) {
        for (const Choice& choice : port) {
          for (const Ref& ref : choice.alternatives) note_gathers(ref);
        }
      }
      for (const Ref& ref : step.for_each) note_gathers(ref);
      for (const Condition& condition : step.when) note_gathers(condition.ref);
    }
    for (const ToyOutput& output : toy_.outputs) {
      for (const Ref& ref : output.alternatives) note_gathers(ref);
    }
    std::vector<std::vector<Plain>> outputs(toy_.outputs.size());
    for (int64_t item = 0; item < items_; ++item) {
      Row root;
      root.number = item;
      everything(root);
      for (size_t i = 0; i < outputs.size(); ++i) {
        Plain chosen;
        for (const Ref& ref : toy_.outputs[i].alternatives) {
          Plain value = closed(ref, root);
          if (!chosen.present()) chosen = value;
        }
        outputs[i].push_back(chosen);
      }
    }
    if (meaning_.failures.empty()) {
      for (auto& rows : outputs) {
        meaning_.outputs.push_back(toy_.batched ? stacked(rows, DType::kInt64, {}) : rows[0]);
      }
    }
    return std::move(meaning_);
  }

 private:
  const ToyScope& scope(int s) const { return toy_.scopes[static_cast<size_t>(s)]; }

  void note_gathers(const Ref& ref) {
    if (ref.kind != Ref::Kind::kGather && ref.kind != Ref::Kind::kRows) return;
    used_gathers_.insert(ref.at);
    note_gathers(toy_.gathers[static_cast<size_t>(ref.at)].inner);
  }

  // All that happens in a row and in the loops inside of it, whoever needs it.
  void everything(Row& row) {
    for (size_t s = 1; s < toy_.scopes.size(); ++s) {
      if (scope(static_cast<int>(s)).parent != row.scope) continue;
      for (auto& inside : open(row, static_cast<int>(s)).rows) everything(*inside);
    }
    for (size_t s = 0; s < toy_.steps.size(); ++s) {
      if (toy_.steps[s].scope == row.scope) run_step(row, static_cast<int>(s));
    }
    for (int gather : used_gathers_) {
      Ref ref{Ref::Kind::kGather, gather, 0};
      if (home(toy_, ref) == row.scope) value(ref, row);
    }
  }

  void saw(std::string_view what) { ++meaning_.seen[what]; }

  // A message is "item I, WHAT, row R, row R: WHY". Of gathers and loops, WHAT is left open.
  void fail(const Row& row, std::string_view kind, Code code, const std::string& what,
            const std::string& why) {
    std::string where;
    const Row* root = &row;
    for (; root->around; root = root->around) where += cat(", row ", root->number);
    where += ": ";
    std::string item = items_ > 1 ? cat("item ", root->number, ", ", what) : what;
    meaning_.failures.push_back({code, item, where + why, kind});
  }

  // ----- values

  Plain value(const Ref& ref, Row& row) {
    auto at = static_cast<size_t>(ref.at);
    if (ref.kind == Ref::Kind::kIndex) return Plain::scalar(row.number);
    if (ref.kind == Ref::Kind::kConstant) return toy_.constants[at];
    if (row.scope != home(toy_, ref)) {
      Plain outside = value(ref, *row.around);
      if (std::ranges::count(scope(row.scope).lists, ref) == 0) return outside;
      return outside.present() ? outside.row(row.number) : outside;
    }
    switch (ref.kind) {
      case Ref::Kind::kInput:
        return inputs_[at][static_cast<size_t>(row.number)];
      case Ref::Kind::kStep:
        return run_step(row, ref.at)[static_cast<size_t>(ref.port)];
      case Ref::Kind::kGather: {
        const Collected& gather = toy_.gathers[at];
        return collect(row, ref.at, gather.inner, gather.absent, gather.use).first;
      }
      case Ref::Kind::kRows: {
        const Collected& gather = toy_.gathers[at];
        return collect(row, ref.at, gather.inner, gather.absent, gather.use).second;
      }
      default:
        std::abort();
    }
  }

  // A value inside of loops as an output shows it: gathered until it lies in none.
  Plain closed(const Ref& ref, Row& root) {
    int from = home(toy_, ref);
    return from == 0 ? value(ref, root) : closed(ref, root, from);
  }
  Plain closed(const Ref& ref, Row& row, int from) {
    if (row.scope == from) return value(ref, row);
    int inner = from;  // the loop in `row` on the way to the value
    while (scope(inner).parent != row.scope) inner = scope(inner).parent;
    Loop& loop = open(row, inner);
    if (loop.poisoned) return Plain::poison();
    if (loop.absent) return {};
    std::vector<Plain> rows;
    bool poisoned = false;
    int64_t missing = -1;
    for (auto& inside : loop.rows) {
      rows.push_back(closed(ref, *inside, from));
      poisoned = poisoned || rows.back().poisoned();
      if (!rows.back().present() && missing < 0) missing = inside->number;
    }
    if (poisoned) return Plain::poison();
    if (missing >= 0) {
      fail(row, "an absent row gathered", Code::kStepFailed, "", "row ");
      return Plain::poison();
    }
    auto [dtype, dims] = type(ref);
    for (int s = from; s != inner; s = scope(s).parent) dims.insert(dims.begin(), -1);
    return stacked(rows, dtype, dims);
  }

  // Element type and dimensions of a value in its home, -1 where they are not known.
  std::pair<DType, std::vector<int64_t>> type(const Ref& ref) const {
    auto at = static_cast<size_t>(ref.at);
    if (ref.kind == Ref::Kind::kInput) return {toy_.inputs[at].dtype, toy_.inputs[at].dims};
    if (ref.kind == Ref::Kind::kRows) return {DType::kInt64, {-1}};
    if (ref.kind == Ref::Kind::kGather) {
      auto of = type(toy_.gathers[at].inner);
      of.second.insert(of.second.begin(), -1);
      return of;
    }
    const Part& part = parts()[static_cast<size_t>(toy_.steps[at].part)];
    const PartPort& port = part.outputs[static_cast<size_t>(ref.port)];
    return {port.dtype, port.dims};
  }

  // The rows of a value, and the numbers of those kept.
  std::pair<Plain, Plain> collect(Row& row, int gather, const Ref& inner, Collected::Absent absent,
                                  const Plain& use) {
    auto known = row.gathers.find({gather, 0});
    if (known != row.gathers.end()) return {known->second, row.gathers.at({gather, 1})};
    Plain& values = row.gathers[{gather, 0}];
    Plain& numbers = row.gathers[{gather, 1}];
    Loop& loop = open(row, home(toy_, inner));
    if (loop.absent) return {};
    bool poisoned = loop.poisoned;
    bool missing = false;
    std::vector<Plain> rows;
    std::vector<int64_t> kept;
    for (auto& inside : loop.rows) {
      Plain one = value(inner, *inside);
      poisoned = poisoned || one.poisoned();
      if (one.present()) {
        rows.push_back(one);
        kept.push_back(inside->number);
      } else if (absent == Collected::Absent::kUse) {
        rows.push_back(use);
        saw("an absent row replaced");
      } else {
        missing = missing || absent == Collected::Absent::kFail;
        if (absent == Collected::Absent::kDrop) saw("an absent row dropped");
      }
    }
    if (missing && !poisoned) {
      fail(row, "an absent row gathered", Code::kStepFailed, "", "row ");
      poisoned = true;
    }
    auto [dtype, dims] = type(inner);
    values = poisoned ? Plain::poison() : stacked(rows, dtype, dims);
    if (values.kind == Plain::Kind::kList) saw("ragged rows");
    numbers = poisoned ? Plain::poison() : Plain::list(kept);
    return {values, numbers};
  }

  Loop& open(Row& row, int s) {
    auto [at, made] = row.loops.try_emplace(s);
    Loop& loop = at->second;
    if (!made) return loop;
    int64_t length = -1;
    bool unequal = false;
    for (const Ref& ref : scope(s).lists) {
      Plain list = value(ref, row);
      loop.poisoned = loop.poisoned || list.poisoned();
      if (!list.present()) {
        loop.absent = true;
        continue;
      }
      unequal = unequal || (length >= 0 && list.length() != length);
      length = list.length();
    }
    if (loop.absent && !loop.poisoned) saw("a loop over an absent list");
    if (loop.poisoned || loop.absent) return loop;
    if (unequal) {
      fail(row, "unequal lists", Code::kStepFailed, "for_each ", "lists of ");
      loop.poisoned = true;
      return loop;
    }
    if (length == 0) saw("a loop without rows");
    if (length > 0 && scope(s).lists.size() > 1) saw("zipped lists");
    for (int64_t i = 0; i < length; ++i) {
      if (scope(s).depth > 1) saw("a row of a nested loop");
      auto inside = std::make_unique<Row>();
      inside->scope = s;
      inside->around = &row;
      inside->number = i;
      loop.rows.push_back(std::move(inside));
    }
    return loop;
  }

  // ----- steps

  const std::vector<Plain>& run_step(Row& row, int s) {
    auto known = row.steps.find(s);
    if (known != row.steps.end()) return known->second;
    const ToyStep& step = toy_.steps[static_cast<size_t>(s)];
    const Part& part = parts()[static_cast<size_t>(step.part)];
    std::vector<Plain> outputs(part.outputs.size());

    bool poisoned = false;
    for (const Condition& condition : step.when) {
      poisoned = poisoned || value(condition.ref, row).poisoned();
    }
    Given given(part.inputs.size());
    bool skip = false;
    for (size_t port = 0; port < step.inputs.size(); ++port) {
      for (const Choice& choice : step.inputs[port]) {
        Plain chosen;
        for (const Ref& ref : choice.alternatives) {
          Plain one = value(ref, row);
          poisoned = poisoned || one.poisoned();
          if (!chosen.present() && one.present() && &ref != &choice.alternatives[0]) {
            saw("a later one of first_of");
          }
          if (!chosen.present()) chosen = one;
        }
        if (chosen.present()) {
          given[port].push_back(chosen);
        } else {
          bool optional = choice.optional || part.inputs[port].optional;
          skip = skip || !optional;
          saw(optional ? "an optional input absent" : "a step without its input");
        }
      }
    }
    Outcome outcome;
    if (!poisoned) {
      bool holds = true;
      for (const Condition& condition : step.when) {
        outcome = test(condition, row, holds);
        skip = skip || !holds;
        if (outcome.code == Code::kOk)
          saw(holds ? "a condition that held" : "a condition that did not");
      }
      if (outcome.code == Code::kOk && !skip) outcome = run(step, part, given);
    }
    if (poisoned) {
      outputs.assign(outputs.size(), Plain::poison());
    } else if (outcome.code != Code::kOk) {
      outputs = failed(row, step, outcome);
    } else if (!skip) {
      outputs = outcome.outputs;
    }
    return row.steps[s] = outputs;
  }

  static Outcome run(const ToyStep& step, const Part& part, Given given) {
    for (size_t port = 0; port < given.size(); ++port) {
      const PartPort& spec = part.inputs[port];
      if (spec.many && given[port].empty()) {
        return {.code = Code::kBadInput, .why = cat("input ", spec.name, " is absent")};
      }
      for (const Plain& one : given[port]) {
        for (size_t i = 0; i < spec.dims.size(); ++i) {
          if (spec.dims[i] >= 0 && one.dims[i] != spec.dims[i]) {
            return {.code = Code::kBadInput, .why = cat("input ", spec.name, ": ")};
          }
        }
      }
    }
    if (part.lengths_port >= 0) {
      const Plain& of = given[static_cast<size_t>(part.pad_port)][0];
      given[static_cast<size_t>(part.lengths_port)] = {Plain::scalar(of.dims[0])};
    }
    return part.run(given, step.n);
  }

  std::vector<Plain> failed(const Row& row, const ToyStep& step, const Outcome& outcome) {
    const Part& part = parts()[static_cast<size_t>(step.part)];
    std::vector<Plain> outputs(part.outputs.size());
    Code code = outcome.code;
    bool lost = code == Code::kOverloaded;
    if (!lost && step.on_error != Trouble::kFail) {
      saw(step.on_error == Trouble::kSkip ? "a failed step skipped" : "a failed step replaced");
      return step.on_error == Trouble::kSkip ? outputs : step.use;
    }
    bool callers = code == Code::kBadInput || code == Code::kBadMedia || code == Code::kTooLarge;
    if (!lost && !callers) code = Code::kStepFailed;
    fail(row, "a failed step", code, cat("step ", step.name), outcome.why);
    outputs.assign(outputs.size(), Plain::poison());
    return outputs;
  }

  // `holds`: is the step to run? An outcome that is not ok: the expression makes no sense.
  Outcome test(const Condition& condition, Row& row, bool& holds) {
    Plain of = value(condition.ref, row);
    using Form = Condition::Form;
    int64_t n = condition.number;
    if (condition.form == Form::kPresent) holds = of.present();
    if (condition.form == Form::kAbsent) holds = !of.present();
    if (condition.form == Form::kBothIndex) holds = of.present() && row.number < n;
    bool asks = condition.form == Form::kPresent || condition.form == Form::kAbsent ||
                condition.form == Form::kBothIndex;
    if (asks) return {};
    holds = of.present();
    if (!holds) return {};
    Outcome senseless{.code = Code::kBadInput, .why = "when"};
    switch (condition.form) {
      case Form::kEven:
        holds = of.one() % 2 == 0;
        break;
      case Form::kLess:
        holds = of.one() < n;
        break;
      case Form::kLong:
        holds = of.length() > n;
        break;
      case Form::kLargest:
        if (of.numbers.empty()) return senseless;
        holds = std::ranges::max(of.numbers) >= n;
        break;
      case Form::kElement:
        if (of.length() <= n) return senseless;
        holds = of.numbers[static_cast<size_t>(n)] > 0;
        break;
      default:
        break;
    }
    return {};
  }

  const Toy& toy_;
  const std::vector<std::vector<Plain>>& inputs_;
  const int64_t items_;
  std::set<int> used_gathers_;
  Meaning meaning_;
};

}  // namespace

Meaning interpret(const Toy& toy, const std::vector<std::vector<Plain>>& inputs) {
  return Interpreter(toy, inputs).run();
}

}  // namespace leat::toy
