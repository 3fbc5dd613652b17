#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/half.h"
#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int> levels(const Tensor& image) {
  auto values = image.values<uint8_t>();
  return {values.begin(), values.end()};
}

TEST(FromTensor, RoundsAndCuts) {
  OpFixture op("image.from_tensor");
  // Two pixels, channels first: red, green and blue planes.
  const std::vector<float> values{-42.f, 0.4f, 0.6f, 254.5f, 272.f, std::nanf("")};
  ASSERT_TRUE(op.input("tensor", *Tensor::of(std::span(values), Shape{3, 1, 2})).run().ok());
  EXPECT_EQ(op["image"].shape(), (Shape{1, 2, 3}));
  EXPECT_THAT(levels(op["image"]), ElementsAre(0, 1, 255, 0, 254, 0));
}

TEST(FromTensor, KnowsLayoutsChannelsAndScales) {
  const std::vector<float> values{0.f, 0.5f, 1.f, 0.25f, 0.75f, 0.125f};
  OpFixture last("image.from_tensor");
  last.param("std", std::vector<double>{255}).param("channels", "BGR").param("layout", "NHWC");
  ASSERT_TRUE(last.input("tensor", *Tensor::of(std::span(values), Shape{1, 2, 3})).run().ok());
  EXPECT_THAT(levels(last["image"]), ElementsAre(255, 128, 0, 32, 191, 64));

  OpFixture first("image.from_tensor");
  first.param("layout", "NCHW").param("channels", "BGR");
  first.param("std", std::vector<double>{10, 20, 40}).param("mean", std::vector<double>{1, 2, 3});
  ASSERT_TRUE(first.input("tensor", *Tensor::of(std::span(values), Shape{3, 1, 2})).run().ok());
  EXPECT_THAT(levels(first["image"]), ElementsAre(33, 22, 1, 8, 7, 6));

  const std::vector<uint16_t> halves{float_to_half(7), float_to_half(300)};
  Tensor grey = *Tensor::allocate(DType::kFp16, Shape{1, 1, 2});
  std::ranges::copy(halves, grey.mutable_values<uint16_t>().begin());
  OpFixture one("image.from_tensor");
  ASSERT_TRUE(one.input("tensor", grey).run().ok());
  EXPECT_THAT(levels(one["image"]), ElementsAre(7, 7, 7, 255, 255, 255));
}

TEST(FromTensor, RefusesWhatIsNoPicture) {
  for (const Shape& shape : {Shape{2, 4, 4}, Shape{3, 0, 4}, Shape{4, 4, 4}}) {
    OpFixture op("image.from_tensor");
    const Status status = op.input("tensor", *Tensor::allocate(DType::kUint8, shape)).run();
    EXPECT_EQ(status.code(), Code::kBadInput);
    EXPECT_THAT(status.message(), HasSubstr("is no picture"));
  }
  OpFixture op("image.from_tensor");
  op.param("mean", std::vector<double>{1, 2});
  EXPECT_THAT(op.make().message(), HasSubstr("mean has 2 numbers; allowed: 1 or 3"));
}

}  // namespace
}  // namespace leat
