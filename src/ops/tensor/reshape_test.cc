#include <gmock/gmock.h>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

TEST(Reshape, IsAView) {
  const struct {
    Shape from;
    std::vector<double> shape;
    Shape to;
  } kCases[] = {{{6}, {2, 3}, {2, 3}},
                {{2, 3}, {-1}, {6}},
                {{2, 3, 4}, {4, -1, 2}, {4, 3, 2}},
                {{2, 3, 3}, {3, 2, 3}, {3, 2, 3}},
                {{1}, {}, {}},
                {{}, {1, 1}, {1, 1}},
                {{}, {-1}, {1}},
                {{0, 3}, {3, 0, 5}, {3, 0, 5}},
                {{0, 3}, {-1, 7}, {0, 7}},
                {{8}, {1, 1, 1, 2, 2, 2, 1, 1}, {1, 1, 1, 2, 2, 2, 1, 1}}};
  for (const auto& [from, shape, to] : kCases) {
    for (DType type : {DType::kUint8, DType::kFp16, DType::kFp64, DType::kBytes}) {
      SCOPED_TRACE(cat(dtype_name(type), from.text(), " to ", to.text()));
      const Tensor x = any_values(type, from, 1);
      OpFixture op("tensor.reshape");
      op.param("shape", shape).input("x", x);
      Status status = op.run();
      ASSERT_TRUE(status.ok()) << status.message();
      const Tensor& y = op["y"];
      ASSERT_EQ(y.shape(), to);
      EXPECT_EQ(op.promised()[0].shape(), to);
      for (size_t i = 0; i < count(to); ++i) EXPECT_TRUE(same_element(x, i, y, i));
      // A text and a table of one are not the same memory.
      if (type != DType::kBytes || (from.rank() > 0) == (to.rank() > 0)) {
        EXPECT_EQ(y.data(), x.data());
      }
    }
  }
}

TEST(Reshape, APictureIsNoneAnyMore) {
  Tensor picture = any_numbers(DType::kUint8, {2, 3, 3}, 1);
  picture.set_full_size({30, 20});
  OpFixture op("tensor.reshape");
  op.param("shape", std::vector<double>{3, 2, 3}).input("x", picture);
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["y"].full_size().width, 2);
  EXPECT_EQ(op["y"].full_size().height, 3);
}

TEST(Reshape, ALargeSideIsNoPictures) {
  const int64_t large = (int64_t{1} << 24) + 1;
  Tensor x = *Tensor::allocate(DType::kUint8, {large});
  std::memset(x.mutable_data(), 7, x.byte_size());
  OpFixture op("tensor.reshape");
  op.param("shape", std::vector<double>{1, -1, 1}).input("x", x);
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["y"].shape(), (Shape{1, large, 1}));
}

TEST(Reshape, Refusals) {
  const struct {
    std::vector<double> shape;
    const char* message;
  } kCases[] = {
      {{4}, "x has the shape [2,3], 6 elements, which [4] cannot hold"},
      {{4, -1}, "x has the shape [2,3], 6 elements, which [4,-1] cannot hold"},
      {{0, -1}, "which [0,-1] does not say what to make of"},
      {{-1, -1}, "shape has more than one -1"},
      {{1.5}, "shape: 1.5 found, whole numbers wanted"},
      {{-2}, "-2 found, "},
      {{1, 1, 1, 1, 1, 1, 1, 1, 6}, "shape has 9 dimensions; up to 8 are allowed"},
      {{0x1p40, 0x1p40}, "shape [1099511627776,1099511627776] is too large"},
  };
  for (const auto& [shape, message] : kCases) {
    const Tensor x = any_numbers(DType::kFp32, {2, 3}, 1);
    OpFixture op("tensor.reshape");
    op.param("shape", shape).input("x", x);
    EXPECT_THAT(op.make().message(), HasSubstr(message));  // at load
  }
  // What is not known at load is refused at run time.
  OpFixture op("tensor.reshape");
  op.param("shape", std::vector<double>{2, -1}).input("x", any_numbers(DType::kFp32, {4}, 1));
  ASSERT_TRUE(op.run().ok());
  op.input("x", any_numbers(DType::kFp32, {5}, 1));
  EXPECT_THAT(op.run().message(), HasSubstr("5 elements, which [2,-1] cannot hold"));
}

TEST(Reshape, NothingOfNoElementsIsLeftOpen) {
  OpFixture op("tensor.reshape");
  op.param("shape", std::vector<double>{0, -1}).input("x", any_numbers(DType::kFp32, {0}, 1));
  EXPECT_EQ(op.run().code(), Code::kBadInput);
}

}  // namespace
}  // namespace leat
