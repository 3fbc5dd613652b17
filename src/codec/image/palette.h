// Pixels that are numbers of colours, or levels of grey.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace leat::image {

class Palette {
 public:
  void set(size_t number, uint8_t red, uint8_t green, uint8_t blue) {
    const uint8_t bytes[4] = {red, green, blue, 0};
    std::memcpy(&colors_[number], bytes, 4);
  }

  // `count` pixels, 3 bytes each.
  void to_rgb(const uint8_t* numbers, size_t count, uint8_t* rgb) const {
    for (size_t i = 0; i + 1 < count; ++i, rgb += 3) std::memcpy(rgb, &colors_[numbers[i]], 4);
    if (count > 0) std::memcpy(rgb, &colors_[numbers[count - 1]], 3);
  }

 private:
  std::array<uint32_t, 256> colors_{};  // bytes in memory: red, green, blue, and 0
};

// Numbers of 1, 2 or 4 bits, the first in the highest: one byte each.
inline void unpack(const uint8_t* packed, uint32_t bits, size_t count, uint8_t* numbers) {
  auto all = [&](auto constant) {
    constexpr uint32_t kBits = constant, kEach = 8 / kBits, kMask = (1 << kBits) - 1;
    for (size_t i = 0; i < count; ++i) {
      numbers[i] = packed[i / kEach] >> (8 - kBits - i % kEach * kBits) & kMask;
    }
  };
  if (bits == 1) all(std::integral_constant<uint32_t, 1>());
  if (bits == 2) all(std::integral_constant<uint32_t, 2>());
  if (bits == 4) all(std::integral_constant<uint32_t, 4>());
}

}  // namespace leat::image
