// scopes: which loop everything is in.
//
// Whether two `for_each` are one loop depends on the scopes of their lists, and these on which
// loops there are. So every `for_each` starts as a loop of its own; scopes are worked out; those
// that share a list within one parent are joined; and again, until nothing is joined any more. Only
// the last round speaks of mistakes.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "pipeline/draft.h"

namespace leat {

namespace {

class Scopes {
 public:
  explicit Scopes(Draft& draft) : draft_(draft), loop_of_set_(draft.sets.size()) {
    for (size_t i = 0; i < loop_of_set_.size(); ++i) loop_of_set_[i] = static_cast<int>(i);
  }

  bool settle() {
    find_used_sets();
    do {
      run(false);
    } while (join());
    run(true);
    number_loops();
    return !cyclic_;
  }

 private:
  enum State : char { kNew, kBusy, kDone };

  // Scope 0, or the loop of set i as i + 1, during a round.
  struct Memo {
    State state = kNew;
    int scope = 0;
    // Something on the way to this scope lies in two loops that are not one inside of the other.
    // They may be one loop that has not been joined yet: then the scope means nothing so far.
    bool torn = false;
  };

  void find_used_sets() {
    used_set_.assign(draft_.sets.size(), false);
    for (const auto& step : draft_.steps) {
      if (!step->used) continue;
      if (step->set >= 0) used_set_[static_cast<size_t>(step->set)] = true;
      for (int u = step->unit; u >= 0; u = unit_of(u).parent) {
        if (unit_of(u).set >= 0) used_set_[static_cast<size_t>(unit_of(u).set)] = true;
      }
    }
  }

  const Unit& unit_of(int u) const { return *draft_.units[static_cast<size_t>(u)]; }

  void run(bool last) {
    last_ = last;
    parents_.assign(draft_.sets.size() + 1, Memo());
    steps_.assign(draft_.steps.size(), Memo());
    units_.assign(draft_.units.size(), Memo());
    draft_.order.clear();
    for (size_t i = 0; i < draft_.sets.size(); ++i) {
      if (used_set_[i]) enter(loop_of_set_[i]);
    }
    for (size_t i = 0; i < draft_.steps.size(); ++i) {
      if (draft_.steps[i]->used) scope_of_step(static_cast<int>(i));
    }
    for (size_t u = 0; u < draft_.units.size(); ++u) {
      if (draft_.units[u]->used) scope_of_unit(static_cast<int>(u));
    }
    for (size_t i = 0; i < draft_.closed.size(); ++i) {
      if (draft_.closed[i].used) scope_of_ref({Ref::Kind::kClosed, static_cast<int>(i), 0});
    }
  }

  // Joins sets of one unit and parent that share a list. True if any were.
  bool join() {
    bool joined = false;
    std::map<std::tuple<int, int, Ref>, int> first;  // unit, parent, list -> loop
    for (size_t i = 0; i < draft_.sets.size(); ++i) {
      if (!used_set_[i]) continue;
      if (parents_[static_cast<size_t>(loop_of_set_[i]) + 1].torn) continue;
      const DraftSet& set = draft_.sets[i];
      for (const Ref& list : set.lists) {
        int own = loop_of_set_[i];
        int parent = parents_[static_cast<size_t>(own) + 1].scope;
        auto [known, added] = first.emplace(std::tuple(set.unit, parent, list), own);
        int other = known->second;
        if (added || other == own) continue;
        joined = true;
        for (int& loop : loop_of_set_) loop = loop == own ? other : loop;
        for (auto& [key, loop] : first) loop = loop == own ? other : loop;
      }
    }
    return joined;
  }

  // ----- one round

