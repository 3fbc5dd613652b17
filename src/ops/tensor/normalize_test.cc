#include <gmock/gmock.h>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

using List = std::vector<double>;

DType type_of(DType type) { return real(type) ? type : DType::kFp32; }

TEST(NormalizeTensor, ByGivenNumbers) {
  for (DType type : kNumberTypes) {
    for (const Shape& shape : kShapes) {
      const Tensor x = any_numbers(type, shape, 3);
      for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
        const int along = axis < 0 ? axis + shape.rank() : axis;
        List each, spread;
        for (int64_t k = 0; k < shape[along]; ++k) {
          each.push_back(double(k) * 1.5 - 2);
          spread.push_back(double(k) + 0.5);
        }
        const struct {
          List mean, std;
        } kCases[] = {{each, spread}, {{3}, spread}, {each, {0.25}}, {{}, {2}}, {{-1}, {}}};
        for (const auto& [mean, std] : kCases) {
          OpFixture op("tensor.normalize");
          op.param("axis", int64_t{axis}).input("x", x);
          if (!mean.empty()) op.param("mean", mean);
          if (!std.empty()) op.param("std", std);
          Status status = op.run();
          ASSERT_TRUE(status.ok()) << status.message();
          ASSERT_EQ(op["y"].dtype(), type_of(type));
          ASSERT_EQ(op["y"].shape(), shape);
          for (size_t i = 0; i < count(shape); ++i) {
            const auto k = static_cast<size_t>(place(shape, i)[static_cast<size_t>(along)]);
            const Number m = mean.empty() ? 0 : mean[mean.size() == 1 ? 0 : k];
            const Number s = std.empty() ? 1 : std[std.size() == 1 ? 0 : k];
            expect_near(type_of(type), number(op["y"], i), (number(x, i) - m) / s, 2);
          }
        }
      }
    }
  }
}

TEST(NormalizeTensor, ByItsOwn) {
  for (DType type : kNumberTypes) {
    for (const Shape& shape : kShapes) {
      const Tensor x = any_numbers(type, shape, 3);
      for (int axis = 0; axis < shape.rank(); ++axis) {
        OpFixture op("tensor.normalize");
        op.param("axis", int64_t{axis}).input("x", x);
        ASSERT_TRUE(op.run().ok());
        ASSERT_EQ(op["y"].shape(), shape);
        for (size_t i = 0; i < count(shape); ++i) {
          Place at = place(shape, i);
          Number sum = 0, squares = 0;
          const auto n = static_cast<Number>(shape[axis]);
          for (int64_t k = 0; k < shape[axis]; ++k) {
            at[static_cast<size_t>(axis)] = k;
            const Number value = number(x, index(shape, at));
            sum += value;
            squares += value * value;
          }
          const Number variance = squares / n - sum / n * sum / n;
          const Number found = number(op["y"], i);
          if (variance < 1e-12L) {
            EXPECT_EQ(found, 0);
          } else {
            const Number expected = (number(x, i) - sum / n) / std::sqrt(variance);
            EXPECT_NEAR(found, expected, 2 * tolerance(type_of(type), expected) + 1e-13L);
          }
        }
      }
    }
  }
}

TEST(NormalizeTensor, EqualValuesBecomeZero) {
  std::vector<Number> rows;
  for (int i = 0; i < 7; ++i) rows.insert(rows.end(), {0.1L, 1e9L / 3});
  OpFixture op("tensor.normalize");
  op.param("axis", int64_t{0}).input("x", numbers(DType::kFp64, {7, 2}, rows));
  ASSERT_TRUE(op.run().ok());
  for (Number value : list(op["y"])) EXPECT_EQ(value, 0);
}

TEST(NormalizeTensor, Refusals) {
  OpFixture op("tensor.normalize");
  op.param("mean", List{1, 2}).input("x", any_numbers(DType::kFp32, {2, 3}, 1));
  EXPECT_THAT(op.make().message(), HasSubstr("mean has 2 numbers, but the axis 3 elements"));
  OpFixture empty("tensor.normalize");
  empty.param("std", List{}).input("x", any_numbers(DType::kFp32, {2, 3}, 1));
  EXPECT_THAT(empty.make().message(), HasSubstr("std: an empty list"));
  OpFixture zero("tensor.normalize");
  zero.param("std", List{0}).input("x", any_numbers(DType::kFp32, {2, 3}, 1));
  EXPECT_THAT(zero.make().message(), HasSubstr("0 found, "));
}

}  // namespace
}  // namespace leat
