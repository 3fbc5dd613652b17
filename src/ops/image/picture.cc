#include "ops/image/picture.h"

#include <limits>

#include "base/text.h"

namespace leat {

Result<Pixels> pixels_of(const Tensor& image) {
  const Shape& shape = image.shape();
  assert(image.dtype() == DType::kUint8 && shape.rank() == 3 && shape[2] == 3);
  constexpr int64_t kMost = std::numeric_limits<int>::max() / 4;
  if (shape[0] < 1 || shape[1] < 1 || shape[0] > kMost || shape[1] > kMost) {
    return Status(Code::kBadInput, cat("the picture is ", shape[1], " x ", shape[0],
                                       " pixels (width x height); at least 1 x 1 is wanted"));
  }
  return Pixels{reinterpret_cast<const uint8_t*>(image.data()), static_cast<int>(shape[1]),
                static_cast<int>(shape[0])};
}

ParamSpec filter_param() {
  return {.name = "filter",
          .type = ParamType::kChoice,
          .fallback = "bilinear",
          .choices = {"bilinear", "area", "nearest"},
          .doc =
              "How pixels are weighed: bilinear and area mean what Pillow computes (BILINEAR and "
              "BOX, antialiased); nearest takes one pixel"};
}

Filter filter_of(const Params& params) {
  const std::string& name = params.text("filter");
  return name == "area" ? Filter::kArea : name == "nearest" ? Filter::kNearest : Filter::kBilinear;
}

}  // namespace leat
