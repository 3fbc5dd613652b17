#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "memory/testing/op_fixture.h"
#include "ops/detect/testing/tensors.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Two classes, the first the background, as face detectors have them.
OpFixture faces() {
  OpFixture op("detect.ssd");
  op.input("scores", tensor({0.25f, 0.75f, 1, 0, 0.125f, 0.875f, 0.25f, 0.75f}, {4, 2}));
  op.input("boxes", tensor({0.5f, 0.25f, 0.75f, 0.5f,       //
                            0, 0, 1, 1,                     // background
                            -0.25f, 0.5f, 0.25f, 1.5f,      // reaches beyond the picture
                            0.5f, 0.25f, 0.75f, 0.46875f},  // nearly the first
                           {4, 4}));
  return op;
}

TEST(Ssd, FractionsOfAStretchedPicture) {
  OpFixture op = faces();
  // A picture of 800 x 400 stretched to 320 x 240.
  op.input("transform", tensor({2.5f, 400 / 240.0f, 0, 0, 800, 400}, {6}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(floats(op["boxes"]), ElementsAre(0, 200, 200, 400, 400, 100, 600, 200));
  EXPECT_THAT(floats(op["scores"]), ElementsAre(0.875f, 0.75f));
  EXPECT_THAT(integers(op["classes"]), ElementsAre(1, 1));
  EXPECT_FALSE(op["labels"]);
}

TEST(Ssd, FractionsOfALetterboxedPicture) {
  OpFixture op = faces();
  op.param("width", int64_t{320}).param("height", int64_t{240});
  // 800 x 400 in 320 x 240: scaled by 0.4 to 320 x 160, with 40 rows above.
  op.input("transform", tensor({2.5f, 2.5f, 0, -100, 800, 400}, {6}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(floats(op["boxes"]), ElementsAre(0, 200, 200, 400, 400, 50, 600, 200));
}

TEST(Ssd, ALetterboxedPictureNeedsTheSize) {
  OpFixture op = faces();
  op.input("transform", tensor({2.5f, 2.5f, 0, -100, 800, 400}, {6}));
  EXPECT_THAT(op.run().message(), HasSubstr("the picture begins at 0, -100"));
}

TEST(Ssd, WithoutTransform) {
  OpFixture op = faces();
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(floats(op["boxes"]), ElementsAre(0, 0.5f, 0.25f, 1, 0.5f, 0.25f, 0.75f, 0.5f));
  OpFixture sized = faces();
  sized.param("width", int64_t{320}).param("height", int64_t{240});
  ASSERT_TRUE(sized.run().ok());
  EXPECT_THAT(floats(sized["boxes"]), ElementsAre(0, 120, 80, 240, 160, 60, 240, 120));
}

TEST(Ssd, PixelsAndCenters) {
  OpFixture op("detect.ssd");
  op.param("units", std::string("pixels")).param("box_format", std::string("center"));
  op.param("background", int64_t{-1}).param("score", 0.5);
  op.input("scores", tensor({0.5f, 0.75f, 0}, {1, 3}));  // counts for two classes
  op.input("boxes", tensor({20, 30, 8, 4}, {1, 4}));
  op.input("transform", tensor({2, 3, 1, -1, 100, 91}, {6}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(floats(op["boxes"]), ElementsAre(33, 83, 49, 91, 33, 83, 49, 91));
  EXPECT_THAT(integers(op["classes"]), ElementsAre(1, 0));

  OpFixture agnostic("detect.ssd");
  agnostic.param("background", int64_t{-1}).param("score", 0.5).param("class_agnostic", true);
  agnostic.input("scores", tensor({0.5f, 0.75f, 0}, {1, 3}));
  agnostic.input("boxes", tensor({0, 0, 1, 1}, {1, 4}));
  ASSERT_TRUE(agnostic.run().ok());
  EXPECT_THAT(integers(agnostic["classes"]), ElementsAre(1));
}

TEST(Ssd, NumbersThatAreNoneGiveNoBox) {
  OpFixture op("detect.ssd");
  op.input("scores", tensor({0, 1, 0, 1, 0, 1, 0, kNan, 0, kInfinity, 0, 1}, {6, 2}));
  op.input("boxes", tensor({0,    0, kNan,      1,   //
                            0,    0, kInfinity, 1,   //
                            1,    0, 0,         1,   // swapped
                            0,    0, 1,         1,   // score is NaN
                            0,    0, 1,         1,   // score is not finite
                            0.5f, 0, 0.5f,      1},  // of no width
                           {6, 4}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["boxes"].shape(), (Shape{0, 4}));
  EXPECT_EQ(op["scores"].shape(), Shape{0});
  EXPECT_EQ(op["classes"].shape(), Shape{0});
}

TEST(Ssd, Refusals) {
  OpFixture op = faces();
  op.param("background", int64_t{2});
  EXPECT_THAT(op.run().message(), HasSubstr("2 classes, but background is 2"));
  OpFixture half = faces();
  half.param("width", int64_t{320});
  EXPECT_THAT(half.run().message(), HasSubstr("width is 320 and height is 0"));
  OpFixture uneven = faces();
  uneven.input("boxes", tensor({0, 0, 1, 1}, {1, 4}));
  EXPECT_FALSE(uneven.run().ok());
}

}  // namespace
}  // namespace leat
