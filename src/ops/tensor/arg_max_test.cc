#include <gmock/gmock.h>

#include <limits>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ArgMax, AgreesWithALoop) {
  for (DType type : kNumberTypes) {
    for (const Shape& shape : kShapes) {
      const Tensor x = any_numbers(type, shape, 3, 4);  // many are equal
      for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
        for (bool keep : {false, true}) {
          const int along = axis < 0 ? axis + shape.rank() : axis;
          OpFixture op("tensor.arg_max");
          op.param("axis", int64_t{axis}).param("keep", keep).input("x", x);
          if (shape[along] == 0) {
            EXPECT_THAT(op.run().message(), HasSubstr("of none, none is the greatest"));
            continue;
          }
          ASSERT_TRUE(op.run().ok());
          Shape result = shape.without(along);
          if (keep) result = result.with(along, 1);
          ASSERT_EQ(op["index"].shape(), result);
          ASSERT_EQ(op["value"].shape(), result);
          ASSERT_EQ(op.promised()[0].shape(), result);
          ASSERT_EQ(op["value"].dtype(), type);
          const Shape lines = shape.without(along).with(along, 1);
          for (size_t i = 0; i < count(lines); ++i) {
            Place at = place(lines, i);
            int64_t best = 0;
            Number most = number(x, index(shape, at));
            for (int64_t k = 0; k < shape[along]; ++k) {
              at[static_cast<size_t>(along)] = k;
              const Number value = number(x, index(shape, at));
              if (value > most) {
                best = k;
                most = value;
              }
            }
            ASSERT_EQ(op["index"].values<int64_t>()[i], best) << shape.text() << axis;
            ASSERT_EQ(number(op["value"], i), most);
          }
        }
      }
    }
  }
}

TEST(ArgMax, NaNIsLessThanAnyNumber) {
  const Number nan = std::nanl(""), infinity = std::numeric_limits<Number>::infinity();
  for (DType type : kReals) {
    OpFixture op("tensor.arg_max");
    op.input("x",
             numbers(type, {4, 3}, {nan, 1, 2, 1, nan, 2, nan, -infinity, nan, nan, nan, nan}));
    ASSERT_TRUE(op.run().ok());
    EXPECT_THAT(op["index"].values<int64_t>(), ElementsAre(2, 2, 1, 0));
    EXPECT_TRUE(std::isnan(number(op["value"], 3)));
  }
}

TEST(ArgMax, Refusals) {
  OpFixture op("tensor.arg_max");
  op.param("axis", int64_t{1}).input("x", numbers(DType::kFp32, {2}, {1, 2}));
  EXPECT_THAT(op.run().message(), HasSubstr("axis is 1, but x has 1 dimension; -1 to 0"));
  OpFixture scalar("tensor.arg_max");
  scalar.input("x", *Tensor::scalar(1.0f));
  EXPECT_EQ(scalar.run().code(), Code::kBadInput);
}

}  // namespace
}  // namespace leat
