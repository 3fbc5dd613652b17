// The head of FastestDet: one grid of cells over the model's input, in planes: objectness, x, y,
// width, height and a probability a class.
#include <cmath>

#include "base/text.h"
#include "ops/detect/detections.h"

namespace leat {

namespace {

constexpr int64_t kFixed = 5;  // planes before the classes

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

class FastestDet final : public Op {
 public:
  FastestDet(Detections detections, double stride)
      : detections_(std::move(detections)), stride_(static_cast<float>(stride)) {}

  Status expect(const Type& type) const {
    return type.open || type.dims[0].size < 0 ? Status() : check_planes(type.dims[0].size);
  }

  Status run(OpCall& call) const override {
    const Shape& shape = call.input(0).shape();
    LEAT_TRY(check_planes(shape[0]));
    const float width = static_cast<float>(shape[2]) * stride_;
    const float height = static_cast<float>(shape[1]) * stride_;
    LEAT_ASSIGN(Transform transform, Transform::of(call, 1, width, height));
    Suppressor& found = Suppressor::scratch();
    const float* values = call.input(0).values<float>().data();
    const int64_t cells = shape[1] * shape[2];
    for (int64_t i = 0; i < cells; ++i) {
      const float* v = values + i;
      if (!(v[0] >= 0)) continue;
      int64_t best = kFixed;
      for (int64_t c = kFixed + 1; c < shape[0]; ++c) {
        if (v[c * cells] > v[best * cells]) best = c;
      }
      const float score = std::pow(v[0], 0.6f) * std::pow(v[best * cells], 0.4f);
      if (!(score >= detections_.score()) || std::isinf(score)) continue;
      const float x = (static_cast<float>(i % shape[2]) + std::tanh(v[cells])) * stride_;
      const float y = (static_cast<float>(i / shape[2]) + std::tanh(v[2 * cells])) * stride_;
      const float half_width = sigmoid(v[3 * cells]) * width / 2;
      const float half_height = sigmoid(v[4 * cells]) * height / 2;
      const Box box{x - half_width, y - half_height, x + half_width, y + half_height};
      if (box.sound()) found.add(box, score, best - kFixed);
    }
    return detections_.finish(call, found, transform);
  }

 private:
  Status check_planes(int64_t planes) const {
    if (planes <= kFixed) {
      return Status(Code::kBadInput, cat("output: ", planes, " planes; at least ", kFixed + 1,
                                         " are needed: objectness, a box, classes"));
    }
    return detections_.labels().fits(planes - kFixed);
  }

  Detections detections_;
  float stride_;
};

LEAT_OP(({.name = "detect.fastestdet",
          .doc = "Finds the boxes in the output of a FastestDet model. A box has its most probable "
                 "class; its score is objectness ** 0.6 * that probability ** 0.4. A cell that "
                 "holds NaN or infinite numbers where they matter gives no box.",
          .inputs = {{"output", "FP32[attributes,rows,columns]",
                      "in planes, a number a cell: objectness, x, y, width, height, and a "
                      "probability a class"},
                     Transform::port()},
          .outputs = Detections::outputs(),
          .params = Detections::params(0.65, 0.45,
                                       {{.name = "stride",
                                         .type = ParamType::kFloat,
                                         .fallback = 16.0,
                                         .min = 1,
                                         .max = 1024,
                                         .doc = "pixels of the model's input from cell to cell"}}),
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            LEAT_ASSIGN(Detections detections, Detections::load(setup.params));
            auto op =
                std::make_unique<FastestDet>(std::move(detections), setup.params.real("stride"));
            if (setup.inputs[0]) LEAT_TRY(op->expect(*setup.inputs[0]));
            return op;
          }}));

}  // namespace

}  // namespace leat
