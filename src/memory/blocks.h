// Where tensors get their memory: from this process's heap arena, or in a plug-in from the program
// that has loaded it.
#pragma once

#include "leat/tensor.h"

namespace leat {

// As Arena::allocate of Arena::heap().
Result<Block*> allocate_block(uint64_t bytes);

}  // namespace leat
