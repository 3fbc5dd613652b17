// The two 16-bit floating point formats as types of elements.
#pragma once

#include <bit>
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
  static Brain of(float value) {  // to nearest, ties to even
    auto wide = std::bit_cast<uint32_t>(value);
    if (value != value) return {static_cast<uint16_t>(wide >> 16 | 0x40)};  // stays a NaN
    return {static_cast<uint16_t>((wide + 0x7FFF + (wide >> 16 & 1)) >> 16)};
  }
  float real() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

}  // namespace leat
