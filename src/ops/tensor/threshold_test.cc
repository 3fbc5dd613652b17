#include <gmock/gmock.h>

#include <limits>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

TEST(Threshold, AgreesWithALoop) {
  std::vector<Shape> shapes(std::begin(kShapes), std::end(kShapes));
  shapes.push_back({});
  for (DType type : kNumberTypes) {
    for (const Shape& shape : shapes) {
      const Tensor x = any_numbers(type, shape, 5, 3);
      for (double bound : {-1.0, 0.0, 0.5, 1.0, 2.0}) {
        for (const char* when : {"above", "at_least"}) {
          for (const char* give : {"mask", "values"}) {
            OpFixture op("tensor.threshold");
            op.param("value", bound).param("when", when).param("give", give).input("x", x);
            ASSERT_TRUE(op.run().ok());
            const Tensor& y = op["y"];
            const bool mask = give == std::string("mask");
            ASSERT_EQ(y.dtype(), mask ? DType::kBool : type);
            ASSERT_EQ(y.shape(), shape);
            for (size_t i = 0; i < count(shape); ++i) {
              const Number value = number(x, i);
              const bool passes = when == std::string("above") ? value > bound : value >= bound;
              ASSERT_EQ(number(y, i), passes ? (mask ? 1 : value) : 0) << bound << when;
            }
          }
        }
      }
    }
  }
}

TEST(Threshold, LargeWholeNumbersAreNotRounded) {
  const Number bound = std::ldexp(Number{1}, 60);
  for (DType type : {DType::kInt64, DType::kUint64}) {
    OpFixture op("tensor.threshold");
    op.param("value", static_cast<double>(bound));
    op.input("x", numbers(type, {3}, {bound - 1, bound, bound + 1}));
    ASSERT_TRUE(op.run().ok());
    EXPECT_EQ(list(op["y"]), (std::vector<Number>{0, 1, 1}));
  }
}

TEST(Threshold, NaNNeverIs) {
  const Number infinity = std::numeric_limits<Number>::infinity();
  for (DType type : kReals) {
    for (const char* give : {"mask", "values"}) {
      OpFixture op("tensor.threshold");
      op.param("value", -1e300).param("give", give);
      op.input("x", numbers(type, {3}, {std::nanl(""), infinity, -infinity}));
      ASSERT_TRUE(op.run().ok());
      EXPECT_EQ(number(op["y"], 0), 0);
      EXPECT_EQ(number(op["y"], 1), give == std::string("mask") ? 1 : infinity);
      EXPECT_EQ(number(op["y"], 2), 0);
    }
  }
}

}  // namespace
}  // namespace leat
