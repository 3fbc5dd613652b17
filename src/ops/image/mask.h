// Masks: which pixels of a picture are meant.
#pragma once

#include <cstdint>
#include <span>

#include "ops/image/picture.h"

namespace leat {

// The input `mask` and the parameter `threshold` of operators on masks.
PortSpec mask_port(const char* doc);
ParamSpec threshold_param();

// A mask tensor of rank 2: 1 where its value is above the threshold, else 0.
class Mask {
 public:
  // kBadInput when there are no pixels, or a NaN.
  static Result<Mask> of(const Tensor& tensor, double threshold);

  int width() const { return static_cast<int>(pixels_.shape()[1]); }
  int height() const { return static_cast<int>(pixels_.shape()[0]); }
  std::span<const uint8_t> pixels() const { return pixels_.values<uint8_t>(); }
  const uint8_t* row(int64_t y) const { return pixels().data() + y * pixels_.shape()[1]; }

 private:
  Tensor pixels_;
};

// Lays a colour over the pixels inside of a mask, or over those outside of it; the mask is
// stretched over the whole picture, of `size` pixels of three bytes.
void lay_over(uint8_t* pixels, ImageSize size, const Mask& mask, bool inside, Colour colour,
              double opacity);

}  // namespace leat
