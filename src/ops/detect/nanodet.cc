// The head of NanoDet: a row for each cell of a few grids over the model's input. A row is a
// probability a class, and for each side of the box - left, top, right, bottom - how likely its
// distance from the cell is 0, 1, ... strides (Li et al., "Generalized Focal Loss", 2020). The
// distance is the mean of these, by softmax.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/detect/detections.h"
#include "ops/detect/grids.h"

namespace leat {

namespace {

// The mean of 0, 1, ... count - 1, weighted by softmax of `scores`. NaN where there is one.
float expected(const float* scores, int64_t count) {
  const float most = *std::max_element(scores, scores + count);
  float sum = 0, weighted = 0;
  for (int64_t i = 0; i < count; ++i) {
    const float weight = std::exp(scores[i] - most);
    sum += weight;
    weighted += weight * static_cast<float>(i);
  }
  return weighted / sum;
}

class Nanodet final : public Op {
 public:
  Nanodet(Detections detections, Grids grids, const Params& params)
      : detections_(std::move(detections)),
        grids_(std::move(grids)),
        bins_(params.integer("reg_max") + 1),
        anchor_(static_cast<float>(params.real("anchor"))) {}

  Status expect(const Type& type) const {
    if (type.open) return {};
    Shape shape = type.shape();
    if (shape[1] >= 0) LEAT_TRY(check_attributes(shape[1]));
    return shape[0] < 0 ? Status() : grids_.layout_for(shape[0], "output").status();
  }

  Status run(OpCall& call) const override {
    const Tensor& output = call.input(0);
    LEAT_TRY(check_attributes(output.shape()[1]));
    LEAT_ASSIGN(GridLayout layout, grids_.layout_for(output.shape()[0], "output"));
    LEAT_ASSIGN(Transform transform, Transform::of(call, 1, static_cast<float>(layout.width),
                                                   static_cast<float>(layout.height)));
    Suppressor& found = Suppressor::scratch();
    collect(output.values<float>().data(), output.shape()[1], layout, found);
    return detections_.finish(call, found, transform);
  }

 private:
  Status check_attributes(int64_t attributes) const {
    if (attributes <= 4 * bins_) {
      return Status(Code::kBadInput,
                    cat("output: ", attributes, " numbers a row; at least ", 4 * bins_ + 1,
                        " are needed: classes, and 4 * (reg_max + "
                        "1) for the sides of the box"));
    }
    return detections_.labels().fits(attributes - 4 * bins_);
  }

  void collect(const float* row, int64_t attributes, const GridLayout& layout,
               Suppressor& found) const {
    const int64_t classes = attributes - 4 * bins_;
    int64_t first = 0;
    for (const Grid& grid : layout.grids()) {
      const auto stride = static_cast<float>(grid.stride);
      for (int64_t i = first; i < grid.rows; ++i, row += attributes) {
        const float* best = std::max_element(row, row + classes);
        if (!(*best >= detections_.score()) || std::isinf(*best)) continue;
        const int64_t cell = i - first;
        const float x = (static_cast<float>(cell % grid.across) + anchor_) * stride;
        const float y = (static_cast<float>(cell / grid.across) + anchor_) * stride;
        float side[4];
        for (int64_t j = 0; j < 4; ++j) {
          side[j] = expected(row + classes + j * bins_, bins_) * stride;
        }
        const Box box{x - side[0], y - side[1], x + side[2], y + side[3]};
        if (box.sound()) found.add(box, *best, best - row);
      }
      first = grid.rows;
    }
  }

  Detections detections_;
  Grids grids_;
  int64_t bins_;
  float anchor_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  LEAT_ASSIGN(Detections detections, Detections::load(setup.params));
  LEAT_ASSIGN(Grids grids, Grids::load(setup.params));
  auto op = std::make_unique<Nanodet>(std::move(detections), std::move(grids), setup.params);
  if (setup.inputs[0]) LEAT_TRY(op->expect(*setup.inputs[0]));
  return op;
}

std::vector<ParamSpec> params() {
  std::vector<ParamSpec> others = Grids::params({8, 16, 32, 64});
  others.push_back({.name = "reg_max",
                    .type = ParamType::kInt,
                    .fallback = int64_t{7},
                    .min = 1,
                    .max = 64,
                    .doc = "the largest distance of a side from its cell, in strides"});
  others.push_back({.name = "anchor",
                    .type = ParamType::kFloat,
                    .fallback = 0.0,
                    .min = 0,
                    .max = 1,
                    .doc = "from where in its cell distances count: 0: its upper left corner "
                           "(NanoDet-Plus); 0.5: its middle (NanoDet, with strides [8, 16, 32])"});
  return Detections::params(0.35, 0.6, std::move(others));
}

LEAT_OP(({.name = "detect.nanodet",
          .doc = "Finds the boxes in the output of a NanoDet or NanoDet-Plus model, on its grids. "
                 "A box has its most probable class. A row that holds NaN or infinite numbers "
                 "where they matter gives no box.",
          .inputs = {{"output", "FP32[rows,attributes]",
                      "a row a cell of the grids: a probability a class, and reg_max + 1 scores "
                      "each for left, top, right and bottom"},
                     Transform::port()},
          .outputs = Detections::outputs(),
          .params = params(),
          .make = make}));

}  // namespace

}  // namespace leat
