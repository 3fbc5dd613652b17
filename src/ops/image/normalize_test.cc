#include <gmock/gmock.h>

#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

using List = std::vector<double>;

// Every level of every channel.
Tensor levels() {
  Tensor picture = *Tensor::allocate(DType::kUint8, {16, 16, 3});
  auto values = picture.mutable_values<uint8_t>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(i / 3 + i % 3 * 85);
  return picture;
}

TEST(NormalizeImage, EveryLevelOfEveryChannel) {
  const Tensor picture = levels();
  const struct {
    List mean, std;
  } kCases[] = {{{0}, {255}},
                {{127.5}, {127.5}},
                {{123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}},
                {{-3, 0, 1e6}, {1e-3}}};
  for (const auto& [mean, std] : kCases) {
    OpFixture op("image.normalize");
    op.param("mean", mean).param("std", std).input("image", picture);
    ASSERT_TRUE(op.run().ok());
    const Tensor& y = op["tensor"];
    ASSERT_EQ(y.dtype(), DType::kFp32);
    ASSERT_EQ(y.shape(), (Shape{16, 16, 3}));
    for (size_t i = 0; i < 16 * 16 * 3; ++i) {
      const double m = mean[mean.size() == 1 ? 0 : i % 3], s = std[std.size() == 1 ? 0 : i % 3];
      ASSERT_FLOAT_EQ(y.values<float>()[i],
                      static_cast<float>((picture.values<uint8_t>()[i] - m) / s));
    }
  }
}

TEST(NormalizeImage, WithoutNumbersTheLevelsThemselves) {
  OpFixture op("image.normalize");
  op.input("image", levels());
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["tensor"].values<float>()[4], 86);
  EXPECT_EQ(op.promised()[0].text(), "FP32[16,16,3]");
}

TEST(NormalizeImage, Refusals) {
  OpFixture two("image.normalize");
  two.param("mean", List{1, 2}).input("image", levels());
  EXPECT_THAT(two.make().message(), HasSubstr("mean has 2 numbers; 1, or 3 (R, G, B) are wanted"));
  OpFixture zero("image.normalize");
  zero.param("std", List{1, 0, 1}).input("image", levels());
  EXPECT_THAT(zero.make().message(), HasSubstr("0 found, "));
  OpFixture grey("image.normalize");
  grey.input("image", *Tensor::allocate(DType::kUint8, {4, 4, 1}));
  EXPECT_EQ(grey.run().code(), Code::kBadInput);
}

}  // namespace
}  // namespace leat
