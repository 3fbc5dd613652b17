#include "ops/image/mask.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace leat {

PortSpec mask_port(const char* doc) { return {"mask", "BOOL|UINT8|FP32[?,?]", doc}; }

ParamSpec threshold_param() {
  return {.name = "threshold",
          .type = ParamType::kFloat,
          .fallback = 0.5,
          .doc = "Values of the mask above it belong to it"};
}

Result<Mask> Mask::of(const Tensor& tensor, double threshold) {
  constexpr int64_t kMost = std::numeric_limits<int>::max() / 4;
  const int64_t rows = tensor.shape()[0], columns = tensor.shape()[1];
  if (rows < 1 || columns < 1 || rows > kMost || columns > kMost) {
    return Status(Code::kBadInput, cat("the mask is ", columns, " x ", rows,
                                       " pixels (width x height); at least 1 x 1 is wanted"));
  }
  Mask mask;
  LEAT_ASSIGN(mask.pixels_, Tensor::allocate(DType::kUint8, tensor.shape()));
  const auto to = mask.pixels_.mutable_values<uint8_t>().begin();
  if (tensor.dtype() == DType::kFp32) {
    const auto values = tensor.values<float>();
    const auto bad = std::ranges::find_if(values, [](float v) { return std::isnan(v); });
    if (bad != values.end()) {
      const int64_t at = bad - values.begin();
      return Status(Code::kBadInput, cat("the mask is NaN at ", at % columns, ", ", at / columns));
    }
    std::ranges::transform(values, to,
                           [&](float v) { return static_cast<uint8_t>(double{v} > threshold); });
  } else {
    std::ranges::transform(tensor.values<uint8_t>(), to,
                           [&](uint8_t v) { return static_cast<uint8_t>(v > threshold); });
  }
  return mask;
}

void lay_over(uint8_t* pixels, ImageSize size, const Mask& mask, bool inside, Colour colour,
              double opacity) {
  std::array<std::array<uint8_t, 256>, 3> blended;  // by channel and value
  for (size_t c = 0; c < 3; ++c) {
    for (int v = 0; v < 256; ++v) {
      blended[c][static_cast<size_t>(v)] =
          static_cast<uint8_t>(std::lround(v + (colour[c] - v) * opacity));
    }
  }
  for (int y = 0; y < size.height; ++y) {
    const uint8_t* row = mask.row(int64_t{y} * mask.height() / size.height);
    for (int x = 0; x < size.width; ++x, pixels += 3) {
      if ((row[int64_t{x} * mask.width() / size.width] != 0) != inside) continue;
      for (size_t c = 0; c < 3; ++c) pixels[c] = blended[c][pixels[c]];
    }
  }
}

}  // namespace leat
