#include <gmock/gmock.h>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

TEST(Stack, AgreesWithALoop) {
  std::vector<Shape> shapes(std::begin(kShapes), std::end(kShapes));
  shapes.push_back({});
  for (DType type : {DType::kBool, DType::kFp16, DType::kInt32, DType::kFp64, DType::kBytes}) {
    for (const Shape& shape : shapes) {
      for (int64_t parts : {1, 3}) {
        std::vector<Tensor> x;
        for (int64_t k = 0; k < parts; ++k) {
          x.push_back(any_values(type, shape, static_cast<uint32_t>(k)));
        }
        for (int axis = -shape.rank() - 1; axis <= shape.rank(); ++axis) {
          const int along = axis < 0 ? axis + shape.rank() + 1 : axis;
          OpFixture op("tensor.stack");
          op.param("axis", int64_t{axis}).inputs("x", x);
          Status status = op.run();
          ASSERT_TRUE(status.ok()) << status.message();
          const Tensor& y = op["y"];
          ASSERT_EQ(y.shape(), shape.with(along, parts));
          for (size_t i = 0; i < count(y.shape()); ++i) {
            Place at = place(y.shape(), i);
            const auto k = static_cast<size_t>(at[static_cast<size_t>(along)]);
            at.erase(at.begin() + along);
            ASSERT_TRUE(same_element(x[k], index(shape, at), y, i)) << shape.text() << axis;
          }
        }
      }
    }
  }
}

TEST(Stack, Refusals) {
  const Tensor of = any_numbers(DType::kFp32, {2, 3}, 1);
  OpFixture op("tensor.stack");
  op.inputs("x", {of, any_numbers(DType::kFp32, {3, 2}, 1)});
  EXPECT_THAT(op.run().message(), HasSubstr("x number 1 is FP32[3,2], and number 0 FP32[2,3]"));
  OpFixture axis("tensor.stack");
  axis.param("axis", int64_t{3}).inputs("x", {of, of});
  EXPECT_THAT(axis.run().message(),
              HasSubstr("axis is 3, but what is stacked has 3 dimensions; -3 to 2"));
  OpFixture deep("tensor.stack");
  deep.input("x", any_numbers(DType::kFp32, {1, 1, 1, 1, 1, 1, 1, 1}, 1));
  EXPECT_THAT(deep.make().message(), HasSubstr("more than 8"));
}

}  // namespace
}  // namespace leat