  int scope_of_ref(const Ref& ref) {
    auto at = static_cast<size_t>(ref.at);
    switch (ref.kind) {
      case Ref::Kind::kStep:
        return scope_of_step(ref.at);
      case Ref::Kind::kGather: {
        const DraftGather& gather = draft_.gathers[at];
        return around(gather.inner, gather.place, gather.written);
      }
      case Ref::Kind::kRows:
        return around(draft_.rows[at].inner, draft_.rows[at].place, draft_.rows[at].written);
      case Ref::Kind::kClosed: {
        int scope = scope_of_ref(draft_.closed[at].inner);
        int unit = draft_.closed[at].unit;
        while (scope > 0 && draft_.sets[static_cast<size_t>(scope) - 1].unit == unit) {
          scope = parent_of(scope);
        }
        int base = scope_of_unit(unit);
        return is_within(base, scope) ? base : scope;
      }
      default:
        return 0;
    }
  }

  int around(const Ref& inner, const Place& place, const std::string& written) {
    int scope = scope_of_ref(inner);
    if (scope > 0) return parent_of(scope);
    if (last_ && !inner.wrong() && !cyclic_) {
      draft_.mistakes.add(
          place, cat(written, ": ", name_of(draft_, inner), " does not lie inside of a loop"));
    }
    return 0;
  }

  int parent_of(int scope) { return parents_[static_cast<size_t>(scope)].scope; }

  bool is_within(int scope, int outer) {
    while (scope > 0 && scope != outer) scope = parent_of(scope);
    return scope == outer;
  }

  // The scope of a loop; works out its parent if need be.
  int enter(int loop) {
    Memo& memo = parents_[static_cast<size_t>(loop) + 1];
    torn_ |= memo.torn;
    if (memo.state == kDone) return loop + 1;
    const DraftSet& named = draft_.sets[static_cast<size_t>(loop)];
    std::string label = cat("the loop over ", named.written);
    if (memo.state == kBusy) {
      tell_cycle(named.place, label);
      return 0;
    }
    memo.state = kBusy;
    bool torn_before = std::exchange(torn_, false);
    path_.push_back(label);
    int scope = 0;
    Ref seen;
    for (size_t i = 0; i < draft_.sets.size(); ++i) {
      if (loop_of_set_[i] != loop || !used_set_[i]) continue;
      const DraftSet& set = draft_.sets[i];
      deepen(scope, seen, scope_of_unit(set.unit), Ref{}, set.place);
      for (const Ref& list : set.lists) deepen(scope, seen, scope_of_ref(list), list, set.place);
    }
    path_.pop_back();
    // Joined loops are looked at while they are worked out, so that the memo may have moved on.
    parents_[static_cast<size_t>(loop) + 1] = {kDone, scope, torn_};
    torn_ |= torn_before;
    return loop + 1;
  }

  int scope_of_unit(int u) {
    Memo& memo = units_[static_cast<size_t>(u)];
    torn_ |= memo.torn;
    if (memo.state == kDone) return memo.scope;
    const Unit& unit = unit_of(u);
    if (unit.parent < 0) return 0;
    std::string label = unit.prefix.substr(0, unit.prefix.size() - 1);
    if (memo.state == kBusy) {
      tell_cycle(unit.place, label);
      return 0;
    }
    memo.state = kBusy;
    bool torn_before = std::exchange(torn_, false);
    path_.push_back(label);
    int scope = scope_of_unit(unit.parent);
    Ref seen;
    if (unit.set >= 0) {
      deepen(scope, seen, enter(loop_of_set_[static_cast<size_t>(unit.set)]), Ref{}, unit.place);
    }
    bool own = unit.set >= 0;
    for (const DraftItem& item : unit.connections) {
      for (const Ref& ref : item.alternatives) use(scope, seen, ref, item.place, own);
    }
    for (const DraftCondition& condition : unit.conditions) {
      for (const Ref& ref : condition.references) use(scope, seen, ref, condition.place, own);
    }
    path_.pop_back();
    units_[static_cast<size_t>(u)] = {kDone, scope, torn_};
    torn_ |= torn_before;
    return scope;
  }

