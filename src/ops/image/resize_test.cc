#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/testing/op_fixture.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

struct Sized {
  int64_t width, height;  // 0: not set
  const char* fit;
  ImageSize becomes;  // of a picture of 40 x 30
  ImageSize need;     // 0: anything
  Fit need_fit;
};

const Sized kSized[] = {
    {20, 0, "stretch", {20, 15}, {20, 0}, Fit::kLetterbox},
    {0, 20, "stretch", {27, 20}, {0, 20}, Fit::kLetterbox},
    {10, 20, "stretch", {10, 20}, {10, 20}, Fit::kStretch},
    {20, 20, "inside", {20, 15}, {20, 20}, Fit::kLetterbox},
    {80, 30, "inside", {40, 30}, {80, 30}, Fit::kLetterbox},
    {1, 0, "stretch", {1, 1}, {1, 0}, Fit::kLetterbox},
};

TEST(Resize, ScalesThePicture) {
  const auto pixels = pattern(40, 30);
  for (const Sized& c : kSized) {
    for (const auto& [name, filter] : {std::pair{"bilinear", Filter::kBilinear},
                                       {"area", Filter::kArea},
                                       {"nearest", Filter::kNearest},
                                       {"bicubic", Filter::kBicubic},
                                       {"lanczos", Filter::kLanczos}}) {
      SCOPED_TRACE(testing::Message() << c.width << " " << c.height << " " << c.fit << " " << name);
      OpFixture op("image.resize");
      if (c.width) op.param("width", c.width);
      if (c.height) op.param("height", c.height);
      op.param("fit", c.fit).param("filter", name).input("image", image(pixels, 40, 30));
      const Status status = op.run();
      ASSERT_TRUE(status.ok()) << status.message();
      const Tensor& out = op["image"];
      ASSERT_EQ(out.shape(), Shape({c.becomes.height, c.becomes.width, 3}));
      EXPECT_EQ(out.full_size().width, 40);
      EXPECT_EQ(out.full_size().height, 30);
      const auto exact = resampled(pixels, {40, 30}, c.becomes, filter);
      for (size_t i = 0; i < exact.size(); ++i) {
        ASSERT_EQ(out.values<uint8_t>()[i], exact[i]) << i;
      }
      const auto need = op.op().need(0);
      ASSERT_EQ(need.has_value(), filter != Filter::kNearest);
      if (!need) continue;
      EXPECT_EQ(need->fit, c.need_fit);
      EXPECT_TRUE(c.need.width == 0 || need->width == c.need.width);
      EXPECT_TRUE(c.need.height == 0 || need->height == c.need.height);
      EXPECT_NEAR(need->scale_for(40, 30),
                  std::min(1.0, std::max(c.becomes.width / 40.0, c.becomes.height / 30.0)), 0.03);
    }
  }
}

TEST(Resize, KeepsTheFullSize) {
  Tensor half = image(pattern(20, 15), 20, 15);
  half.set_full_size({40, 31});
  OpFixture op("image.resize");
  ASSERT_TRUE(op.param("width", int64_t{10}).input("image", half).run().ok());
  EXPECT_EQ(op["image"].shape(), Shape({8, 10, 3}));  // 31 * 10 / 40 = 7.75
  EXPECT_EQ(op["image"].full_size().width, 40);
  EXPECT_EQ(op["image"].full_size().height, 31);
}

TEST(Resize, RefusesWhatIsNotASize) {
  OpFixture none("image.resize");
  EXPECT_THAT(none.make().message(), testing::HasSubstr("neither width nor height is set"));
  OpFixture inside("image.resize");
  inside.param("width", int64_t{5}).param("fit", "inside");
  EXPECT_THAT(inside.make().message(), testing::HasSubstr("height is not set"));
  OpFixture huge("image.resize");
  huge.param("height", int64_t{100}).input("image", image(pattern(1000, 1), 1000, 1));
  const Status status = huge.run();
  EXPECT_EQ(status.code(), Code::kBadInput);
  EXPECT_THAT(status.message(), testing::HasSubstr("would become 100000 x 100"));
}

}  // namespace
}  // namespace leat
