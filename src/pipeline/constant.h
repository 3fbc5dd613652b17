// Constants of the file as tensors: `{ value: 16000 }`, defaults of inputs, `use` of on_error.
#pragma once

#include "leat/status.h"
#include "leat/tensor.h"
#include "leat/type.h"
#include "pipeline/document.h"

namespace leat {

// Numbers, texts, bools and nested lists of one of them. The element type is the one that `wanted`
// has; of several, the first that is allowed of INT64 (whole numbers), FP32 (numbers), BYTES
// (texts) and BOOL, or else the first that can hold every value. kBadInput when it does not fit.
Result<Tensor> make_constant(const Node& value, const Type& wanted);

}  // namespace leat
