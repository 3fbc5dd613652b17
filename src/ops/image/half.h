#pragma once

#include <cstdint>

namespace leat {

// The nearest number of IEEE 754 binary16, ties to even; what is too large becomes infinite.
uint16_t half_bits(float value);

}  // namespace leat
