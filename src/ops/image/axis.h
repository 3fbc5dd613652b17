// How one axis of a picture is resampled: for every position of the result, which positions of the
// source it is made of, and with which weights. The weights are those of Pillow: a filter's support
// grows with the reduction, so that every source pixel counts (no aliasing).
#pragma once

#include <cstdint>
#include <vector>

namespace leat {

enum class Filter : uint8_t {
  kBilinear,  // a triangle, antialiased: Pillow's BILINEAR
  kArea,      // the mean of the covered pixels: Pillow's BOX
  kNearest,   // one source pixel
};

// What an axis table depends on.
struct AxisKey {
  int in = 0;     // length of the source, in pixels
  int out = 0;    // length of the whole result
  int begin = 0;  // positions [begin, begin + count) of the result are wanted
  int count = 0;
  Filter filter = Filter::kBilinear;
  // Weights are fixed-point integers with at most this many fractional bits, fewer where one of
  // them would not fit an int16; each position's weights sum to exactly 1.0.
  int most_bits = 0;
  // The first of a position's source pixels has an even number, and every position has as many
  // pairs (zero weights are put in front and behind).
  bool even = false;
  // Where the picture ends, in source pixels: the last of them may stand for less than a whole one.
  // 0: at `in`.
  double length = 0;

  bool operator==(const AxisKey&) const = default;
};

struct Axis {
  // Source pixels come in pairs, for the multiply-add instruction: a position's pixels are
  // [first, first + 2 * pairs). Pixels past the end of the source have weight 0.
  struct Reach {
    int32_t first;
    int32_t pairs;
    uint32_t weights;  // index of the first pair in Axis::weights
  };
  int begin = 0;  // source positions [begin, end) have a weight in some position
  int end = 0;
  int bits = 0;
  int most_pairs = 0;
  std::vector<Reach> reach;       // AxisKey::count of them
  std::vector<uint32_t> weights;  // two int16: the first pixel's in the low half

  void build(const AxisKey& key);
};

// The table for `key`, from a small cache of this thread's. It stays valid until two more tables
// have been asked for on this thread. No allocation once the cache has seen sizes like it.
const Axis& axis_for(const AxisKey& key);

}  // namespace leat
