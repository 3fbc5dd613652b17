// used: what no output needs is a mistake, or of an inlined pipeline, left out.
#include <functional>

#include "base/text.h"
#include "pipeline/draft.h"

namespace leat {

namespace {

void for_each_list(const Draft& draft, int set,
                   const std::function<void(const Ref&, const Place&)>& use) {
  if (set < 0) return;
  const DraftSet& walked = draft.sets[static_cast<size_t>(set)];
  for (const Ref& ref : walked.lists) use(ref, walked.place);
}

void for_each_reference(const std::vector<DraftCondition>& conditions,
                        const std::function<void(const Ref&, const Place&)>& use) {
  for (const DraftCondition& condition : conditions) {
    for (const Ref& ref : condition.references) use(ref, condition.place);
  }
}

// What a `pipeline` step names itself.
void for_each_use_of_unit(const Draft& draft, const Unit& unit,
                          const std::function<void(const Ref&, const Place&)>& use) {
  for_each_list(draft, unit.set, use);
  for_each_reference(unit.conditions, use);
  for (const DraftItem& item : unit.connections) {
    for (const Ref& ref : item.alternatives) use(ref, item.place);
  }
}

}  // namespace

void for_each_use(const Draft& draft, const DraftStep& step,
                  const std::function<void(const Ref&, const Place&)>& use) {
  for (const auto& port : step.inputs) {
    for (const DraftItem& item : port) {
      for (const Ref& ref : item.alternatives) use(ref, item.place);
    }
  }
  for_each_reference(step.conditions, use);
  for_each_list(draft, step.set, use);
}

// Is a name not understood? Then what it meant may seem unused.
static bool something_is_lost(const Draft& draft) {
  bool lost = draft.lost;
  auto look = [&](const Ref& ref, const Place&) { lost |= ref.wrong(); };
  for (const auto& unit : draft.units) {
    lost |= !unit->broken.empty();
    for_each_use_of_unit(draft, *unit, look);
  }
  for (const auto& step : draft.steps) {
    lost |= step->broken;
    for_each_use(draft, *step, look);
  }
  for (const DraftOutput& output : draft.outputs) {
    for (const Ref& ref : output.item.alternatives) {
      bool wrong =
          ref.kind == Ref::Kind::kClosed && draft.closed[static_cast<size_t>(ref.at)].inner.wrong();
      lost |= ref.wrong() || wrong;
    }
  }
  return lost;
}

void find_used(Draft& draft) {
  std::vector<char> seen(draft.steps.size());
  std::vector<char> unit_seen(draft.units.size());
  std::vector<size_t> waiting;
  std::function<void(const Ref&)> visit;
  std::function<void(size_t)> visit_unit = [&](size_t u) {
    if (std::exchange(unit_seen[u], true)) return;
    for_each_use_of_unit(draft, *draft.units[u], [&](const Ref& ref, const Place&) { visit(ref); });
    if (draft.units[u]->parent > 0) visit_unit(static_cast<size_t>(draft.units[u]->parent));
  };
  visit = [&](const Ref& ref) {
    auto at = static_cast<size_t>(ref.at);
    switch (ref.kind) {
      case Ref::Kind::kStep:
        if (!seen[at]) waiting.push_back(at);
        seen[at] = true;
        break;
      case Ref::Kind::kGather:
        visit(draft.gathers[at].inner);
        break;
      case Ref::Kind::kRows:
        visit(draft.rows[at].inner);
        break;
      case Ref::Kind::kClosed:
        draft.closed[at].used = true;
        visit_unit(static_cast<size_t>(draft.closed[at].unit));
        visit(draft.closed[at].inner);
        break;
      default:
        break;
    }
  };
  auto follow = [&] {
    while (!waiting.empty()) {
      const DraftStep& step = *draft.steps[waiting.back()];
      waiting.pop_back();
      for_each_use(draft, step, [&](const Ref& ref, const Place&) { visit(ref); });
      for (int u = step.unit; u > 0; u = draft.units[static_cast<size_t>(u)]->parent) {
        for_each_use_of_unit(draft, *draft.units[static_cast<size_t>(u)],
                             [&](const Ref& ref, const Place&) { visit(ref); });
      }
    }
  };
  auto start_at_outputs = [&](bool all) {
    for (const DraftOutput& output : draft.outputs) {
      if (output.unit != 0 && !all) continue;
      for (const Ref& ref : output.item.alternatives) {
        if (ref.kind != Ref::Kind::kClosed) continue;
        // What is inside: the unit itself is not used by having an output.
        DraftClosed& closed = draft.closed[static_cast<size_t>(ref.at)];
        if (output.unit == 0) closed.used = true;
        visit(closed.inner);
      }
    }
    follow();
  };
  start_at_outputs(false);
  for (size_t i = 0; i < seen.size(); ++i) draft.steps[i]->used = seen[i];
  for (size_t u = 0; u < unit_seen.size(); ++u) draft.units[u]->used = u == 0 || unit_seen[u];
  std::vector<DraftClosed> used = draft.closed;
  start_at_outputs(true);
  draft.closed = std::move(used);
  bool lost = something_is_lost(draft);
  for (size_t i = 0; i < seen.size(); ++i) {
    DraftStep& step = *draft.steps[i];
    if (seen[i]) continue;
    step.used = true;  // so that everything else that is wrong with it is told, too
    if (lost) continue;
    draft.mistakes.add(step.place, cat("step \"", step.name,
                                       "\" is not used: no output and no "
                                       "step that is used needs it"));
  }
  for (size_t u = 1; u < draft.units.size(); ++u) {
    const Unit& unit = *draft.units[u];
    if (!unit_seen[u] && !lost) {
      draft.mistakes.add(unit.place, cat("step \"", unit.prefix.substr(0, unit.prefix.size() - 1),
                                         "\" is not used: no output and no step that is used needs "
                                         "it"));
    }
  }
}

}  // namespace leat
