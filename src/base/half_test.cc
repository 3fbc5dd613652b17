#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace leat {
namespace {

// What the format says, in doubles, which hold every half exactly.
double meaning(uint16_t half) {
  int exponent = half >> 10 & 31;
  double fraction = (half & 1023) / 1024.0;
  double magnitude =
      exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1 + fraction, exponent - 15);
  if (exponent == 31) {
    magnitude = fraction == 0 ? std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::quiet_NaN();
  }
  return half & 0x8000 ? -magnitude : magnitude;
}

// The nearest half by search; positive halves are ordered as their bits are.
uint16_t nearest_half(float value) {
  if (std::isnan(value)) return 0x7e00;
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double magnitude = std::fabs(static_cast<double>(value));
  uint16_t below = 0;
  for (uint16_t step = 0x4000; step != 0; step >>= 1) {
    uint16_t next = static_cast<uint16_t>(below + step);
    if (next <= 0x7bff && meaning(next) <= magnitude) below = next;
  }
  // Above the largest number, infinity stands where the next number would: at 65536.
  uint16_t above = static_cast<uint16_t>(below + 1);
  double next = above == 0x7c00 ? 65536.0 : meaning(above);
  double low = magnitude - meaning(below);
  double high = next - magnitude;
  bool up = high < low || (high == low && (below & 1));
  return static_cast<uint16_t>(sign | (up ? above : below));
}

TEST(Half, EveryHalfIsReadExactly) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    auto half = static_cast<uint16_t>(bits);
    double expected = meaning(half);
    float found = half_to_float(half);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(found)) << bits;
      ASSERT_TRUE(std::isnan(half_to_float(float_to_half(found)))) << bits;
    } else {
      ASSERT_EQ(found, expected) << bits;
      ASSERT_EQ(std::signbit(found), std::signbit(expected)) << bits;
      ASSERT_EQ(float_to_half(found), half) << bits;
    }
  }
}

TEST(Half, RoundsToNearestAndTiesToEven) {
  float infinity = std::numeric_limits<float>::infinity();
  for (uint16_t half = 0; half < 0x7c00; ++half) {
    double next = half == 0x7bff ? 65536.0 : meaning(static_cast<uint16_t>(half + 1));
    auto middle = static_cast<float>((meaning(half) + next) / 2);  // exact
    for (float value : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, infinity)}) {
      ASSERT_EQ(float_to_half(value), nearest_half(value)) << value;
      ASSERT_EQ(float_to_half(-value), nearest_half(-value)) << value;
    }
  }
}

TEST(Half, AnyFloat) {
  std::mt19937 random(7);
  for (int i = 0; i < 300'000; ++i) {
    float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (i % 2 == 0)
      value = std::ldexp(value / std::fabs(value), static_cast<int>(random() % 50) - 30);
    if (std::isnan(value)) {
      ASSERT_EQ(float_to_half(value) & 0x7e00, 0x7e00);
    } else {
      ASSERT_EQ(float_to_half(value), nearest_half(value)) << value;
    }
  }
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(float_to_half(-std::numeric_limits<float>::max()), 0xfc00);
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::denorm_min()), 0);
}

// Every BF16, and the floats around the middles between two.
TEST(Brain, RoundsToNearestTiesToEven) {
  for (uint32_t i = 0; i < 0x7f80; ++i) {
    const auto brain = static_cast<uint16_t>(i);
    const float value = brain_to_float(brain);
    const auto next = std::bit_cast<float>((i + 1) << 16);
    ASSERT_EQ(float_to_brain(value), brain);
    ASSERT_EQ(float_to_brain(-value), brain | 0x8000);
    const auto middle = std::bit_cast<float>(i << 16 | 0x8000);
    ASSERT_EQ(float_to_brain(middle), i % 2 == 0 ? i : i + 1);
    ASSERT_EQ(float_to_brain(std::nextafter(middle, 0.0f)), i);
    ASSERT_EQ(float_to_brain(std::nextafter(middle, next)), i + 1);
  }
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(float_to_brain(infinity), 0x7f80);
  EXPECT_EQ(float_to_brain(-infinity), 0xff80);
  EXPECT_TRUE(std::isnan(brain_to_float(float_to_brain(std::bit_cast<float>(0x7f800001)))));
}

}  // namespace
}  // namespace leat
