#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/half.h"
#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T as(float value) {
  return static_cast<T>(value);
}
template <>
uint16_t as<uint16_t>(float value) {
  return float_to_half(value);
}
long double wide(float value) { return value; }
long double wide(double value) { return value; }
long double wide(uint16_t value) { return half_to_float(value); }

Tensor make(const Shape& shape, DType type) { return *Tensor::allocate(type, shape); }

// Every number of `y` against exp(x) / sum(exp(x)) in long doubles, by index arithmetic.
template <typename T>
void check(const Shape& shape, int axis, DType type, long double tolerance, uint32_t seed,
           float spread) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> any(-spread, spread);
  Tensor x = make(shape, type);
  for (T& value : x.mutable_values<T>()) value = as<T>(any(random));
  OpFixture op("tensor.softmax");
  op.param("axis", int64_t{axis}).input("x", x);
  ASSERT_TRUE(op.run().ok());
  ASSERT_EQ(op["y"].shape(), shape);
  ASSERT_EQ(op["y"].dtype(), type);
  size_t inner = 1;
  int from = axis < 0 ? axis + shape.rank() : axis;
  for (int i = from + 1; i < shape.rank(); ++i) inner *= static_cast<size_t>(shape[i]);
  auto count = static_cast<size_t>(shape[from]);
  auto in = x.values<T>();
  for (size_t i = 0; i < in.size(); ++i) {
    size_t first = i - i / inner % count * inner;
    long double most = -INFINITY, sum = 0;
    for (size_t j = 0; j < count; ++j) most = std::max(most, wide(in[first + j * inner]));
    for (size_t j = 0; j < count; ++j) sum += std::exp(wide(in[first + j * inner]) - most);
    long double expected = std::exp(wide(in[i]) - most) / sum;
    ASSERT_NEAR(wide(op["y"].values<T>()[i]), expected, tolerance * (expected + 1e-3L))
        << shape.text() << " axis " << axis << " at " << i;
  }
}

TEST(Softmax, AgreesWithLongDoubles) {
  const Shape shapes[] = {{1},
                          {7},
                          {8},
                          {1000},
                          {3, 5},
                          {2, 17, 1},
                          {4, 3, 2},
                          {2, 3, 33},
                          {5, 1, 4},
                          {1, 16, 16},
                          {2, 2, 2, 2, 2, 2, 2, 2}};
  uint32_t seed = 1;
  for (const Shape& shape : shapes) {
    for (int axis = -shape.rank(); axis < shape.rank(); ++axis, ++seed) {
      for (float spread : {1.0f, 50.0f}) {
        check<float>(shape, axis, DType::kFp32, 2e-6L, seed, spread);
        check<double>(shape, axis, DType::kFp64, 1e-13L, seed, spread);
        check<uint16_t>(shape, axis, DType::kFp16, 1e-3L, seed, spread);
      }
    }
  }
}

template <typename T>
std::vector<T> softmax_of(std::vector<T> x, const Shape& shape, int64_t axis) {
  OpFixture op("tensor.softmax");
  op.param("axis", axis).input("x", *Tensor::of(std::span<const T>(x), shape));
  EXPECT_TRUE(op.run().ok());
  auto y = op["y"].template values<T>();
  return {y.begin(), y.end()};
}

TEST(Softmax, ExtremesAreStable) {
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(softmax_of<float>({1e30f, 1e30f}, {2}, 0), ElementsAre(0.5f, 0.5f));
  EXPECT_THAT(softmax_of<float>({-1e30f, -1e30f}, {2}, 0), ElementsAre(0.5f, 0.5f));
  EXPECT_THAT(softmax_of<float>({kMost, -kMost, 0}, {3}, 0), ElementsAre(1, 0, 0));
  EXPECT_THAT(softmax_of<float>({-kInfinity, 3}, {2}, 0), ElementsAre(0, 1));
  EXPECT_THAT(softmax_of<double>({1e300, -1e300}, {2}, 0), ElementsAre(1, 0));
  EXPECT_THAT(softmax_of<double>({5}, {1}, 0), ElementsAre(1));
}

TEST(Softmax, NaNAndInfinitySpoilTheirRowAlone) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr int kCount = 19, kRows = 21;
  for (float bad : {kNan, kInfinity}) {
    for (int at = 0; at < kCount; ++at) {
      for (int64_t axis : {0, 1}) {
        Shape shape = axis == 1 ? Shape{kRows, kCount} : Shape{kCount, kRows};
        size_t step = axis == 1 ? 1 : kRows, row = axis == 1 ? kCount : 1;
        std::vector<float> x(kRows * kCount, 1.0f);
        x[3 * row + static_cast<size_t>(at) * step] = bad;
        std::vector<float> y = softmax_of(x, shape, axis);
        for (size_t r = 0; r < kRows; ++r) {
          for (size_t i = 0; i < kCount; ++i) {
            float value = y[r * row + i * step];
            if (r == 3) {
              ASSERT_TRUE(std::isnan(value)) << at << " " << axis << " " << i;
            } else {
              ASSERT_NEAR(value, 1.0 / kCount, 1e-7);
            }
          }
        }
      }
    }
  }
  EXPECT_TRUE(std::isnan(softmax_of<float>({-kInfinity, -kInfinity}, {2}, 0)[0]));
  EXPECT_TRUE(std::isnan(softmax_of<float>({-kInfinity, 1, -kInfinity, 1}, {2, 2}, 0)[0]));
}

TEST(Softmax, EmptyAndRefused) {
  EXPECT_TRUE(softmax_of<float>({}, {0, 3}, 1).empty());
  EXPECT_TRUE(softmax_of<float>({}, {3, 0}, 1).empty());
  EXPECT_TRUE(softmax_of<float>({}, {0, 3}, 0).empty());
  OpFixture op("tensor.softmax");
  op.param("axis", int64_t{2}).input("x", make({2, 2}, DType::kFp32));
  EXPECT_THAT(op.run().message(), HasSubstr("axis is 2, but x has 2 dimensions; -2 to 1"));
  OpFixture integers("tensor.softmax");
  integers.input("x", make({2}, DType::kInt32));
  EXPECT_EQ(integers.run().code(), Code::kBadInput);
}

}  // namespace
}  // namespace leat
