// What the operators on pictures share.
#pragma once

#include "leat/op.h"
#include "ops/image/resample.h"

namespace leat {

// The pixels of an image tensor; kBadInput when there are none.
Result<Pixels> pixels_of(const Tensor& image);

// The parameter `filter`: its declaration, and its value.
ParamSpec filter_param();
Filter filter_of(const Params& params);

}  // namespace leat
