#include <gmock/gmock.h>

#include <limits>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Is what stands at `a` of x to come before what stands at `b`? By the definition, for any two.
bool before(Number x, int64_t a, Number y, int64_t b, bool descending) {
  if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
  if (x == y || std::isnan(x)) return a < b;
  return descending ? x > y : x < y;
}

void check(const Tensor& x, int axis, bool descending) {
  const Shape& shape = x.shape();
  const int along = axis < 0 ? axis + shape.rank() : axis;
  OpFixture op("tensor.sort");
  op.param("axis", int64_t{axis}).param("descending", descending).input("x", x);
  ASSERT_TRUE(op.run().ok());
  const Tensor &values = op["values"], &indices = op["indices"];
  ASSERT_EQ(values.shape(), shape);
  ASSERT_EQ(indices.shape(), shape);
  ASSERT_EQ(values.dtype(), x.dtype());
  for (size_t i = 0; i < count(shape); ++i) {
    const Place at = place(shape, i);
    Place from = at;
    const auto a = static_cast<size_t>(along);
    from[a] = indices.values<int64_t>()[i];
    const size_t source = index(shape, from);
    ASSERT_TRUE(same_element(x, source, values, i));
    int64_t earlier = 0;  // of its line
    Place other = at;
    for (int64_t k = 0; k < shape[along]; ++k) {
      other[a] = k;
      earlier += before(number(x, index(shape, other)), k, number(x, source), from[a], descending);
    }
    ASSERT_EQ(earlier, at[a]) << shape.text() << " axis " << axis << " at " << i;
  }
}

TEST(Sort, AgreesWithCounting) {
  for (DType type : kNumberTypes) {
    for (const Shape& shape : kShapes) {
      for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
        for (bool descending : {false, true}) {
          check(any_numbers(type, shape, 5, 3), axis, descending);  // many are equal
        }
      }
    }
  }
  check(any_numbers(DType::kFp32, {100, 3}, 5, 10), 0, true);
}

TEST(Sort, NaNComesLast) {
  const Number nan = std::nanl(""), infinity = std::numeric_limits<Number>::infinity();
  for (DType type : kReals) {
    const Tensor x = numbers(type, {6}, {nan, 1, -infinity, nan, infinity, 1});
    for (bool descending : {false, true}) check(x, 0, descending);
    OpFixture op("tensor.sort");
    op.param("descending", true).input("x", x);
    ASSERT_TRUE(op.run().ok());
    EXPECT_THAT(op["indices"].values<int64_t>(), ElementsAre(4, 1, 5, 2, 0, 3));
  }
}

TEST(Sort, Refusals) {
  OpFixture op("tensor.sort");
  op.param("axis", int64_t{1}).input("x", any_numbers(DType::kFp32, {2}, 1));
  EXPECT_THAT(op.make().message(), HasSubstr("axis is 1, but x has 1 dimension"));
  OpFixture scalar("tensor.sort");
  scalar.input("x", *Tensor::scalar(1.0f));
  EXPECT_EQ(scalar.run().code(), Code::kBadInput);
}

}  // namespace
}  // namespace leat
