#include <gmock/gmock.h>

#include <limits>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

Number cosine(const Tensor& a, size_t i, const Tensor& b, size_t j, size_t size) {
  Number product = 0, of_a = 0, of_b = 0;
  for (size_t k = 0; k < size; ++k) {
    const Number x = number(a, i * size + k), y = number(b, j * size + k);
    product += x * y;
    of_a += x * x;
    of_b += y * y;
  }
  return of_a == 0 || of_b == 0 ? 0 : product / std::sqrt(of_a) / std::sqrt(of_b);
}

TEST(CosineSimilarity, AgreesWithLongDoubles) {
  for (DType type_a : kReals) {
    for (DType type_b : {type_a, DType::kFp32}) {
      for (int64_t size : {1, 3, 64}) {
        for (int64_t n : {-1, 0, 1, 5}) {  // -1: a vector
          for (int64_t m : {-1, 0, 1, 4}) {
            const auto shape = [size](int64_t rows) {
              return rows < 0 ? Shape{size} : Shape{rows, size};
            };
            const Tensor a = any_numbers(type_a, shape(n), 1), b = any_numbers(type_b, shape(m), 2);
            OpFixture op("tensor.cosine_similarity");
            op.input("a", a).input("b", b);
            ASSERT_TRUE(op.run().ok());
            Shape result;
            for (int64_t rows : {n, m}) {
              if (rows >= 0) result = result.with(result.rank(), rows);
            }
            ASSERT_EQ(op["similarity"].shape(), result);
            ASSERT_EQ(op.promised()[0].shape(), result);
            const auto columns = static_cast<size_t>(std::abs(m));
            for (size_t i = 0; i < count(result); ++i) {
              const Number expected =
                  cosine(a, i / columns, b, i % columns, static_cast<size_t>(size));
              ASSERT_NEAR(number(op["similarity"], i), expected, 1e-7L);
            }
          }
        }
      }
    }
  }
}

Number of_two(DType type, std::vector<Number> a, std::vector<Number> b) {
  OpFixture op("tensor.cosine_similarity");
  op.input("a", numbers(type, {static_cast<int64_t>(a.size())}, a));
  op.input("b", numbers(type, {static_cast<int64_t>(b.size())}, b));
  EXPECT_TRUE(op.run().ok());
  return number(op["similarity"], 0);
}

TEST(CosineSimilarity, Extremes) {
  const Number nan = std::nanl(""), infinity = std::numeric_limits<Number>::infinity();
  EXPECT_EQ(of_two(DType::kFp32, {1, 2, 3}, {2, 4, 6}), 1);
  EXPECT_EQ(of_two(DType::kFp64, {1e300L, 1e300L}, {-1e-300L, -1e-300L}), -1);
  EXPECT_EQ(of_two(DType::kFp32, {0, 0}, {1, 2}), 0);
  EXPECT_EQ(of_two(DType::kFp32, {}, {}), 0);
  EXPECT_TRUE(std::isnan(of_two(DType::kFp16, {nan, 1}, {1, 2})));
  EXPECT_TRUE(std::isnan(of_two(DType::kFp16, {nan, nan}, {1, 2})));
  EXPECT_TRUE(std::isnan(of_two(DType::kFp16, {infinity, 1}, {1, 2})));
}

TEST(CosineSimilarity, Refusals) {
  OpFixture op("tensor.cosine_similarity");
  op.input("a", any_numbers(DType::kFp32, {2, 3}, 1)).input("b", any_numbers(DType::kFp32, {4}, 1));
  EXPECT_THAT(op.make().message(), HasSubstr("vectors of a have 3 numbers, and those of b 4"));
  OpFixture deep("tensor.cosine_similarity");
  deep.input("a", any_numbers(DType::kFp32, {3}, 1));
  deep.input("b", any_numbers(DType::kFp32, {1, 2, 3}, 1));
  EXPECT_THAT(deep.make().message(), HasSubstr("b is FP32[1,2,3]; a vector or a matrix"));
}

}  // namespace
}  // namespace leat
