// The head of YOLOX: a row for each cell of a few grids over the model's input, finest grid first.
// A row is x, y, log width, log height (in cells), objectness and a probability a class.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "ops/detect/detections.h"

namespace leat {

namespace {

constexpr int64_t kFixed = 5;           // attributes before the classes
constexpr int64_t kMostSide = 1 << 15;  // of a model's input, in pixels

// One grid of cells. Its rows follow those of the grid before it.
struct Grid {
  int64_t stride;  // pixels from cell to cell
  int64_t across;  // cells
  int64_t rows;    // up to its end, those of earlier grids included
};

constexpr size_t kMostGrids = 8;

struct Layout {
  int64_t width = 0;  // of the model's input, in pixels; 0: not known
  int64_t height = 0;
  size_t count = 0;
  std::array<Grid, kMostGrids> all{};
  std::span<const Grid> grids() const { return {all.data(), count}; }
  int64_t rows() const { return all[count - 1].rows; }
};

Layout lay_out(const std::vector<int64_t>& strides, int64_t width, int64_t height) {
  Layout layout{.width = width, .height = height};
  int64_t rows = 0;
  for (int64_t stride : strides) {
    int64_t across = (width + stride - 1) / stride;
    rows += across * ((height + stride - 1) / stride);
    layout.all[layout.count++] = {stride, across, rows};
  }
  return layout;
}

class Yolox final : public Op {
 public:
  Yolox(Detections detections, std::vector<int64_t> strides, int64_t width, int64_t height)
      : detections_(std::move(detections)), strides_(std::move(strides)) {
    if (width > 0) known_ = lay_out(strides_, width, height);
  }

  // Settles at load what the input's type tells.
  Status expect(const Type& type) {
    if (type.open) return {};
    Shape shape = type.shape();
    if (shape[1] >= 0) LEAT_TRY(check_attributes(shape[1]));
    if (shape[0] < 0) return {};
    LEAT_ASSIGN(known_, layout_for(shape[0]));
    return {};
  }

  Status run(OpCall& call) const override {
    const Tensor& output = call.input(0);
    int64_t rows = output.shape()[0];
    int64_t attributes = output.shape()[1];
    LEAT_TRY(check_attributes(attributes));
    LEAT_ASSIGN(Layout layout, layout_for(rows));

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

  // The grids that have `rows` cells together.
  Result<Layout> layout_for(int64_t rows) const {
    if (known_.count > 0) {
      if (known_.rows() == rows) return known_;
      return Status(Code::kBadInput,
                    cat("output: ", rows, " rows; an input of width ", known_.width, ", height ",
                        known_.height, " with strides ", strides_text(), " gives ", known_.rows()));
    }
    // Squares whose side is a multiple of the widest stride.
    int64_t step = *std::max_element(strides_.begin(), strides_.end());
    int64_t low = 1, high = kMostSide / step;
    while (low < high) {
      int64_t middle = (low + high) / 2;
      if (lay_out(strides_, middle * step, middle * step).rows() < rows) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    Layout layout = lay_out(strides_, low * step, low * step);
    if (layout.rows() == rows) return layout;
    return Status(Code::kBadInput,
                  cat("output: ", rows, " rows; no square input with strides ", strides_text(),
                      " gives so many: say the model's width and height, or its strides"));
  }

  std::string strides_text() const {
    std::string text;
    for (int64_t stride : strides_) text += cat(text.empty() ? "" : ", ", stride);
    return text;
  }

  void collect(const float* row, int64_t attributes, const Layout& layout,
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
  std::vector<int64_t> strides_;
  Layout known_;  // without grids: to be found from the number of rows
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  LEAT_ASSIGN(Detections detections, Detections::load(setup.params));
  std::vector<int64_t> strides;
  for (double stride : setup.params.reals("strides")) {
    if (stride != std::floor(stride)) {
      return Status(Code::kBadInput, cat("strides: ", stride, " is no whole number"));
    }
    strides.push_back(static_cast<int64_t>(stride));
  }
  if (strides.empty() || strides.size() > kMostGrids) {
    return Status(Code::kBadInput,
                  cat("strides: ", strides.size(), " given; 1 to ", kMostGrids, " are allowed"));
  }
  int64_t width = setup.params.integer("width");
  int64_t height = setup.params.integer("height");
  if ((width == 0) != (height == 0)) {
    return Status(Code::kBadInput, cat("width is ", width, " and height is ", height,
                                       "; both must be given, or neither"));
  }
  auto op = std::make_unique<Yolox>(std::move(detections), std::move(strides), width, height);
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
          .params = Detections::params(
              0.3, 0.45,
              {{.name = "strides",
                .type = ParamType::kFloats,
                .fallback = std::vector<double>{8, 16, 32},
                .min = 1,
                .max = 1024,
                .doc = "pixels from cell to cell of each grid, in the order of the rows"},
               {.name = "width",
                .type = ParamType::kInt,
                .fallback = int64_t{0},
                .min = 0,
                .max = kMostSide,
                .doc = "of the model's input, in pixels. 0: square, found from the number of rows"},
               {.name = "height",
                .type = ParamType::kInt,
                .fallback = int64_t{0},
                .min = 0,
                .max = kMostSide,
                .doc = "of the model's input, in pixels. 0: as width"}}),
          .make = make}));

}  // namespace

}  // namespace leat
