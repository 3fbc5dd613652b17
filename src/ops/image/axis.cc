#include "ops/image/axis.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>

namespace leat {

namespace {

// A filter's weight at distance x from the centre, in units of the (scaled) support.
double weight(Filter filter, double x) {
  if (filter == Filter::kArea) return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
  return std::max(0.0, 1.0 - std::abs(x));
}

// What one table of this thread needed, the others will: once each has been used again since the
// largest, none takes memory any more.
template <typename T>
void make_room(std::vector<T>& values, size_t count) {
  thread_local size_t most = 0;
  most = std::max(most, std::bit_ceil(count));
  values.reserve(most);
}

// The source pixels [first, first + count) of one position, before they are paired.
struct Window {
  int first;
  int count;
};

class Windows {
 public:
  explicit Windows(const AxisKey& key)
      : key_(key),
        scale_((key.length > 0 ? key.length : key.in) / key.out),
        spread_(std::max(scale_, 1.0)),
        support_((key.filter == Filter::kArea ? 0.5 : 1.0) * spread_) {}

  int most() const { return static_cast<int>(std::ceil(support_)) * 2 + 1; }

  // Writes the weights, which sum to 1, to `weights`, of which there are at most most().
  Window of(int position, double* weights) const {
    const double centre = (position + 0.5) * scale_;
    if (key_.filter == Filter::kNearest) {
      *weights = 1;
      return {std::min(static_cast<int>(centre), key_.in - 1), 1};
    }
    int first = std::max(0, static_cast<int>(centre - support_ + 0.5));
    int last = std::min(key_.in, static_cast<int>(centre + support_ + 0.5));
    const double step = 1.0 / spread_;
    const auto at = [&](int i) { return weight(key_.filter, (i - centre + 0.5) * step); };
    while (at(first) == 0) ++first;
    while (at(last - 1) == 0) --last;
    double sum = 0;
    for (int i = first; i < last; ++i) sum += weights[i - first] = at(i);
    const double share = 1 / sum;
    for (int i = 0; i < last - first; ++i) weights[i] *= share;
    return {first, last - first};
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
  assert(key.length == 0 || (key.length > key.in - 1 && key.length <= key.in));
  Windows windows(key);
  const auto most = static_cast<size_t>(windows.most());
  thread_local std::vector<double> scratch;
  scratch.resize(std::max(scratch.size(), static_cast<size_t>(key.count) * most));
  reach.clear();
  make_room(reach, static_cast<size_t>(key.count));
  begin = key.in;
  end = 0;
  most_pairs = 0;
  size_t total = 0;
  double largest = 0;
  for (int i = 0; i < key.count; ++i) {
    double* exact = scratch.data() + static_cast<size_t>(i) * most;
    const Window window = windows.of(key.begin + i, exact);
    largest = std::max(largest, *std::max_element(exact, exact + window.count));
    begin = std::min(begin, window.first);
    end = std::max(end, window.first + window.count);
    const int pairs = (window.count + (key.even ? window.first & 1 : 0) + 1) / 2;
    most_pairs = std::max(most_pairs, pairs);
    total += static_cast<size_t>(pairs);
    reach.push_back({window.first, window.count, 0});  // for now, pixels instead of pairs
  }
  if (key.even) begin &= ~1;

  // A window at the picture's edge is shorter, and its weights are larger; all have as many bits.
  bits = key.most_bits;
  while (largest * (1 << bits) > 32766) --bits;
  const double one = 1 << bits;

  // Even tables have as many pairs for every position, since a loop whose length changes all the
  // time is a slow one; where down is one long loop after another, fewer pairs are better.
  if (key.even) total = reach.size() * static_cast<size_t>(most_pairs);
  make_room(weights, total);
  weights.assign(total, 0);
  uint32_t* pairs = weights.data();
  const double* exact = scratch.data();
  for (Reach& to : reach) {
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
    exact += most;
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
