#include <gmock/gmock.h>

#include <algorithm>
#include <limits>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

const char* const kBy[] = {"sum", "mean", "min", "max"};

// Of all elements of x that fall on one place of the result.
Number naive(const std::string& by, const std::vector<Number>& values) {
  Number sum = 0, least = INFINITY, most = -INFINITY;
  for (Number value : values) {
    sum += value;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  if (by == "min") return least;
  if (by == "max") return most;
  return by == "sum" ? sum : sum / static_cast<Number>(values.size());
}

DType type_of(const std::string& by, DType type) {
  if (by == "min" || by == "max" || real(type)) return type;
  return by == "sum" ? DType::kInt64 : DType::kFp64;
}

void check(DType type, const Shape& shape, const std::string& by, unsigned axes, bool keep) {
  SCOPED_TRACE(cat(by, " of ", dtype_name(type), shape.text(), " over ", axes));
  const Tensor x = any_numbers(type, shape, axes);
  std::vector<double> list;
  Shape kept = shape;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if ((axes >> axis & 1) == 0) continue;
    list.push_back(axis % 2 ? axis : axis - shape.rank());
    kept.set(axis, 1);
  }
  Shape result;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (keep || (axes >> axis & 1) == 0) result = result.with(result.rank(), kept[axis]);
  }
  std::vector<std::vector<Number>> groups(count(kept));
  for (size_t i = 0; i < count(shape); ++i) {
    Place at = place(shape, i);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (axes >> axis & 1) at[static_cast<size_t>(axis)] = 0;
    }
    groups[index(kept, at)].push_back(number(x, i));
  }
  OpFixture op("tensor.reduce");
  op.param("by", by).param("axes", list).param("keep", keep).input("x", x);
  Status status = op.run();
  if (by != "sum" && count(shape) == 0 && count(kept) > 0) {
    EXPECT_THAT(status.message(), HasSubstr("of no elements only the sum is known"));
    return;
  }
  ASSERT_TRUE(status.ok()) << status.message();
  const Tensor& y = op["y"];
  ASSERT_EQ(y.dtype(), type_of(by, type));
  ASSERT_EQ(y.shape(), result);
  ASSERT_EQ(op.promised()[0].text(), Type::exactly(y.dtype(), result).text());
  for (size_t i = 0; i < groups.size(); ++i) {
    expect_near(y.dtype(), number(y, i), naive(by, groups[i]), real(y.dtype()) ? 2 : 0);
  }
}

TEST(Reduce, AgreesWithALoop) {
  for (DType type : kNumberTypes) {
    for (const Shape& shape : kShapes) {
      for (unsigned axes = 0; axes < 1u << shape.rank(); ++axes) {
        for (const char* by : kBy) check(type, shape, by, axes, axes % 2 == 0);
      }
    }
  }
  for (const char* by : kBy) check(DType::kFp32, {30, 20, 10}, by, 5, false);
}

TEST(Reduce, AllAxesAndScalars) {
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}}) {
    for (bool keep : {false, true}) {
      const Tensor x = any_numbers(DType::kInt32, shape, 1);
      OpFixture op("tensor.reduce");
      op.param("by", "max").param("keep", keep).input("x", x);
      ASSERT_TRUE(op.run().ok());
      EXPECT_EQ(op["y"].shape().rank(), keep ? shape.rank() : 0);
      EXPECT_EQ(number(op["y"], 0), naive("max", list(x)));
    }
  }
}

TEST(Reduce, NaNSpoilsItsOwn) {
  const Number nan = std::nanl(""), infinity = std::numeric_limits<Number>::infinity();
  for (DType type : kReals) {
    for (const char* by : kBy) {
      const Tensor x = numbers(type, {4, 3}, {1, nan, 2, nan, 1, 2, 1, 2, nan, 1, infinity, 2});
      OpFixture op("tensor.reduce");
      op.param("by", by).param("axes", std::vector<double>{1}).input("x", x);
      ASSERT_TRUE(op.run().ok());
      for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(number(op["y"], i))) << by << i;
      EXPECT_EQ(number(op["y"], 3), by == kBy[2] ? 1 : infinity);
    }
  }
}

TEST(Reduce, SumsOfWholeNumbersAreExactOrRefused) {
  const auto run = [](DType type, std::vector<Number> values) {
    OpFixture op("tensor.reduce");
    const Shape shape{static_cast<int64_t>(values.size())};
    op.param("by", "sum").input("x", numbers(type, shape, values));
    Status status = op.run();
    return status.ok() ? cat(op["y"].values<int64_t>()[0]) : status.message();
  };
  const Number most = static_cast<Number>(INT64_MAX), least = static_cast<Number>(INT64_MIN);
  EXPECT_EQ(run(DType::kInt64, {most, -1, 1}), "9223372036854775807");
  EXPECT_EQ(run(DType::kInt64, {most, 1, -1}), "9223372036854775807");
  EXPECT_EQ(run(DType::kInt64, {least, 1, -1}), "-9223372036854775808");
  EXPECT_THAT(run(DType::kInt64, {most, 1}), HasSubstr("more than an INT64 holds"));
  EXPECT_THAT(run(DType::kInt64, {least, -1}), HasSubstr("more than an INT64 holds"));
  EXPECT_THAT(run(DType::kUint64, {most + 1}), HasSubstr("more than an INT64 holds"));
  EXPECT_EQ(run(DType::kBool, {1, 0, 1}), "2");
}

TEST(Reduce, Refusals) {
  OpFixture op("tensor.reduce");
  op.param("by", "sum").param("axes", std::vector<double>{2});
  op.input("x", any_numbers(DType::kFp32, {2, 3}, 1));
  EXPECT_THAT(op.make().message(), HasSubstr("axis is 2, but x has 2 dimensions"));
  OpFixture twice("tensor.reduce");
  twice.param("by", "sum").param("axes", std::vector<double>{0, -2});
  twice.input("x", any_numbers(DType::kFp32, {2, 3}, 1));
  EXPECT_THAT(twice.make().message(), HasSubstr("axis -2 is there twice"));
  // Without an element, x costs nothing; its sum would.
  OpFixture huge("tensor.reduce");
  const int64_t large = int64_t{1} << 40;
  huge.param("by", "sum").param("axes", std::vector<double>{0});
  huge.input("x", any_numbers(DType::kUint8, {0, large, large}, 1));
  EXPECT_EQ(huge.run().code(), Code::kTooLarge);
}

}  // namespace
}  // namespace leat
