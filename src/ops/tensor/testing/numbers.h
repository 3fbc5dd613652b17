// What the tests of operators on tensors share: tensors of any type as lists of numbers, and
// elements by their places along the axes.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/half.h"
#include "base/text.h"
#include "memory/testing/op_fixture.h"

namespace leat {

inline constexpr DType kReals[] = {DType::kFp16, DType::kBf16, DType::kFp32, DType::kFp64};
inline constexpr DType kWholes[] = {DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64,
                                    DType::kInt8,  DType::kInt16,  DType::kInt32,  DType::kInt64};
inline constexpr DType kNumberTypes[] = {
    DType::kBool, DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64,
    DType::kInt8, DType::kInt16, DType::kInt32,  DType::kInt64,  DType::kFp16,
    DType::kBf16, DType::kFp32,  DType::kFp64};

inline bool real(DType type) { return type >= DType::kFp16 && type <= DType::kFp64; }

// Holds every number that an element can be.
using Number = long double;

inline Number number(const Tensor& x, size_t i) {
  switch (x.dtype()) {
    case DType::kBool:
    case DType::kUint8:
      return x.values<uint8_t>()[i];
    case DType::kUint16:
      return x.values<uint16_t>()[i];
    case DType::kUint32:
      return x.values<uint32_t>()[i];
    case DType::kUint64:
      return x.values<uint64_t>()[i];
    case DType::kInt8:
      return x.values<int8_t>()[i];
    case DType::kInt16:
      return x.values<int16_t>()[i];
    case DType::kInt32:
      return x.values<int32_t>()[i];
    case DType::kInt64:
      return static_cast<Number>(x.values<int64_t>()[i]);
    case DType::kFp16:
      return half_to_float(x.values<uint16_t>()[i]);
    case DType::kBf16:
      return brain_to_float(x.values<uint16_t>()[i]);
    case DType::kFp32:
      return x.values<float>()[i];
    default:
      return x.values<double>()[i];
  }
}

// `value` must be one that the type has, or near one when it is a floating point type.
inline void set_number(Tensor& x, size_t i, Number value) {
  switch (x.dtype()) {
    case DType::kBool:
    case DType::kUint8:
      x.mutable_values<uint8_t>()[i] = static_cast<uint8_t>(value);
      break;
    case DType::kUint16:
      x.mutable_values<uint16_t>()[i] = static_cast<uint16_t>(value);
      break;
    case DType::kUint32:
      x.mutable_values<uint32_t>()[i] = static_cast<uint32_t>(value);
      break;
    case DType::kUint64:
      x.mutable_values<uint64_t>()[i] = static_cast<uint64_t>(value);
      break;
    case DType::kInt8:
      x.mutable_values<int8_t>()[i] = static_cast<int8_t>(value);
      break;
    case DType::kInt16:
      x.mutable_values<int16_t>()[i] = static_cast<int16_t>(value);
      break;
    case DType::kInt32:
      x.mutable_values<int32_t>()[i] = static_cast<int32_t>(value);
      break;
    case DType::kInt64:
      x.mutable_values<int64_t>()[i] = static_cast<int64_t>(value);
      break;
    case DType::kFp16:
      x.mutable_values<uint16_t>()[i] = float_to_half(static_cast<float>(value));
      break;
    case DType::kBf16:
      x.mutable_values<uint16_t>()[i] = float_to_brain(static_cast<float>(value));
      break;
    case DType::kFp32:
      x.mutable_values<float>()[i] = static_cast<float>(value);
      break;
    default:
      x.mutable_values<double>()[i] = static_cast<double>(value);
  }
}

inline size_t count(const Shape& shape) { return static_cast<size_t>(shape.elements()); }

inline Tensor numbers(DType type, const Shape& shape, const std::vector<Number>& values) {
  Tensor x = *Tensor::allocate(type, shape);
  for (size_t i = 0; i < count(shape); ++i) set_number(x, i, values[i]);
  return x;
}

inline std::vector<Number> list(const Tensor& x) {
  std::vector<Number> out(count(x.shape()));
  for (size_t i = 0; i < out.size(); ++i) out[i] = number(x, i);
  return out;
}

// BOOL: 0 or 1; unsigned: 0 to `most`; signed: -most to most; real: with fractions.
inline Tensor any_numbers(DType type, const Shape& shape, uint32_t seed, int most = 50) {
  std::mt19937 random(seed);
  Tensor x = *Tensor::allocate(type, shape);
  const bool is_signed = real(type) || (type >= DType::kInt8 && type <= DType::kInt64);
  const uint32_t range = type == DType::kBool ? 2 : static_cast<uint32_t>(most) + 1;
  for (size_t i = 0; i < count(shape); ++i) {
    Number value = random() % range;
    if (real(type)) value += static_cast<Number>(random() % 64) / 64;
    set_number(x, i, is_signed && random() % 2 ? -value : value);
  }
  return x;
}

// "0", "1", ... as texts, for operators that only move elements.
inline Tensor any_texts(const Shape& shape) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < count(shape); ++i) texts.push_back(std::string(i % 5, 'x') + cat(i));
  std::vector<std::string_view> views(texts.begin(), texts.end());
  return *Tensor::strings(views, shape);
}

