#include <gmock/gmock.h>

#include <limits>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

void check(const Tensor& x, int axis, double epsilon) {
  const Shape& shape = x.shape();
  const int along = axis < 0 ? axis + shape.rank() : axis;
  OpFixture op("tensor.l2_normalize");
  op.param("axis", int64_t{axis}).param("epsilon", epsilon).input("x", x);
  ASSERT_TRUE(op.run().ok());
  ASSERT_EQ(op["y"].dtype(), x.dtype());
  ASSERT_EQ(op["y"].shape(), shape);
  for (size_t i = 0; i < count(shape); ++i) {
    Place at = place(shape, i);
    Number sum = 0;
    for (int64_t k = 0; k < shape[along]; ++k) {
      at[static_cast<size_t>(along)] = k;
      sum += std::pow(number(x, index(shape, at)), 2.0L);
    }
    SCOPED_TRACE(cat(shape.text(), " axis ", axis, " at ", i));
    expect_near(x.dtype(), number(op["y"], i),
                number(x, i) / std::max(std::sqrt(sum), static_cast<Number>(epsilon)), 2);
  }
}

TEST(L2Normalize, AgreesWithLongDoubles) {
  for (DType type : kReals) {
    for (const Shape& shape : kShapes) {
      for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
        for (double epsilon : {1e-12, 30.0}) check(any_numbers(type, shape, 3), axis, epsilon);
      }
    }
  }
  check(any_numbers(DType::kFp32, {2, 512}, 3), -1, 1e-12);
}

TEST(L2Normalize, Extremes) {
  check(numbers(DType::kFp64, {2}, {3e300L, 4e300L}), 0, 1e-12);
  check(numbers(DType::kFp64, {2}, {3e-200L, 4e-200L}), 0, 1e-250);
  check(numbers(DType::kFp32, {2}, {3e38L, 1e38L}), 0, 1e-12);
  check(numbers(DType::kFp16, {2}, {60000, 60000}), 0, 1e-12);
  check(numbers(DType::kFp32, {2}, {0, 0}), 0, 1e-12);
  const Number nan = std::nanl(""), infinity = std::numeric_limits<Number>::infinity();
  for (DType type : kReals) {
    OpFixture op("tensor.l2_normalize");
    op.input("x", numbers(type, {3, 2}, {nan, 1, infinity, 1, 3, 4}));
    ASSERT_TRUE(op.run().ok());
    const auto y = list(op["y"]);
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]) && std::isnan(y[2]));
    EXPECT_EQ(y[3], 0);
    expect_near(type, y[4], 0.6L, 2);
  }
}

TEST(L2Normalize, Refusals) {
  OpFixture op("tensor.l2_normalize");
  op.param("axis", int64_t{-3}).input("x", any_numbers(DType::kFp32, {2, 3}, 1));
  EXPECT_THAT(op.make().message(), HasSubstr("axis is -3, but x has 2 dimensions"));
  OpFixture whole("tensor.l2_normalize");
  whole.input("x", any_numbers(DType::kInt32, {2}, 1));
  EXPECT_EQ(whole.run().code(), Code::kBadInput);
}

}  // namespace
}  // namespace leat
