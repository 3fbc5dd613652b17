// The two 16-bit floating point formats as types of elements.
#pragma once

#include <cstdint>

#include "base/half.h"

namespace leat {

struct Half {  // FP16
  uint16_t bits;
  static Half of(float value) { return {float_to_half(value)}; }
  float real() const { return half_to_float(bits); }
};

struct Brain {  // the upper half of a float: BF16
  uint16_t bits;
  static Brain of(float value) { return {float_to_brain(value)}; }
  float real() const { return brain_to_float(bits); }
};

}  // namespace leat
