#include <gmock/gmock.h>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

using List = std::vector<double>;

// `before`, `after`: by axis of x.
void expect_padded(const Tensor& x, const Tensor& y, const std::vector<int64_t>& before,
                   const std::vector<int64_t>& after, Number value) {
  Shape result = x.shape();
  for (int i = 0; i < result.rank(); ++i) {
    const auto a = static_cast<size_t>(i);
    result.set(i, before[a] + x.shape()[i] + after[a]);
  }
  ASSERT_EQ(y.shape(), result);
  ASSERT_EQ(y.dtype(), x.dtype());
  for (size_t i = 0; i < count(result); ++i) {
    Place at = place(result, i);
    bool inside = true;
    for (size_t a = 0; a < at.size(); ++a) {
      at[a] -= before[a];
      inside = inside && at[a] >= 0 && at[a] < x.shape()[static_cast<int>(a)];
    }
    const Number expected = inside ? number(x, index(x.shape(), at)) : value;
    ASSERT_EQ(number(y, i), expected) << x.shape().text() << " at " << i;
  }
}

TEST(PadTensor, BordersOfEveryAxis) {
  for (DType type : kNumberTypes) {
    for (const Shape& shape : kShapes) {
      const Tensor x = any_numbers(type, shape, 1);
      for (int64_t least : {0, 1}) {
        List before, after, axes;
        std::vector<int64_t> in_order[2];
        for (int i = 0; i < shape.rank(); ++i) {
          axes.push_back(i % 2 ? i : i - shape.rank());
          in_order[0].push_back((i + least) % 3);
          in_order[1].push_back((i * 2 + least) % 4);
          before.push_back(double(in_order[0].back()));
          after.push_back(double(in_order[1].back()));
        }
        for (bool named : {false, true}) {
          OpFixture op("tensor.pad");
          op.param("before", before).param("after", after).param("value", 1.0).input("x", x);
          if (named) op.param("axes", axes);
          Status status = op.run();
          ASSERT_TRUE(status.ok()) << status.message();
          expect_padded(x, op["y"], in_order[0], in_order[1], 1);
          ASSERT_EQ(op.promised()[0].shape(), op["y"].shape());
        }
      }
    }
  }
}

TEST(PadTensor, ToASizeOrAMultiple) {
  for (int64_t length : {0, 1, 5, 8}) {
    const Tensor x = any_numbers(DType::kFp32, {2, length, 3}, 1);
    OpFixture size("tensor.pad");
    size.param("axes", List{1}).param("size", List{8}).param("value", -0.5).input("x", x);
    ASSERT_TRUE(size.run().ok());
    expect_padded(x, size["y"], {0, 0, 0}, {0, 8 - length, 0}, -0.5L);
    EXPECT_EQ(size.promised()[0].text(), "FP32[2,8,3]");
    OpFixture multiple("tensor.pad");
    multiple.param("axes", List{-2, 2}).param("multiple", List{4, 2}).input("x", x);
    ASSERT_TRUE(multiple.run().ok());
    expect_padded(x, multiple["y"], {0, 0, 0}, {0, (length + 3) / 4 * 4 - length, 1}, 0);
  }
  OpFixture all("tensor.pad");
  const Tensor x = any_numbers(DType::kUint8, {3, 5}, 1);
  all.param("multiple", List{4}).param("value", 255.0).input("x", x);
  ASSERT_TRUE(all.run().ok());
  expect_padded(x, all["y"], {0, 0}, {1, 3}, 255);
}

TEST(PadTensor, WhatIsLargeEnoughIsItself) {
  const Tensor x = any_numbers(DType::kFp32, {4, 3}, 1);
  OpFixture op("tensor.pad");
  op.param("axes", List{0}).param("size", List{4}).input("x", x);
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["y"].data(), x.data());
}

TEST(PadTensor, Refusals) {
  const auto message = [](auto set, DType type = DType::kFp32) {
    OpFixture op("tensor.pad");
    op.input("x", any_numbers(type, {4, 3}, 1));
    set(op);
    return op.make().message();
  };
  EXPECT_THAT(message([](OpFixture&) {}), HasSubstr("none is set of: a border"));
  EXPECT_THAT(message([](OpFixture& op) { op.param("before", List{1}).param("size", List{9}); }),
              HasSubstr("more than one is set of: a border"));
  EXPECT_THAT(message([](OpFixture& op) { op.param("size", List{3}); }),
              HasSubstr("x has 4 elements along an axis, and 3 are asked for"));
  EXPECT_THAT(message([](OpFixture& op) {
                op.param("before", List{1, 2, 3});
              }),
              HasSubstr("before has 3 numbers for 2 axes"));
  EXPECT_THAT(message([](OpFixture& op) { op.param("before", List{-1}); }),
              HasSubstr("-1 found, "));
  EXPECT_THAT(message([](OpFixture& op) { op.param("before", List{1}).param("axes", List{2}); }),
              HasSubstr("axis is 2, but x has 2 dimensions"));
  EXPECT_THAT(message([](OpFixture& op) { op.param("after", List{0.5}); }),
              HasSubstr("after: 0.5 found, whole numbers wanted"));
}

TEST(PadTensor, TheValueMustBeOneOfTheType) {
  const struct {
    DType type;
    double value;
    bool fits;
  } kCases[] = {{DType::kUint8, 255, true},      {DType::kUint8, 256, false},
                {DType::kUint8, -1, false},      {DType::kUint8, 0.5, false},
                {DType::kInt8, -128, true},      {DType::kInt8, -129, false},
                {DType::kInt8, 128, false},      {DType::kBool, 1, true},
                {DType::kBool, 2, false},        {DType::kInt64, 0x1p63, false},
                {DType::kInt64, -0x1p63, true},  {DType::kUint64, 0x1p63, true},
                {DType::kUint64, 0x1p64, false}, {DType::kFp16, 0.1, true}};
  for (const auto& [type, value, fits] : kCases) {
    OpFixture op("tensor.pad");
    op.param("after", List{1}).param("value", value).input("x", any_numbers(type, {1}, 1));
    const Status status = op.run();
    EXPECT_EQ(status.ok(), fits) << dtype_name(type) << " " << value;
    EXPECT_THAT(status.message(), HasSubstr(fits ? "" : "value is "));
    if (!fits || real(type)) continue;
    EXPECT_EQ(number(op["y"], 1), value);
  }
}

TEST(PadTensor, WhatIsTooLargeIsRefused) {
  for (double size : {0x1p40, 0x1p53}) {
    OpFixture op("tensor.pad");
    op.param("size", List{size}).input("x", any_numbers(DType::kFp32, {2, 3}, 1));
    EXPECT_EQ(op.run().code(), Code::kTooLarge);
  }
  OpFixture huge("tensor.pad");
  huge.param("after", List{0x1p53}).param("axes", List{1});
  huge.input("x", any_numbers(DType::kUint8, {0, INT64_MAX - 5}, 1));
  EXPECT_EQ(huge.run().code(), Code::kTooLarge);
}

}  // namespace
}  // namespace leat
