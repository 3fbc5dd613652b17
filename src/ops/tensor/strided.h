// Elements of a tensor at even steps along each axis: what transposing and slicing come to.
#pragma once

#include <array>

#include "leat/op.h"

namespace leat {

struct Strides {
  int64_t start = 0;                            // of the first element, counted in elements
  std::array<int64_t, Shape::kMaxRank> step{};  // from one to the next, by axis

  // Of all of a tensor.
  static Strides of(const Shape& shape);
};

// Makes an output of `shape` of elements of `x`.
Status give_strided(OpCall& call, size_t port, const Tensor& x, const Shape& shape,
                    const Strides& strides);

}  // namespace leat
