#include <gmock/gmock.h>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

TEST(Take, AgreesWithALoop) {
  for (DType type : {DType::kBool, DType::kFp16, DType::kInt32, DType::kFp64, DType::kBytes}) {
    for (const Shape& shape : kShapes) {
      const Tensor x = any_values(type, shape, 1);
      for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
        const int along = axis < 0 ? axis + shape.rank() : axis;
        const int64_t size = shape[along];
        for (const Shape& of : {Shape{}, Shape{4}, Shape{0}, Shape{2, 3}}) {
          if (size == 0 && of.elements() > 0) continue;
          std::vector<Number> places;
          for (int64_t i = 0; i < of.elements(); ++i) places.push_back((i * 3) % (2 * size) - size);
          for (DType index_type : {DType::kInt32, DType::kInt64}) {
            OpFixture op("tensor.take");
            op.param("axis", int64_t{axis}).input("x", x);
            op.input("indices", numbers(index_type, of, places));
            Status status = op.run();
            ASSERT_TRUE(status.ok()) << status.message();
            std::vector<int64_t> dims(shape.dims().begin(), shape.dims().end());
            dims.erase(dims.begin() + along);
            dims.insert(dims.begin() + along, of.dims().begin(), of.dims().end());
            const Tensor& y = op["y"];
            ASSERT_EQ(y.shape(), Shape(dims));
            ASSERT_EQ(op.promised()[0].shape(), Shape(dims));
            for (size_t i = 0; i < count(y.shape()); ++i) {
              Place at = place(y.shape(), i);
              const auto begin = at.begin() + along;
              const Place in_indices(begin, begin + of.rank());
              auto taken = static_cast<int64_t>(places[index(of, in_indices)]);
              if (taken < 0) taken += size;
              at.erase(begin, begin + of.rank());
              at.insert(at.begin() + along, taken);
              ASSERT_TRUE(same_element(x, index(shape, at), y, i)) << shape.text() << of.text();
            }
          }
        }
      }
    }
  }
}

TEST(Take, Refusals) {
  const auto message = [](const Shape& shape, std::vector<int64_t> indices) {
    OpFixture op("tensor.take");
    op.input("x", any_numbers(DType::kFp32, shape, 1));
    op.input("indices", *Tensor::of(std::span<const int64_t>(indices),
                                    Shape{static_cast<int64_t>(indices.size())}));
    return op.run().message();
  };
  EXPECT_EQ(message({3, 2}, {-3, 2}), "");
  EXPECT_THAT(message({3, 2}, {0, 3}), HasSubstr("indices: number 1 is 3; -3 to 2 are allowed"));
  EXPECT_THAT(message({3, 2}, {-4}), HasSubstr("indices: number 0 is -4; -3 to 2 are allowed"));
  EXPECT_THAT(message({3, 2}, {INT64_MIN}), HasSubstr("is -9223372036854775808"));
  EXPECT_THAT(message({0, 2}, {0}), HasSubstr("there is nothing to take from"));
  OpFixture deep("tensor.take");
  deep.input("x", any_numbers(DType::kFp32, {1, 1, 1, 1, 1}, 1));
  deep.input("indices", any_numbers(DType::kInt32, {1, 1, 1, 1, 1}, 1));
  EXPECT_THAT(deep.make().message(), HasSubstr("x has 5 dimensions and indices 5"));
}

}  // namespace
}  // namespace leat
