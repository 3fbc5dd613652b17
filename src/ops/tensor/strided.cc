#include "ops/tensor/strided.h"

#include <algorithm>

#include "ops/tensor/runs.h"

namespace leat {

Strides Strides::of(const Shape& shape) {
  Strides strides;
  uint64_t step = 1;  // means nothing, and may overflow, where there are no elements
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides.step[i] = static_cast<int64_t>(step);
    step *= static_cast<uint64_t>(shape[i]);
  }
  return strides;
}

Status give_strided(OpCall& call, size_t port, const Tensor& x, const Shape& shape,
                    const Strides& strides) {
  LEAT_ASSIGN(Runs runs, Runs::begin(call, port, x.dtype(), shape));
  if (std::ranges::count(shape.dims(), 0) > 0) return runs.end();
  // Neighbouring axes that are walked through as one are one.
  int64_t size[Shape::kMaxRank] = {1}, step[Shape::kMaxRank] = {1}, at[Shape::kMaxRank] = {};
  int rank = 0;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    if (rank > 0 && step[rank - 1] == strides.step[i] * shape[i]) {
      size[rank - 1] *= shape[i];
      step[rank - 1] = strides.step[i];
    } else {
      size[rank] = shape[i];
      step[rank++] = strides.step[i];
    }
  }
  const int last = std::max(rank, 1) - 1;
  int64_t first = strides.start;
  while (true) {
    runs.add(x, first, static_cast<size_t>(size[last]), step[last]);
    int axis = last - 1;
    while (axis >= 0 && ++at[axis] == size[axis]) {
      first -= step[axis] * (size[axis] - 1);
      at[axis--] = 0;
    }
    if (axis < 0) return runs.end();
    first += step[axis];
  }
}

}  // namespace leat
