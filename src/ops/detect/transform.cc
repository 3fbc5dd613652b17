#include "ops/detect/transform.h"

#include <cmath>

#include "base/text.h"

namespace leat {

Result<Transform> Transform::of(const Tensor& numbers) {
  auto v = numbers.values<float>();
  for (size_t i = 0; i < 6; ++i) {
    bool positive = i != 2 && i != 3;
    if (!std::isfinite(v[i]) || (positive && v[i] <= 0)) {
      constexpr const char* kNames[] = {"scale_x",  "scale_y", "offset_x",
                                        "offset_y", "width",   "height"};
      return Status(Code::kBadInput, cat("transform: ", kNames[i], " is ", v[i], "; a finite",
                                         positive ? ", positive" : "", " number is needed"));
    }
  }
  return Transform{v[0], v[1], v[2], v[3], v[4], v[5]};
}

Result<Transform> Transform::of(const OpCall& call, size_t port, float width, float height) {
  if (!call.has(port)) return Transform{1, 1, 0, 0, width, height};
  return of(call.input(port));
}

PortSpec Transform::port() {
  return {"transform", "FP32[6]",
          "of image.to_tensor; without it everything is in pixels of the model's input", true};
}

}  // namespace leat
