#include "ops/image/axis.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

namespace leat {

namespace {

// A filter's weight at distance x from the centre, in units of the (scaled) support.
double weight(Filter filter, double x) {
  if (filter == Filter::kArea) return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
  return std::max(0.0, 1.0 - std::abs(x));
}

// One position's source pixels before they are paired.
struct Window {
  int first;
  size_t at;  // in the array of exact weights
  int count;
};

class Windows {
 public:
  explicit Windows(const AxisKey& key)
      : key_(key),
        scale_(static_cast<double>(key.in) / key.out),
        spread_(std::max(scale_, 1.0)),
        support_((key.filter == Filter::kArea ? 0.5 : 1.0) * spread_) {}

  int most() const { return static_cast<int>(std::ceil(support_)) * 2 + 1; }

  // Appends the weights, which sum to 1.
  Window append(int position, std::vector<double>& weights) const {
    double centre = (position + 0.5) * scale_;
    size_t at = weights.size();
    if (key_.filter == Filter::kNearest) {
      weights.push_back(1.0);
      return {std::min(static_cast<int>(centre), key_.in - 1), at, 1};
    }
    int first = std::max(0, static_cast<int>(centre - support_ + 0.5));
    int last = std::min(key_.in, static_cast<int>(centre + support_ + 0.5));
    double sum = 0;
    double step = 1.0 / spread_;
    for (int i = first; i < last; ++i) {
      weights.push_back(weight(key_.filter, (i - centre + 0.5) * step));
      sum += weights.back();
    }
    for (size_t i = at; i < weights.size(); ++i) weights[i] /= sum;
    while (weights.back() == 0) weights.pop_back();
    while (weights[at] == 0) {
      ++at;
      ++first;
    }
    return {first, at, static_cast<int>(weights.size() - at)};
  }

 private:
  const AxisKey& key_;
  double scale_;
  double spread_;
  double support_;
};

}  // namespace

void Axis::build(const AxisKey& key) {
  assert(key.in > 0 && key.out > 0 && key.begin >= 0 && key.count > 0);
  assert(key.begin + key.count <= key.out);
  Windows windows(key);
  // Room for the longest window's weights, and for one that is shorter at the picture's edge and
  // so heavier: the number of bits is the same for all positions.
  exact_.clear();
  exact_.reserve(static_cast<size_t>(key.count) * static_cast<size_t>(windows.most()));
  reach.clear();
  reach.reserve(static_cast<size_t>(key.count));
  begin = key.in;
  end = 0;
  size_t total = 0;
  most_pairs = 0;
  for (int i = 0; i < key.count; ++i) {
    Window window = windows.append(key.begin + i, exact_);
    begin = std::min(begin, window.first);
    end = std::max(end, window.first + window.count);
    // For now `pairs` is the number of pixels, and `weights` an index in exact_.
    reach.push_back({window.first, window.count, static_cast<uint32_t>(window.at)});
    const int pairs = (window.count + (key.even ? window.first & 1 : 0) + 1) / 2;
    most_pairs = std::max(most_pairs, pairs);
    total += static_cast<size_t>(pairs);
  }
  if (key.even) begin &= ~1;

  double largest = *std::max_element(exact_.begin(), exact_.end());
  bits = key.most_bits;
  while (largest * (1 << bits) > 32766) --bits;
  const double one = 1 << bits;

  // Even tables have as many pairs for every position, since a loop whose length changes all the
  // time is a slow one; where down is one long loop after another, fewer pairs are better.
  weights.assign(key.even ? reach.size() * static_cast<size_t>(most_pairs) : total, 0);
  uint32_t* pairs = weights.data();
  for (Reach& to : reach) {
    const double* exact = exact_.data() + to.weights;
    const int count = to.pairs;
    const int lead = key.even ? to.first & 1 : 0;
    to = {to.first - lead, key.even ? most_pairs : (count + 1) / 2,
          static_cast<uint32_t>(pairs - weights.data())};
    // Rounding the running sum keeps the whole sum exact.
    double sum = 0;
    int given = 0;
    for (int i = 0; i < count; ++i) {
      sum += exact[i];
      const int rounded = static_cast<int>(sum * one + 0.5);
      const int at = lead + i;
      pairs[at / 2] |= static_cast<uint32_t>(rounded - given) << (at % 2 * 16);
      given = rounded;
    }
    assert(given == 1 << bits);
    pairs += to.pairs;
  }
}

const Axis& axis_for(const AxisKey& key) {
  struct Entry {
    AxisKey key;
    uint64_t used = 0;
    Axis axis;
  };
  // A photo and its crops take two tables each; what is used longest ago gives way.
  thread_local std::array<Entry, 16> entries;
  thread_local uint64_t clock = 0;
  Entry* oldest = entries.data();
  for (Entry& entry : entries) {
    if (entry.used > 0 && entry.key == key) {
      entry.used = ++clock;
      return entry.axis;
    }
    if (entry.used < oldest->used) oldest = &entry;
  }
  oldest->axis.build(key);
  oldest->key = key;
  oldest->used = ++clock;
  return oldest->axis;
}

}  // namespace leat
