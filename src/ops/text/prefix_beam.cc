#include "ops/text/prefix_beam.h"

#include <algorithm>
#include <cassert>

namespace leat {

namespace {

double positive(float probability) { return probability > 0 ? double{probability} : 0; }

}  // namespace

void PrefixBeam::Ways::add(const Ways& from, double probability, double begins) {
  all += from.all * probability;
  const double log = from.best_log + std::log(probability);
  if (log <= best_log) return;
  best_log = log;
  begun = from.begun + begins;
}

PrefixBeam::PrefixBeam(size_t width, int64_t blank)
    : width_(width), blank_(blank), nodes_{{kNone, -1, 0}}, beam_{{0, kNone, -1}} {
  beam_[0].blank.all = 1;
  beam_[0].blank.best_log = 0;
}

void PrefixBeam::choose(std::span<const float> probabilities) {
  tried_.clear();
  for (size_t i = 0; i < probabilities.size(); ++i) {
    const auto label = static_cast<int64_t>(i);
    if (label != blank_ && probabilities[i] > 0) tried_.push_back(label);
  }
  if (tried_.size() <= width_ + 1) return;
  std::ranges::nth_element(tried_, tried_.begin() + static_cast<ptrdiff_t>(width_),
                           [&](int64_t a, int64_t b) {
                             const float x = probabilities[static_cast<size_t>(a)];
                             const float y = probabilities[static_cast<size_t>(b)];
                             return x > y || (x == y && a < b);
                           });
  tried_.resize(width_ + 1);
}

// Where `from`, longer by one class, is in next_.
PrefixBeam::Beginning& PrefixBeam::child(const Beginning& from, int64_t last) {
  uint32_t node = kNone;
  if (auto known = node_of_.find(key(from.node, last)); known != node_of_.end()) {
    node = known->second;
    if (nodes_[node].place != kNone) return next_[nodes_[node].place];
  }
  return next_.emplace_back(Beginning{node, from.node, last});
}

void PrefixBeam::extend(const Beginning& from, std::span<const float> probabilities) {
  const auto of = [&](int64_t label) {
    return positive(probabilities[static_cast<size_t>(label)]);
  };
  Beginning& same = next_[nodes_[from.node].place];
  same.blank.add(from.blank, of(blank_), 0);
  same.blank.add(from.label, of(blank_), 0);
  if (from.last >= 0) same.label.add(from.label, of(from.last), 0);
  for (int64_t label : tried_) {
    Ways& ways = child(from, label).label;
    ways.add(from.blank, of(label), of(label));
    if (label != from.last) ways.add(from.label, of(label), of(label));  // else one run of it
  }
}

void PrefixBeam::keep_best() {
  const auto before = [](const Beginning& a, const Beginning& b) {
    if (a.all() != b.all()) return a.all() > b.all();
    return std::pair(a.parent, a.last) < std::pair(b.parent, b.last);
  };
  const size_t count = std::min(width_, next_.size());
  std::ranges::partial_sort(next_, next_.begin() + static_cast<ptrdiff_t>(count), before);
  const double most = next_[0].all();
  if (!(most > 0)) return;
  next_.resize(count);
  for (const Beginning& old : beam_) nodes_[old.node].place = kNone;
  beam_.swap(next_);
  for (uint32_t i = 0; i < beam_.size(); ++i) {
    Beginning& kept = beam_[i];
    kept.blank.all /= most;
    kept.label.all /= most;
    if (kept.node == kNone) {
      kept.node = static_cast<uint32_t>(nodes_.size());
      nodes_.push_back({kept.parent, kept.last, i});
      node_of_[key(kept.parent, kept.last)] = kept.node;
    }
    nodes_[kept.node].place = i;
  }
}

void PrefixBeam::step(std::span<const float> probabilities) {
  assert(blank_ >= 0 && blank_ < static_cast<int64_t>(probabilities.size()));
  choose(probabilities);
  next_.clear();
  for (const Beginning& kept : beam_) next_.push_back({kept.node, kept.parent, kept.last});
  for (const Beginning& kept : beam_) extend(kept, probabilities);
  keep_best();
}

PrefixBeam::Text PrefixBeam::best() const {
  Text text;
  for (uint32_t node = beam_[0].node; node != 0; node = nodes_[node].parent) {
    text.classes.push_back(nodes_[node].last);
  }
  std::ranges::reverse(text.classes);
  const auto& [blank, label] = std::pair(beam_[0].blank, beam_[0].label);
  const double begun = blank.best_log > label.best_log ? blank.begun : label.begun;
  if (!text.classes.empty()) text.mean = begun / static_cast<double>(text.classes.size());
  return text;
}

}  // namespace leat
