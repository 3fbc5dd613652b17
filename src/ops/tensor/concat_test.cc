#include <gmock/gmock.h>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

TEST(Concat, AgreesWithALoop) {
  for (DType type : {DType::kBool, DType::kFp16, DType::kInt32, DType::kFp64, DType::kBytes}) {
    for (const Shape& shape : kShapes) {
      for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
        const int along = axis < 0 ? axis + shape.rank() : axis;
        std::vector<Tensor> parts;
        std::vector<std::pair<size_t, int64_t>> from;  // of each place along the axis
        for (int64_t size : {shape[along], int64_t{2}, int64_t{0}, int64_t{1}}) {
          Shape part = shape;
          part.set(along, size);
          for (int64_t i = 0; i < size; ++i) from.emplace_back(parts.size(), i);
          parts.push_back(any_values(type, part, static_cast<uint32_t>(size)));
        }
        OpFixture op("tensor.concat");
        op.param("axis", int64_t{axis}).inputs("x", parts);
        Status status = op.run();
        ASSERT_TRUE(status.ok()) << status.message();
        Shape result = shape;
        result.set(along, static_cast<int64_t>(from.size()));
        const Tensor& y = op["y"];
        ASSERT_EQ(y.shape(), result);
        for (size_t i = 0; i < count(result); ++i) {
          Place at = place(result, i);
          auto& here = at[static_cast<size_t>(along)];
          const auto [part, there] = from[static_cast<size_t>(here)];
          here = there;
          ASSERT_TRUE(same_element(parts[part], index(parts[part].shape(), at), y, i))
              << shape.text() << " axis " << axis << " at " << i;
        }
      }
    }
  }
}

TEST(Concat, OneIsItself) {
  const Tensor x = any_numbers(DType::kFp32, {2, 3}, 1);
  OpFixture op("tensor.concat");
  op.input("x", x);
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["y"].data(), x.data());
  EXPECT_EQ(op.promised()[0].text(), "FP32[?,3]");
}

TEST(Concat, Refusals) {
  const auto message = [](std::vector<Tensor> x, int64_t axis) {
    OpFixture op("tensor.concat");
    op.param("axis", axis).inputs("x", std::move(x));
    return op.run().message();
  };
  const Tensor of = any_numbers(DType::kFp32, {2, 3}, 1);
  EXPECT_THAT(message({of, any_numbers(DType::kFp32, {2, 4}, 1)}, 0),
              HasSubstr("x number 1 is FP32[2,4], and number 0 FP32[2,3]; only their sizes along "
                        "axis 0 may differ"));
  EXPECT_THAT(message({of, of, any_numbers(DType::kInt32, {2, 3}, 1)}, 1),
              HasSubstr("x number 2 is INT32[2,3]"));
  EXPECT_THAT(message({of, any_numbers(DType::kFp32, {2, 3, 1}, 1)}, 0), HasSubstr("x number 1"));
  EXPECT_THAT(message({of, of}, 2), HasSubstr("axis is 2, but x has 2 dimensions"));
  // Sizes of tensors without elements cost nothing, and may be anything.
  const Tensor huge = any_numbers(DType::kUint8, {0, int64_t{1} << 61}, 1);
  EXPECT_THAT(message({huge, huge, huge, huge}, 1), HasSubstr("too many"));
  EXPECT_EQ(message({huge, huge}, 0), "");
}

}  // namespace
}  // namespace leat