  int scope_of_step(int s) {
    Memo& memo = steps_[static_cast<size_t>(s)];
    torn_ |= memo.torn;
    if (memo.state == kDone) return memo.scope;
    const DraftStep& step = *draft_.steps[static_cast<size_t>(s)];
    if (memo.state == kBusy) {
      tell_cycle(step.place, step.name);
      return 0;
    }
    memo.state = kBusy;
    bool torn_before = std::exchange(torn_, false);
    path_.push_back(step.name);
    int scope = scope_of_unit(step.unit);
    Ref seen;
    bool own = step.set >= 0;
    if (own) {
      deepen(scope, seen, enter(loop_of_set_[static_cast<size_t>(step.set)]), Ref{}, step.place);
    }
    Place index_place;
    bool index = false;
    auto look = [&](const Ref& ref, const Place& place) {
      if (ref.kind == Ref::Kind::kIndex) {
        index = true;
        index_place = place;
      }
      use(scope, seen, ref, place, own);
    };
    for (const auto& port : step.inputs) {
      for (const DraftItem& item : port) {
        for (const Ref& ref : item.alternatives) look(ref, item.place);
      }
    }
    for (const DraftCondition& condition : step.conditions) {
      for (const Ref& ref : condition.references) look(ref, condition.place);
    }
    if (index && scope == 0 && last_ && !cyclic_) {
      draft_.mistakes.add(index_place, "index is known inside of loops only; this step is in none");
    }
    path_.pop_back();
    steps_[static_cast<size_t>(s)] = {kDone, scope, torn_};
    torn_ |= torn_before;
    draft_.order.push_back(s);
    return scope;
  }

  // A use of `ref` in something whose scope so far is `scope`; `settled`: by its own for_each.
  void use(int& scope, Ref& seen, const Ref& ref, const Place& place, bool settled) {
    int other = scope_of_ref(ref);
    if (settled && other != scope && is_within(other, scope)) {
      conflict(scope, Ref{}, other, ref, place);
      return;
    }
    deepen(scope, seen, other, ref, place);
  }

  void deepen(int& scope, Ref& seen, int other, const Ref& ref, const Place& place) {
    if (is_within(scope, other)) return;
    if (!is_within(other, scope)) return conflict(scope, seen, other, ref, place);
    scope = other;
    seen = ref;
  }

  void conflict(int scope, const Ref& seen, int other, const Ref& ref, const Place& place) {
    torn_ = true;
    if (!last_ || cyclic_) return;
    std::string first = seen.wrong() ? "this step" : name_of(draft_, seen);
    std::string name = name_of(draft_, ref);
    draft_.mistakes.add(place,
                        cat(first, " is in ", label_of(scope), ", ", name, " in ", label_of(other),
                            ", and the first is not inside of the second; "
                            "gather what is needed: { gather: ",
                            name, " }"));
  }

  std::string label_of(int scope) const {
    if (scope == 0) return "no loop";
    return cat("the loop over ", draft_.sets[static_cast<size_t>(scope) - 1].written);
  }

  void tell_cycle(const Place& place, const std::string& label) {
    cyclic_ = true;
    if (!last_) return;
    auto begin = std::find(path_.begin(), path_.end(), label);
    std::string text;
    for (auto at = begin; at != path_.end(); ++at) text += cat(*at, " -> ");
    draft_.mistakes.add(place, cat("a cycle: ", text, label, " (each needs the next)"));
  }

  // ----- the result

