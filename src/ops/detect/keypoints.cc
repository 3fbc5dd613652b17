// detect.keypoints: where the points of a body, a face, a hand are.
#include <cmath>

#include "base/text.h"
#include "ops/detect/transform.h"

namespace leat {

namespace {

// Towards the greater of two neighbours, as a part of a cell.
float quarter(float before, float after) {
  return after > before ? 0.25f : after < before ? -0.25f : 0;
}

class Keypoints final : public Op {
 public:
  explicit Keypoints(double stride) : stride_(static_cast<float>(stride)) {}

  Status run(OpCall& call) const override {
    const Shape& shape = call.input(0).shape();
    LEAT_ASSIGN(Transform transform, Transform::of(call, 1));
    const int64_t wide = shape[2], cells = shape[1] * shape[2];
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kFp32, {shape[0], 3}));
    float* to = out->mutable_values<float>().data();
    const float* map = call.input(0).values<float>().data();
    for (int64_t k = 0; k < shape[0]; ++k, map += cells) {
      int64_t best = -1;
      for (int64_t i = 0; i < cells; ++i) {
        if (best < 0 ? !std::isnan(map[i]) : map[i] > map[best]) best = i;
      }
      if (best < 0) {
        return Status(Code::kBadInput, cat("heatmaps: number ", k, " of ", shape.text(),
                                           " holds no number that a point could be found by"));
      }
      const int64_t column = best % wide, row = best / wide;
      auto x = static_cast<float>(column), y = static_cast<float>(row);
      if (column > 0 && column + 1 < wide && row > 0 && row + 1 < shape[1]) {
        x += quarter(map[best - 1], map[best + 1]);
        y += quarter(map[best - wide], map[best + wide]);
      }
      *to++ = transform.x(x * stride_);
      *to++ = transform.y(y * stride_);
      *to++ = map[best];
    }
    return {};
  }

 private:
  float stride_;
};

LEAT_OP(({.name = "detect.keypoints",
          .doc = "Finds a point in each heatmap: its greatest number, the first of equal ones, "
                 "moved by a quarter of a cell towards the greater of its neighbours to either "
                 "side, except at the border. NaN counts as the smallest number.",
          .inputs = {{"heatmaps", "FP32[points,height,width]", "how likely each point is where"},
                     Transform::port()},
          .outputs = {{"points", "FP32[points,3]",
                       "x and y in pixels of the upright original, which may lie outside of it, "
                       "and the greatest number as the score"}},
          .params = {{.name = "stride",
                      .type = ParamType::kFloat,
                      .fallback = 4.0,
                      .min = 0.01,
                      .max = 1024,
                      .doc = "pixels of the model's input from cell to cell: the first cell is at "
                             "0, the next at stride"}},
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            return std::make_unique<Keypoints>(setup.params.real("stride"));
          }}));

}  // namespace

}  // namespace leat
