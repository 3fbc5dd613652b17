// What the tests of detectors share: tensors from numbers and back, and boxes by the definition.
#pragma once

#include <algorithm>
#include <vector>

#include "leat/tensor.h"

namespace leat {

inline Tensor tensor(const std::vector<float>& numbers, const Shape& shape) {
  return *Tensor::of(std::span<const float>(numbers), shape);
}
inline Tensor transform(const std::vector<float>& numbers) { return tensor(numbers, Shape{6}); }

inline std::vector<float> floats(const Tensor& tensor) {
  auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}
inline std::vector<int64_t> integers(const Tensor& tensor) {
  auto values = tensor.values<int64_t>();
  return {values.begin(), values.end()};
}

// A box that a head tells, in doubles.
struct PlainBox {
  double sides[4];  // x1, y1, x2, y2
  double score;
  int64_t label;

  double area() const { return (sides[2] - sides[0]) * (sides[3] - sides[1]); }
  double iou(const PlainBox& b) const {
    const double w = std::min(sides[2], b.sides[2]) - std::max(sides[0], b.sides[0]);
    const double h = std::min(sides[3], b.sides[3]) - std::max(sides[1], b.sides[1]);
    const double common = std::max(0.0, w) * std::max(0.0, h);
    return common / (area() + b.area() - common);
  }
};

// Non-maximum suppression straight from its definition; equal scores keep their order.
inline std::vector<PlainBox> suppressed(std::vector<PlainBox> all, double iou) {
  std::ranges::stable_sort(all, std::ranges::greater(), &PlainBox::score);
  std::vector<PlainBox> kept;
  for (const PlainBox& a : all) {
    if (std::ranges::none_of(
            kept, [&](const PlainBox& b) { return a.label == b.label && a.iou(b) > iou; })) {
      kept.push_back(a);
    }
  }
  return kept;
}

}  // namespace leat
