// Tensors as raw bytes: little-endian, row-major; a BYTES element is a 4-byte length and its bytes.
#pragma once

#include <string_view>

#include "leat/status.h"
#include "leat/tensor.h"

namespace leat {

// The tensor in `bytes`, which lie in `block`. A view of them; only numbers that do not lie on a
// 64-byte boundary are copied. kBadInput: the size does not fit the shape.
Result<Tensor> binary_tensor(Block* block, std::string_view bytes, DType type, const Shape& shape);

}  // namespace leat
