// Non-maximum suppression: of boxes that overlap, the best stays. What detectors end with.
//
// The best `candidates` by score are taken, in falling order, equal scores by place; each is kept
// unless a kept one of its class has more than `iou` of their union in common. The work is bounded
// by candidates * max, whatever comes in. A box of no area overlaps nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace leat {

struct Box {
  float x1, y1, x2, y2;
  bool sound() const;  // every corner finite, and none swapped
  // The part of their union that two sound boxes have in common; 0 where that has no area.
  float iou(const Box& other) const;
};

// Scratch memory for one thread, reused from call to call.
class Suppressor {
 public:
  struct Limits {
    float iou = 0.45f;            // 0..1
    size_t candidates = 3000;     // looked at, the best first
    size_t max = 300;             // kept
    bool class_agnostic = false;  // boxes of different classes suppress each other
  };

  static constexpr int64_t kMostLabel = 1 << 24;  // to where a float counts

  void clear();
  // The score is not NaN, the box is sound, the label is within 0 to kMostLabel. At most 2^32
  // boxes.
  void add(const Box& box, float score, int64_t label);
  size_t size() const { return boxes_.size(); }

  // Places, counted in calls of add(), of the kept boxes; best first. Valid until clear().
  std::span<const uint32_t> run(const Limits& limits);

  // Soft-NMS (Bodla et al., 2017): nothing goes, but the score of a box falls with what it has in
  // common with each better one of its class: where that is more than limits.iou, by the factor
  // 1 - iou (kLinear); or by exp(-iou * iou / sigma) in any case (kGaussian). Boxes are kept while
  // their scores are at least `least`. The scores are finite, and 0 or more.
  struct Soft {
    enum class Decay : uint8_t { kLinear, kGaussian } decay;
    float sigma;
    float least;
  };
  std::span<const uint32_t> run_soft(const Limits& limits, const Soft& soft);

  const Box& box(uint32_t place) const { return boxes_[place]; }
  float score(uint32_t place) const { return scores_[place]; }
  int64_t label(uint32_t place) const { return labels_[place]; }

  // The calling thread's own, cleared.
  static Suppressor& scratch();

 private:
  std::span<const uint64_t> best(size_t candidates);

  std::vector<Box> boxes_;
  std::vector<float> scores_;
  std::vector<int64_t> labels_;
  std::vector<uint64_t> order_;  // sort keys
  std::vector<uint32_t> kept_;
  std::vector<float> lanes_;  // the kept boxes, one array a coordinate, for SIMD
};

}  // namespace leat