inline Tensor any_values(DType type, const Shape& shape, uint32_t seed) {
  return type == DType::kBytes ? any_texts(shape) : any_numbers(type, shape, seed);
}

using Place = std::vector<int64_t>;  // by axis

inline Place place(const Shape& shape, size_t i) {
  Place at(static_cast<size_t>(shape.rank()));
  auto rest = static_cast<int64_t>(i);
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    at[static_cast<size_t>(axis)] = rest % shape[axis];
    rest /= shape[axis];
  }
  return at;
}

inline size_t index(const Shape& shape, const Place& at) {
  int64_t i = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    EXPECT_GE(at[static_cast<size_t>(axis)], 0);
    EXPECT_LT(at[static_cast<size_t>(axis)], shape[axis]);
    i = i * shape[axis] + at[static_cast<size_t>(axis)];
  }
  return static_cast<size_t>(i);
}

// Equal, whatever the type; texts too.
inline bool same_element(const Tensor& a, size_t i, const Tensor& b, size_t j) {
  if (a.dtype() != b.dtype()) return false;
  if (a.dtype() == DType::kBytes) {
    return a.string(static_cast<int64_t>(i)) == b.string(static_cast<int64_t>(j));
  }
  const size_t size = dtype_size(a.dtype());
  return std::memcmp(a.data() + i * size, b.data() + j * size, size) == 0;
}

// Half a step of the type at `value`, and a little.
inline Number tolerance(DType type, Number value) {
  const int bits = type == DType::kFp16   ? 11
                   : type == DType::kBf16 ? 8
                   : type == DType::kFp32 ? 24
                                          : 53;
  const Number least = type == DType::kFp16   ? 0x1p-24L
                       : type == DType::kBf16 ? 0x1p-133L
                       : type == DType::kFp32 ? 0x1p-149L
                                              : 1e-300L;
  return std::max(std::fabs(value) * std::ldexp(Number{1}, -bits) * 1.01L, least) +
         std::fabs(value) * 1e-15L;
}

inline void expect_near(DType type, Number found, Number expected, Number slack = 1) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(found));
  } else if (std::isinf(expected)) {
    EXPECT_EQ(found, expected);
  } else {
    EXPECT_NEAR(found, expected, slack * tolerance(type, expected));
  }
}

inline std::vector<double> reals_of(const std::vector<int64_t>& values) {
  return {values.begin(), values.end()};
}

// Of one to five axes, some of which have the size 1 or 0.
inline const Shape kShapes[] = {{1},       {7},          {0},          {3, 5},         {1, 4},
                                {4, 1},    {0, 3},       {3, 0},       {2, 3, 4},      {1, 5, 2},
                                {5, 2, 1}, {2, 2, 2, 3}, {1, 3, 1, 2}, {2, 1, 3, 2, 2}};

}  // namespace leat
