// The head of YOLOX: a row for each cell of a few grids over the model's input, finest grid first.
// A row is x, y, log width, log height (in cells), objectness and a probability a class.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/detect/detections.h"
#include "ops/detect/grids.h"

namespace leat {

namespace {

constexpr int64_t kFixed = 5;  // attributes before the classes

class Yolox final : public Op {
 public:
  Yolox(Detections detections, Grids grids)
      : detections_(std::move(detections)), grids_(std::move(grids)) {}

  // What the input's type tells at load.
  Status expect(const Type& type) const {
    if (type.open) return {};
    Shape shape = type.shape();
    if (shape[1] >= 0) LEAT_TRY(check_attributes(shape[1]));
    return shape[0] < 0 ? Status() : grids_.layout_for(shape[0], "output").status();
  }

  Status run(OpCall& call) const override {
    const Tensor& output = call.input(0);
    int64_t rows = output.shape()[0];
    int64_t attributes = output.shape()[1];
    LEAT_TRY(check_attributes(attributes));
    LEAT_ASSIGN(GridLayout layout, grids_.layout_for(rows, "output"));

    LEAT_ASSIGN(Transform transform, Transform::of(call, 1, static_cast<float>(layout.width),
                                                   static_cast<float>(layout.height)));
    Suppressor& found = Suppressor::scratch();
    collect(output.values<float>().data(), attributes, layout, found);
    return detections_.finish(call, found, transform);
  }

 private:
  Status check_attributes(int64_t attributes) const {
    if (attributes <= kFixed) {
      return Status(Code::kBadInput, cat("output: ", attributes, " numbers a row; at least ",
                                         kFixed + 1, " are needed: a box, its score, classes"));
    }
    return detections_.labels().fits(attributes - kFixed);
  }

  void collect(const float* row, int64_t attributes, const GridLayout& layout,
               Suppressor& found) const {
    const float least = detections_.score();
    int64_t first = 0;
    for (const Grid& grid : layout.grids()) {
      auto stride = static_cast<float>(grid.stride);
      for (int64_t i = first; i < grid.rows; ++i, row += attributes) {
        float objectness = row[4];
        if (!(objectness >= least)) continue;  // no class makes it better; nor is NaN a score
        const float* best = std::max_element(row + kFixed, row + attributes);
        float score = objectness * *best;
        if (!(score >= least) || std::isinf(score)) continue;
        int64_t cell = i - first;
        float x = (row[0] + static_cast<float>(cell % grid.across)) * stride;
        float y = (row[1] + static_cast<float>(cell / grid.across)) * stride;
        float half_width = std::exp(row[2]) * stride / 2;
        float half_height = std::exp(row[3]) * stride / 2;
        Box box{x - half_width, y - half_height, x + half_width, y + half_height};
        if (box.sound()) found.add(box, score, best - row - kFixed);
      }
      first = grid.rows;
    }
  }

  Detections detections_;
  Grids grids_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  LEAT_ASSIGN(Detections detections, Detections::load(setup.params));
  LEAT_ASSIGN(Grids grids, Grids::load(setup.params));
  auto op = std::make_unique<Yolox>(std::move(detections), std::move(grids));
  if (setup.inputs[0]) LEAT_TRY(op->expect(*setup.inputs[0]));
  return op;
}

LEAT_OP(({.name = "detect.yolox",
          .doc = "Finds the boxes in the raw output of a YOLOX model, on its grids. A box has its "
                 "most probable class; its score is objectness times that probability. A row that "
                 "holds NaN or infinite numbers where they matter gives no box.",
          .inputs = {{"output", "FP32[rows,attributes]",
                      "a row a cell of the grids: x, y, log width, log height, objectness, and a "
                      "probability a class"},
                     Transform::port()},
          .outputs = Detections::outputs(),
          .params = Detections::params(0.3, 0.45, Grids::params({8, 16, 32})),
          .make = make}));

}  // namespace

}  // namespace leat
