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
  kBicubic,   // cubic convolution, a = -0.5: Pillow's BICUBIC
  kLanczos,   // a windowed sinc of three lobes: Pillow's LANCZOS
};

// What an axis table depends on.
struct AxisKey {
  int in = 0;     // length of the source, in pixels
  int out = 0;    // length of the whole result
  int begin = 0;  // positions [begin, begin + count) of the result are wanted
  int count = 0;
  Filter filter = Filter::kBilinear;
  // Every position has as many groups (zero weights are put behind).
  bool even = false;
  // How the weights are packed, see Axis::weights.
  bool bytes = false;
  // Where the picture ends, in source pixels: the last of them may stand for less than a whole one.
  // 0: at `in`.
  double length = 0;

  bool operator==(const AxisKey&) const = default;
};

// Weights are integers with kWeightBits fractional bits, each rounded by itself.
constexpr int kWeightBits = 22;

struct Axis {
  // Source pixels come in groups of four, [4 * i, 4 * i + 4), for the multiply-add instructions: a
  // position's groups are [first, first + groups). Pixels that do not count have weight 0; some of
  // them lie past the end of the source.
  struct Reach {
    int32_t first;
    int32_t groups;
    uint32_t weights;  // index of the first group's words in Axis::weights
  };
  int most_groups = 0;
  std::vector<Reach> reach;  // AxisKey::count of them
  // Of a group of weights a, b, c, d:
  // - in bytes, three words: (a, b, c, d) in int8, of the lowest digit to the highest to base 256.
  // - else four: (a, c) and (b, d) in int16, of the lower digit and of the higher to base 65536.
  // Digits are signed, the first in the lowest bits.
  std::vector<uint32_t> weights;

  static int words(bool bytes) { return bytes ? 3 : 4; }
  void build(const AxisKey& key);
};

// The table for `key`, from a small cache of this thread's. It stays valid until two more tables
// have been asked for on this thread. No allocation once the cache has seen sizes like it.
const Axis& axis_for(const AxisKey& key);

}  // namespace leat
