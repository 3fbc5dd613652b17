// The grids of cells that a detector without anchors lays over its input: a row of its output is a
// cell, rows of a grid from left to right and from the top down, one grid after the other.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "leat/op.h"

namespace leat {

struct Grid {
  int64_t stride;  // pixels of the input from cell to cell
  int64_t across;  // cells
  int64_t rows;    // up to its end, those of earlier grids included
};

struct GridLayout {
  int64_t width = 0;  // of the model's input, in pixels
  int64_t height = 0;
  size_t count = 0;
  std::array<Grid, 8> all{};

  std::span<const Grid> grids() const { return {all.data(), count}; }
  int64_t rows() const { return all[count - 1].rows; }
};

// The parameters that say how the grids lie.
class Grids {
 public:
  static constexpr int64_t kMostSide = 1 << 15;  // of a model's input, in pixels

  static std::vector<ParamSpec> params(std::vector<double> strides);
  static Result<Grids> load(const Params& params);

  // The grids that have `rows` cells together; kBadInput names the port.
  Result<GridLayout> layout_for(int64_t rows, std::string_view port) const;
  size_t count() const { return strides_.size(); }

 private:
  GridLayout lay_out(int64_t width, int64_t height) const;

  std::vector<int64_t> strides_;
  int64_t width_ = 0;  // 0: square, found from the number of rows
  int64_t height_ = 0;
};

}  // namespace leat