  void number_loops() {
    draft_.scopes.assign(1, DraftScope());
    std::vector<int> numbers(draft_.sets.size() + 1, -1);
    numbers[0] = 0;
    std::function<int(int)> number = [&](int scope) -> int {
      int& known = numbers[static_cast<size_t>(scope)];
      if (known >= 0) return known;
      known = 0;  // cycles have been told
      int parent = number(parent_of(scope));
      const DraftSet& named = draft_.sets[static_cast<size_t>(scope) - 1];
      DraftScope made{parent, named.unit, {}, named.place, {}};
      for (size_t i = 0; i < draft_.sets.size(); ++i) {
        if (loop_of_set_[i] + 1 != scope || !used_set_[i]) continue;
        for (const Ref& list : draft_.sets[i].lists) {
          if (std::find(made.lists.begin(), made.lists.end(), list) != made.lists.end()) continue;
          made.written += cat(made.lists.empty() ? "" : ", ", name_of(draft_, list));
          made.lists.push_back(list);
        }
      }
      numbers[static_cast<size_t>(scope)] = static_cast<int>(draft_.scopes.size());
      draft_.scopes.push_back(std::move(made));
      return numbers[static_cast<size_t>(scope)];
    };
    for (size_t i = 0; i < draft_.sets.size(); ++i) {
      if (used_set_[i]) number(loop_of_set_[i] + 1);
    }
    for (const Memo& step : steps_) draft_.step_scope.push_back(number(step.scope));
    for (const Memo& unit : units_) draft_.unit_scope.push_back(number(unit.scope));
  }

  Draft& draft_;
  std::vector<int> loop_of_set_;  // its representative, a set
  std::vector<bool> used_set_;
  std::vector<Memo> parents_;  // by scope
  std::vector<Memo> steps_, units_;
  std::vector<std::string> path_;  // what is being worked out
  bool last_ = false;
  bool torn_ = false;    // of what is being worked out
  bool cyclic_ = false;  // then half of what else could be said is wrong
};

}  // namespace

std::string name_of(const Draft& draft, const Ref& ref) {
  auto at = static_cast<size_t>(ref.at);
  switch (ref.kind) {
    case Ref::Kind::kWrong:
      return "this";
    case Ref::Kind::kInput:
      return draft.units[0]->input_list[at].name;
    case Ref::Kind::kStep: {
      const DraftStep& step = *draft.steps[at];
      return cat(step.name, ".", step.output_names[static_cast<size_t>(ref.port)]);
    }
    case Ref::Kind::kGather:
      return draft.gathers[at].written;
    case Ref::Kind::kRows:
      return draft.rows[at].written;
    case Ref::Kind::kIndex:
      return "index";
    case Ref::Kind::kConstant:
      return "the constant";
    case Ref::Kind::kOutput:
      return draft.outputs[at].name;
    case Ref::Kind::kClosed:
      return name_of(draft, draft.closed[at].inner);
  }
  return {};
}

bool settle_scopes(Draft& draft) { return Scopes(draft).settle(); }

int scope_of(const Draft& draft, const Ref& ref) {
  auto at = static_cast<size_t>(ref.at);
  auto parent = [&](const Ref& inner) {
    return std::max(0, draft.scopes[static_cast<size_t>(scope_of(draft, inner))].parent);
  };
  switch (ref.kind) {
    case Ref::Kind::kStep:
      return draft.step_scope[at];
    case Ref::Kind::kGather:
      return parent(draft.gathers[at].inner);
    case Ref::Kind::kRows:
      return parent(draft.rows[at].inner);
    case Ref::Kind::kClosed: {
      int unit = draft.closed[at].unit;
      int scope = scope_of(draft, draft.closed[at].inner);
      while (scope > 0 && draft.scopes[static_cast<size_t>(scope)].unit == unit) {
        scope = draft.scopes[static_cast<size_t>(scope)].parent;
      }
      int base = draft.unit_scope[static_cast<size_t>(unit)];
      for (int s = base; s > 0; s = draft.scopes[static_cast<size_t>(s)].parent) {
        if (s == scope) return base;
      }
      return scope == 0 ? base : scope;
    }
    default:
      return 0;
  }
}

Row row_of(const Draft& draft, const Ref& ref, int reader) {
  int home = scope_of(draft, ref);
  for (int s = reader; s > 0 && s != home; s = draft.scopes[static_cast<size_t>(s)].parent) {
    const std::vector<Ref>& lists = draft.scopes[static_cast<size_t>(s)].lists;
    auto found = std::find(lists.begin(), lists.end(), ref);
    if (found != lists.end()) return {s, static_cast<int>(found - lists.begin())};
  }
  return {};
}

}  // namespace leat
