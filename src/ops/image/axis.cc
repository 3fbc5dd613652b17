#include "ops/image/axis.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <numbers>

namespace leat {

namespace {

// How far a filter reaches to each side, in pixels of the coarser grid.
double support(Filter filter) {
  switch (filter) {
    case Filter::kArea:
      return 0.5;
    case Filter::kBicubic:
      return 2;
    case Filter::kLanczos:
      return 3;
    default:
      return 1;
  }
}

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

// A filter's weight at distance x from the centre, in such pixels.
double weight(Filter filter, double x) {
  const double size = std::abs(x);
  switch (filter) {
    case Filter::kArea:
      return x > -0.5 && x <= 0.5 ? 1 : 0;
    case Filter::kBicubic: {
      constexpr double a = -0.5;
      if (size < 1) return ((a + 2) * size - (a + 3)) * size * size + 1;
      return size < 2 ? (((size - 5) * size + 8) * size - 4) * a : 0;
    }
    case Filter::kLanczos:
      return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    default:
      return std::max(0.0, 1 - size);
  }
}

// What one table of this thread needed, the others will: once each has been used again since the
// largest, none takes memory any more.
template <typename T>
void make_room(std::vector<T>& values, size_t count) {
  thread_local size_t most = 0;
  most = std::max(most, std::bit_ceil(count));
  values.reserve(most);
}

// The source pixels [first, first + count) of one position.
struct Window {
  int first;
  int count;

  int groups() const { return (first + count - 1) / 4 + 1 - first / 4; }
};

class Windows {
 public:
  explicit Windows(const AxisKey& key)
      : key_(key),
        scale_((key.length > 0 ? key.length : key.in) / key.out),
        spread_(std::max(scale_, 1.0)),
        support_(support(key.filter) * spread_) {}

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
    for (int i = 0; i < last - first; ++i) weights[i] /= sum;
    return {first, last - first};
  }

 private:
  const AxisKey& key_;
  double scale_;
  double spread_;
  double support_;
};

// The lowest digit of `number` to a base of 2^bits, signed, which is taken away from it.
uint32_t take_digit(int& number, int bits) {
  const int half = 1 << (bits - 1);
  const int digit = ((number + half) & (2 * half - 1)) - half;
  number = (number - digit) >> bits;
  return static_cast<uint32_t>(digit) & static_cast<uint32_t>(2 * half - 1);
}

// Adds the weight of a group's pixel `i` to the group's words.
void pack(int weight, int i, bool bytes, uint32_t* words) {
  if (bytes) {
    for (int d = 0; d < 3; ++d) words[d] |= take_digit(weight, 8) << (8 * i);
  } else {
    for (int d = 0; d < 2; ++d) words[2 * d + i % 2] |= take_digit(weight, 16) << (i / 2 * 16);
  }
}

}  // namespace

void Axis::build(const AxisKey& key) {
  assert(key.in > 0 && key.out > 0 && key.begin >= 0 && key.count > 0);
  assert(key.begin + key.count <= key.out);
  assert(key.length == 0 || (key.length > key.in - 1 && key.length <= key.in));
  Windows windows(key);
  const auto most = static_cast<size_t>(windows.most());
  thread_local std::vector<double> scratch;
  scratch.resize(std::max(scratch.size(), static_cast<size_t>(key.count) * most));
  thread_local std::vector<Window> found;
  found.clear();
  most_groups = 0;
  int total = 0;
  for (int i = 0; i < key.count; ++i) {
    const Window window = windows.of(key.begin + i, scratch.data() + static_cast<size_t>(i) * most);
    most_groups = std::max(most_groups, window.groups());
    total += window.groups();
    found.push_back(window);
  }
  // Across, a loop whose length changes all the time is a slow one; down, where it is one long
  // loop after another, fewer groups are better.
  if (key.even) total = key.count * most_groups;
  reach.clear();
  make_room(reach, found.size());
  const auto size = static_cast<size_t>(words(key.bytes));
  make_room(weights, static_cast<size_t>(total) * size);
  weights.assign(static_cast<size_t>(total) * size, 0);
  uint32_t at = 0;
  const double* exact = scratch.data();
  for (const Window& window : found) {
    const int groups = key.even ? most_groups : window.groups();
    reach.push_back({window.first / 4, groups, at});
    for (int i = 0; i < window.count; ++i) {
      const int place = window.first % 4 + i;
      const double scaled = exact[i] * (1 << kWeightBits);
      pack(static_cast<int>(scaled + (scaled < 0 ? -0.5 : 0.5)), place % 4, key.bytes,
           weights.data() + at + static_cast<size_t>(place / 4) * size);
    }
    at += static_cast<uint32_t>(groups) * static_cast<uint32_t>(size);
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
