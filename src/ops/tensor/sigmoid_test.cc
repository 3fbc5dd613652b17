#include <gmock/gmock.h>

#include <limits>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

TEST(Sigmoid, AgreesWithLongDoubles) {
  for (DType type : kReals) {
    for (const Shape& shape : kShapes) {
      for (int most : {3, 100}) {
        const Tensor x = any_numbers(type, shape, 7, most);
        OpFixture op("tensor.sigmoid");
        op.input("x", x);
        ASSERT_TRUE(op.run().ok());
        ASSERT_EQ(op["y"].dtype(), type);
        ASSERT_EQ(op["y"].shape(), shape);
        for (size_t i = 0; i < count(shape); ++i) {
          SCOPED_TRACE(cat(dtype_name(type), " ", static_cast<double>(number(x, i))));
          expect_near(type, number(op["y"], i), 1 / (1 + std::exp(-number(x, i))), 4);
        }
      }
    }
  }
}

TEST(Sigmoid, ExtremesAndScalars) {
  const Number infinity = std::numeric_limits<Number>::infinity();
  for (DType type : kReals) {
    OpFixture op("tensor.sigmoid");
    op.input("x", numbers(type, {5}, {infinity, -infinity, 60000, -60000, std::nanl("")}));
    ASSERT_TRUE(op.run().ok());
    const auto y = list(op["y"]);
    EXPECT_EQ(y[0], 1);
    EXPECT_EQ(y[1], 0);
    EXPECT_EQ(y[2], 1);
    EXPECT_EQ(y[3], 0);
    EXPECT_TRUE(std::isnan(y[4]));
  }
  OpFixture op("tensor.sigmoid");
  op.input("x", *Tensor::scalar(0.0f));
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["y"].shape(), Shape{});
  EXPECT_EQ(op["y"].values<float>()[0], 0.5f);
  op.input("x", *Tensor::scalar(int32_t{1}));
  EXPECT_EQ(op.run().code(), Code::kBadInput);
}

}  // namespace
}  // namespace leat
