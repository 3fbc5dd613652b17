// close: the outputs of inlined pipelines are seen through.
#include <map>
#include <set>

#include "base/text.h"
#include "pipeline/draft.h"

namespace leat {

namespace {

// Replaces kOutput by kClosed everywhere. An output that is a first_of has several.
class OutputCloser {
 public:
  explicit OutputCloser(Draft& draft) : draft_(draft), busy_(draft.outputs.size()) {}

  void close() {
    for (auto& step : draft_.steps) {
      for (auto& port : step->inputs) {
        for (DraftItem& item : port) splice(item);
      }
      for (DraftCondition& condition : step->conditions) {
        for (Ref& ref : condition.references) single(ref, condition.place);
      }
    }
    for (auto& unit : draft_.units) {
      for (DraftItem& item : unit->connections) splice(item);
      for (DraftCondition& condition : unit->conditions) {
        for (Ref& ref : condition.references) single(ref, condition.place);
      }
    }
    for (DraftSet& set : draft_.sets) {
      for (Ref& ref : set.lists) single(ref, set.place);
    }
    for (DraftGather& gather : draft_.gathers) single(gather.inner, gather.place);
    for (DraftRows& rows : draft_.rows) single(rows.inner, rows.place);
    for (size_t i = 0; i < draft_.outputs.size(); ++i) {
      DraftOutput& output = draft_.outputs[i];
      output.item.alternatives = expand({Ref::Kind::kOutput, static_cast<int>(i), 0});
    }
  }

 private:
  std::vector<Ref> expand(const Ref& ref) {
    if (ref.kind != Ref::Kind::kOutput) return {ref};
    auto at = static_cast<size_t>(ref.at);
    DraftOutput& output = draft_.outputs[at];
    if (done_.contains(at)) return output.item.alternatives;
    if (busy_[at]) {
      draft_.mistakes.add(output.item.place,
                          cat("the output \"", output.name, "\" comes back as its own input"));
      return {Ref{}};
    }
    busy_[at] = true;
    std::vector<Ref> out;
    for (const Ref& alternative : output.item.alternatives) {
      for (const Ref& inner : expand(alternative)) {
        out.push_back(inner.wrong() ? inner : closed(inner, output.unit));
      }
    }
    if (out.size() > kMostAlternatives) {
      draft_.mistakes.add(output.item.place,
                          cat("first_of: more than ", kMostAlternatives, " values"));
      out.resize(1);
    }
    busy_[at] = false;
    done_.insert(at);
    output.item.alternatives = out;
    return out;
  }

  Ref closed(const Ref& inner, int unit) {
    auto [known, added] =
        closed_.emplace(std::pair(inner, unit), static_cast<int>(draft_.closed.size()));
    if (added) draft_.closed.push_back({inner, unit});
    return {Ref::Kind::kClosed, known->second, 0};
  }

  void splice(DraftItem& item) {
    std::vector<Ref> out;
    for (const Ref& ref : item.alternatives) {
      std::vector<Ref> expanded = expand(ref);
      out.insert(out.end(), expanded.begin(), expanded.end());
    }
    item.alternatives = std::move(out);
  }

  void single(Ref& ref, const Place& place) {
    std::vector<Ref> expanded = expand(ref);
    if (expanded.size() != 1) {
      draft_.mistakes.add(place,
                          "one value is wanted here; this output of a pipeline is a first_of");
    }
    ref = expanded.empty() ? Ref{} : expanded[0];
  }

  static constexpr size_t kMostAlternatives = 64;

  Draft& draft_;
  std::vector<bool> busy_;
  std::set<size_t> done_;
  std::map<std::pair<Ref, int>, int> closed_;
};

// A value that is made of itself without any step between: an inlined pipeline that hands its input
// through, and gets it back gathered.
class SelfMade {
 public:
  explicit SelfMade(Draft& draft) : draft_(draft) {}

  void cut() {
    for (size_t i = 0; i < draft_.gathers.size(); ++i) {
      follow({Ref::Kind::kGather, static_cast<int>(i), 0});
    }
    for (size_t i = 0; i < draft_.closed.size(); ++i) {
      follow({Ref::Kind::kClosed, static_cast<int>(i), 0});
    }
    for (size_t i = 0; i < draft_.rows.size(); ++i) {
      follow({Ref::Kind::kRows, static_cast<int>(i), 0});
    }
  }

 private:
  void follow(const Ref& ref) {
    Ref* inner = inner_of(ref);
    if (inner == nullptr) return;
    char& state = state_[ref];
    if (state == kDone) return;
    state = kBusy;
    if (inner_of(*inner) != nullptr && state_[*inner] == kBusy) {
      draft_.mistakes.add(place_of(ref), "this value would be made of itself");
      *inner = {};
    }
    follow(*inner);
    state = kDone;
  }

  Ref* inner_of(const Ref& ref) {
    auto at = static_cast<size_t>(ref.at);
    switch (ref.kind) {
      case Ref::Kind::kGather:
        return &draft_.gathers[at].inner;
      case Ref::Kind::kClosed:
        return &draft_.closed[at].inner;
      case Ref::Kind::kRows:
        return &draft_.rows[at].inner;
      default:
        return nullptr;
    }
  }

  Place place_of(const Ref& ref) const {
    auto at = static_cast<size_t>(ref.at);
    switch (ref.kind) {
      case Ref::Kind::kGather:
        return draft_.gathers[at].place;
      case Ref::Kind::kRows:
        return draft_.rows[at].place;
      default:
        return draft_.units[static_cast<size_t>(draft_.closed[at].unit)]->place;
    }
  }

  static constexpr char kBusy = 1;
  static constexpr char kDone = 2;
  Draft& draft_;
  std::map<Ref, char> state_;
};

}  // namespace

void close_outputs(Draft& draft) {
  OutputCloser(draft).close();
  SelfMade(draft).cut();
}

}  // namespace leat
