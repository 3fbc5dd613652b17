#include <gmock/gmock.h>

#include <limits>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

// The least and the greatest number of a type of whole numbers.
std::pair<Number, Number> ends(DType type) {
  const int bits = static_cast<int>(8 * dtype_size(type));
  if (type >= DType::kInt8) {
    const Number half = std::ldexp(Number{1}, bits - 1);
    return {-half, half - 1};
  }
  return {0, std::ldexp(Number{1}, bits) - 1};
}

// Numbers at which something happens in one type or another.
std::vector<Number> candidates() {
  std::vector<Number> out = {0, 0.25L, 0.5L, 0.999L, 1, 1.5L, 2.5L, 100.75L, 65504, 65519, 65520};
  for (int bits : {7, 8, 11, 15, 16, 24, 31, 32, 53, 63, 64, 127}) {
    const Number end = std::ldexp(Number{1}, bits);
    for (Number off : {-1.0L, -0.5L, 0.0L, 0.5L, 1.0L, 2.0L, 3.0L}) out.push_back(end + off);
  }
  out.push_back(std::numeric_limits<Number>::infinity());
  for (size_t i = 0, size = out.size(); i < size; ++i) out.push_back(-out[i]);
  out.push_back(std::nanl(""));
  return out;
}

// To a type of `bits` bits of precision that begins to be subnormal below 2^least.
Number rounded(Number value, int bits, int least, Number most) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), least);
  const Number step = std::ldexp(Number{1}, exponent - bits + 1);
  const Number out = std::nearbyint(value / step) * step;  // ties to even
  return std::fabs(out) > most ? std::copysign(std::numeric_limits<Number>::infinity(), value)
                               : out;
}

Number as_real(DType type, Number value) {
  if (type == DType::kFp16) return rounded(value, 11, -14, 65504);
  if (type == DType::kBf16) return rounded(value, 8, -126, std::ldexp(Number{255}, 120));
  if (type == DType::kFp32) return rounded(value, 24, -126, std::numeric_limits<float>::max());
  return rounded(value, 53, -1022, std::numeric_limits<double>::max());
}

// Those of the candidates that are numbers of `type`.
std::vector<Number> held(DType type) {
  std::vector<Number> out;
  for (Number value : candidates()) {
    if (type == DType::kBool) {
      if (value == 0 || value == 1) out.push_back(value);
    } else if (real(type)) {
      out.push_back(as_real(type, value));
    } else if (value == std::trunc(value) && value >= ends(type).first &&
               value <= ends(type).second) {
      out.push_back(value);
    }
  }
  return out;
}

TEST(Cast, EveryTypeToEveryOther) {
  for (DType from : kNumberTypes) {
    const std::vector<Number> values = held(from);
    const Tensor x = numbers(from, {static_cast<int64_t>(values.size())}, values);
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_TRUE(number(x, i) == values[i] || std::isnan(values[i])) << dtype_name(from);
    }
    for (DType to : kNumberTypes) {
      OpFixture op("tensor.cast");
      op.param("to", std::string(dtype_name(to))).param("out_of_range", "saturate").input("x", x);
      ASSERT_TRUE(op.run().ok());
      ASSERT_EQ(op["y"].dtype(), to);
      for (size_t i = 0; i < values.size(); ++i) {
        SCOPED_TRACE(
            cat(dtype_name(from), " to ", dtype_name(to), " of ", static_cast<double>(values[i])));
        const Number found = number(op["y"], i);
        Number expected = values[i];
        if (to == DType::kBool) {
          expected = values[i] != 0;
        } else if (real(to)) {
          expected = as_real(to, values[i]);
        } else {
          expected = std::isnan(values[i])
                         ? 0
                         : std::clamp(std::trunc(values[i]), ends(to).first, ends(to).second);
        }
        if (std::isnan(expected)) {
          EXPECT_TRUE(std::isnan(found));
        } else {
          EXPECT_EQ(found, expected);
        }
      }
    }
  }
}

TEST(Cast, WhatATypeCannotHoldIsRefused) {
  for (DType from : kNumberTypes) {
    for (DType to : kWholes) {
      if (from == to) continue;
      const auto run = [&](const std::vector<Number>& values) {
        OpFixture op("tensor.cast");
        const Shape shape{static_cast<int64_t>(values.size())};
        op.param("to", std::string(dtype_name(to))).input("x", numbers(from, shape, values));
        return op.run();
      };
      std::vector<Number> fit;
      Number above = INFINITY, below = -INFINITY;  // the nearest that do not fit
      for (Number value : held(from)) {
        if (std::isnan(value)) continue;
        const bool high = std::trunc(value) > ends(to).second;
        const bool low = std::trunc(value) < ends(to).first;
        if (high) above = std::min(above, value);
        if (low) below = std::max(below, value);
        if (!high && !low) fit.push_back(value);
      }
      SCOPED_TRACE(cat(dtype_name(from), " to ", dtype_name(to)));
      EXPECT_EQ(run(fit).message(), "");
      for (Number bad : {above, below, Number{NAN}, Number{INFINITY}, -Number{INFINITY}}) {
        if (!real(from) && !std::isfinite(bad)) continue;
        EXPECT_THAT(run({1, bad}).message(), HasSubstr("element 1 is "));
      }
    }
  }
}

TEST(Cast, ItselfIsNotCopied) {
  const Tensor x = any_numbers(DType::kInt16, {3, 2}, 1);
  OpFixture op("tensor.cast");
  op.param("to", "INT16").input("x", x);
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["y"].data(), x.data());
}

TEST(Cast, ShapesStay) {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{2, 0, 3}, Shape{2, 3}}) {
    OpFixture op("tensor.cast");
    op.param("to", "FP64").input("x", any_numbers(DType::kUint8, shape, 1));
    ASSERT_TRUE(op.run().ok());
    EXPECT_EQ(op["y"].shape(), shape);
    EXPECT_EQ(op.promised()[0].text(), Type::exactly(DType::kFp64, shape).text());
  }
}

TEST(Cast, TextsAreNoNumbers) {
  OpFixture op("tensor.cast");
  op.param("to", "BYTES").input("x", *Tensor::scalar(1.0f));
  EXPECT_THAT(op.run().message(), HasSubstr("to: BYTES found"));
  OpFixture texts("tensor.cast");
  texts.param("to", "FP32").input("x", any_texts({2}));
  EXPECT_EQ(texts.run().code(), Code::kBadInput);
}

}  // namespace
}  // namespace leat
