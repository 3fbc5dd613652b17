#include "ops/image/half.h"

#include <algorithm>
#include <cstring>

namespace leat {

uint16_t half_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t size = bits & 0x7FFFFFFF;
  if (size > 0x7F800000) return static_cast<uint16_t>(sign | 0x7E00 | (size >> 13 & 0x3FF));
  if (size >= 0x47800000) return static_cast<uint16_t>(sign | 0x7C00);  // 65536 and above
  // Numbers below 2^-14 (exponent 113) are kept in units of 2^-24: they lose more bits.
  const int exponent = std::max(static_cast<int>(size >> 23), 1);
  const int drop = 13 + std::max(113 - exponent, 0);
  if (drop > 24) return static_cast<uint16_t>(sign);
  const uint32_t mantissa = (size & 0x7FFFFF) | 0x800000;
  uint32_t kept = mantissa >> drop;
  const uint32_t rest = mantissa & ((1u << drop) - 1);
  const uint32_t tie = 1u << (drop - 1);
  if (rest > tie || (rest == tie && (kept & 1))) ++kept;
  // The implicit bit, and a carry, count as one in the exponent.
  return static_cast<uint16_t>(sign |
                               ((static_cast<uint32_t>(std::max(exponent - 113, 0)) << 10) + kept));
}

}  // namespace leat
