#include "ops/detect/grids.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace leat {

std::vector<ParamSpec> Grids::params(std::vector<double> strides) {
  return {{.name = "strides",
           .type = ParamType::kFloats,
           .fallback = std::move(strides),
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
           .doc = "of the model's input, in pixels. 0: as width"}};
}

Result<Grids> Grids::load(const Params& params) {
  Grids made;
  for (double stride : params.reals("strides")) {
    if (stride != std::floor(stride)) {
      return Status(Code::kBadInput, cat("strides: ", stride, " is no whole number"));
    }
    made.strides_.push_back(static_cast<int64_t>(stride));
  }
  const size_t most = GridLayout().all.size();
  if (made.strides_.empty() || made.strides_.size() > most) {
    return Status(Code::kBadInput,
                  cat("strides: ", made.strides_.size(), " given; 1 to ", most, " are allowed"));
  }
  made.width_ = params.integer("width");
  made.height_ = params.integer("height");
  if ((made.width_ == 0) != (made.height_ == 0)) {
    return Status(Code::kBadInput, cat("width is ", made.width_, " and height is ", made.height_,
                                       "; both must be given, or neither"));
  }
  return made;
}

GridLayout Grids::lay_out(int64_t width, int64_t height) const {
  GridLayout layout{.width = width, .height = height};
  int64_t rows = 0;
  for (int64_t stride : strides_) {
    int64_t across = (width + stride - 1) / stride;
    rows += across * ((height + stride - 1) / stride);
    layout.all[layout.count++] = {stride, across, rows};
  }
  return layout;
}

Result<GridLayout> Grids::layout_for(int64_t rows, std::string_view port) const {
  const auto strides = [&] {
    std::string text;
    for (int64_t stride : strides_) text += cat(text.empty() ? "" : ", ", stride);
    return text;
  };
  if (width_ > 0) {
    GridLayout layout = lay_out(width_, height_);
    if (layout.rows() == rows) return layout;
    return Status(Code::kBadInput,
                  cat(port, ": ", rows, " rows; an input of width ", width_, ", height ", height_,
                      " with strides ", strides(), " gives ", layout.rows()));
  }
  // Squares whose side is a multiple of the widest stride.
  int64_t step = *std::ranges::max_element(strides_);
  int64_t low = 1, high = kMostSide / step;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    if (lay_out(middle * step, middle * step).rows() < rows) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  GridLayout layout = lay_out(low * step, low * step);
  if (layout.rows() == rows) return layout;
  return Status(Code::kBadInput,
                cat(port, ": ", rows, " rows; no square input with strides ", strides(),
                    " gives so many: say the model's width and height, or its strides"));
}

}  // namespace leat
