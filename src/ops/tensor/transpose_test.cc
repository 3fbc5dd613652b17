#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

void check(const Tensor& x, const std::vector<int64_t>& axes, bool by_name, bool negative) {
  std::vector<double> given;
  for (int64_t axis : axes) given.push_back(double(negative ? axis - x.shape().rank() : axis));
  OpFixture op("tensor.transpose");
  op.input("x", x);
  if (by_name) op.param("axes", given);
  Status status = op.run();
  ASSERT_TRUE(status.ok()) << status.message();
  const Tensor& y = op["y"];
  ASSERT_EQ(y.dtype(), x.dtype());
  ASSERT_EQ(y.shape().rank(), x.shape().rank());
  for (int i = 0; i < x.shape().rank(); ++i) {
    ASSERT_EQ(y.shape()[i], x.shape()[static_cast<int>(axes[static_cast<size_t>(i)])]);
  }
  ASSERT_EQ(op.promised()[0].shape(), y.shape());
  for (size_t i = 0; i < count(y.shape()); ++i) {
    const Place to = place(y.shape(), i);
    Place from(to.size());
    for (size_t k = 0; k < to.size(); ++k) from[static_cast<size_t>(axes[k])] = to[k];
    ASSERT_TRUE(same_element(x, index(x.shape(), from), y, i)) << x.shape().text() << " at " << i;
  }
}

TEST(Transpose, EveryOrderOfEveryShape) {
  for (DType type : {DType::kBool, DType::kInt16, DType::kFp32, DType::kInt64, DType::kBytes}) {
    for (const Shape& shape : kShapes) {
      std::vector<int64_t> axes(static_cast<size_t>(shape.rank()));
      std::iota(axes.begin(), axes.end(), 0);
      bool negative = false;
      do {
        check(any_values(type, shape, 1), axes, true, negative = !negative);
      } while (shape.rank() < 5 && std::ranges::next_permutation(axes).found);
    }
  }
}

TEST(Transpose, AllAxesTurnedRound) {
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}, Shape{2, 3, 4, 2, 1, 2, 3, 2}}) {
    std::vector<int64_t> axes(static_cast<size_t>(shape.rank()));
    std::iota(axes.rbegin(), axes.rend(), 0);
    check(any_values(DType::kFp32, shape, 1), axes, false, false);
    check(any_values(DType::kBytes, shape, 1), axes, false, false);
  }
}

TEST(Transpose, APictureToPlanesAndBack) {
  const Tensor picture = any_numbers(DType::kUint8, {50, 70, 3}, 1, 255);
  check(picture, {2, 0, 1}, true, false);
  check(any_numbers(DType::kFp32, {3, 50, 70}, 1), {1, 2, 0}, true, false);
}

TEST(Transpose, Refusals) {
  const struct {
    std::vector<double> axes;
    const char* message;
  } kCases[] = {{{0}, "axes names 1 axes, but x has 2; all are to be named"},
                {{0, 2}, "axis is 2, but x has 2 dimensions; -2 to 1 are allowed"},
                {{1, -1}, "axis -1 is there twice"},
                {{0, 0.5}, "axes: 0.5 found, whole numbers wanted"}};
  for (const auto& [axes, message] : kCases) {
    OpFixture op("tensor.transpose");
    op.param("axes", axes).input("x", any_numbers(DType::kFp32, {2, 3}, 1));
    EXPECT_THAT(op.make().message(), HasSubstr(message));
  }
}

}  // namespace
}  // namespace leat
