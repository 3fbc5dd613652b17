// The pixels of a picture in another order: mirrored, turned by quarters.
#pragma once

#include "leat/op.h"
#include "ops/image/resample.h"

namespace leat {

struct Order {
  bool swap;    // rows become columns
  bool mirror;  // the result's x runs against the source's axis
  bool flip;    // its y does
};

// Writes the result, as large as the source or, with `swap`, as high as that is wide, to `out`.
void rearrange(const Pixels& source, Order order, std::byte* out);

}  // namespace leat
