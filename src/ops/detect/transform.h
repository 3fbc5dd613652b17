// The way from the pixels of a model's input to those of the original picture.
#pragma once

#include <algorithm>
#include <limits>

#include "leat/op.h"
#include "ops/detect/suppress.h"

namespace leat {

// x in the original is x in the model's input * scale_x + offset_x, for edges of pixels (the left
// edge of the first is 0). Boxes are cut off where the original ends, at 0..width and 0..height.
struct Transform {
  float scale_x = 1, scale_y = 1;
  float offset_x = 0, offset_y = 0;
  float width = 0, height = 0;

  // From the `transform` of image.to_tensor, FP32[6]. kBadInput when a number is not finite, or a
  // scale or size is not positive.
  static Result<Transform> of(const Tensor& numbers);
  // Of an optional input; where it is absent, pixels of the model's input stay what they are, cut
  // off at its borders where these are known.
  static constexpr float kFar = std::numeric_limits<float>::max();
  static Result<Transform> of(const OpCall& call, size_t port, float width = kFar,
                              float height = kFar);
  static PortSpec port();  // how an operator declares that input

  // Of a point, which may lie outside.
  float x(float x) const { return x * scale_x + offset_x; }
  float y(float y) const { return y * scale_y + offset_y; }
  Box apply(const Box& box) const {
    return {std::clamp(x(box.x1), 0.0f, width), std::clamp(y(box.y1), 0.0f, height),
            std::clamp(x(box.x2), 0.0f, width), std::clamp(y(box.y2), 0.0f, height)};
  }
};

}  // namespace leat
