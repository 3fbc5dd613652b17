#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "memory/testing/op_fixture.h"
#include "ops/detect/testing/tensors.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int> bytes(const Tensor& tensor) {
  auto values = tensor.values<uint8_t>();
  return {values.begin(), values.end()};
}

TEST(Segmentation, MapsOfBothLayouts) {
  // Classes 0 2 / 1 1, the last a draw with 2.
  const std::vector<float> planes = {5, 0, 0, 0, 1, 1, 3, 4, 2, 2, 2, 4};
  const std::vector<float> pixels = {5, 1, 2, 0, 1, 2, 0, 3, 2, 0, 4, 4};
  for (bool planar : {true, false}) {
    OpFixture op("detect.segmentation");
    if (!planar) op.param("layout", "NHWC");
    op.input("scores", planar ? tensor(planes, {3, 2, 2}) : tensor(pixels, {2, 2, 3}));
    ASSERT_TRUE(op.run().ok());
    ASSERT_EQ(op["mask"].shape(), (Shape{2, 2}));
    EXPECT_THAT(bytes(op["mask"]), ElementsAre(0, 2, 1, 1));
    EXPECT_THAT(floats(op["shares"]), ElementsAre(0.25f, 0.5f, 0.25f));
  }
  OpFixture one("detect.segmentation");
  one.param("class", int64_t{1}).input("scores", tensor(planes, {3, 2, 2}));
  ASSERT_TRUE(one.run().ok());
  EXPECT_THAT(bytes(one["mask"]), ElementsAre(0, 0, 255, 255));
}

TEST(Segmentation, OfTheOriginal) {
  const Tensor scores = tensor({1, 0, 0, 0, 0, 1, 1, 1}, {2, 2, 2});  // class 0 in the first cell
  // Stretched to 4 x 4 pixels of the input from 3 x 5; letterboxed; and the middle of a wide one.
  OpFixture op("detect.segmentation");
  op.param("stride", 2.0).input("scores", scores);
  op.input("transform", transform({0.75f, 1.25f, 0, 0, 3, 5}));
  ASSERT_TRUE(op.run().ok());
  ASSERT_EQ(op["mask"].shape(), (Shape{5, 3}));
  EXPECT_THAT(bytes(op["mask"]), ElementsAre(0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1));
  EXPECT_EQ(floats(op["shares"])[1], static_cast<float>(13.0 / 15));
  op.input("transform", transform({1, 1, 2, 0, 8, 2}));
  ASSERT_TRUE(op.run().ok());
  ASSERT_EQ(op["mask"].shape(), (Shape{2, 8}));
  EXPECT_THAT(bytes(op["mask"]), ElementsAre(0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0));
  EXPECT_THAT(floats(op["shares"]), ElementsAre(0.25f, 0.25f));
  // What was not seen is not of class 0 either.
  OpFixture background("detect.segmentation");
  background.param("stride", 2.0).param("class", int64_t{0}).input("scores", scores);
  background.input("transform", transform({1, 1, 2, 0, 8, 2}));
  ASSERT_TRUE(background.run().ok());
  EXPECT_THAT(bytes(background["mask"]),
              ElementsAre(0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0));
}

TEST(Segmentation, RandomTransforms) {
  std::mt19937 random(41);
  std::uniform_real_distribution<float> part(0, 1);
  for (int round = 0; round < 40; ++round) {
    const int64_t classes = 2 + round % 4, height = 1 + round % 7, width = 1 + round % 9;
    std::vector<float> scores(static_cast<size_t>(classes * height * width));
    for (float& score : scores) score = part(random);
    const float sx = 0.1f + 3 * part(random), sy = 0.1f + 3 * part(random);
    const float ox = 6 * part(random) - 3, oy = 6 * part(random) - 3;
    OpFixture op("detect.segmentation");
    op.input("scores", tensor(scores, {classes, height, width}));
    op.input("transform", transform({sx, sy, ox, oy, 23, 17}));
    ASSERT_TRUE(op.run().ok());
    for (int y = 0; y < 17; ++y) {
      for (int x = 0; x < 23; ++x) {
        const double column = std::floor((x + 0.5 - double{ox}) / double{sx});
        const double row = std::floor((y + 0.5 - double{oy}) / double{sy});
        int64_t expected = 0;
        if (column >= 0 && row >= 0 && column < static_cast<double>(width) &&
            row < static_cast<double>(height)) {
          const auto at = [&](int64_t c) {
            return scores[static_cast<size_t>((c * height + static_cast<int64_t>(row)) * width +
                                              static_cast<int64_t>(column))];
          };
          for (int64_t c = 1; c < classes; ++c) expected = at(c) > at(expected) ? c : expected;
        }
        EXPECT_EQ(bytes(op["mask"])[static_cast<size_t>(y * 23 + x)], expected);
      }
    }
  }
}

TEST(Segmentation, Refusals) {
  struct Case {
    Shape shape;
    std::vector<float> transform;
    std::string message;
  };
  const Case cases[] = {
      {{1, 2, 2}, {1, 1, 0, 0, 2, 2}, "scores: 1 classes (layout NCHW); 2 to 256 are allowed"},
      {{257, 1, 1}, {1, 1, 0, 0, 2, 2}, "scores: 257 classes"},
      {{4, 1, 1}, {1, 1, 0, 0, 2, 2}, "and class 4 among them"},
      {{5, 1, 1}, {1, 1, 0, 0, 1e18f, 1e18f}, "at most 268435456 pixels are allowed"},
      {{5, 1, 1}, {1, 1, 0, 0, 1e30f, 1e-30f}, "at most 268435456 pixels are allowed"},
      {{5, 1, 1}, {1, 1, 0, 0, -1, 5}, "width is -1"},
  };
  for (const Case& c : cases) {
    OpFixture op("detect.segmentation");
    if (c.shape[0] > 3) op.param("class", int64_t{4});
    op.input("scores",
             tensor(std::vector<float>(static_cast<size_t>(c.shape.elements())), c.shape));
    op.input("transform", transform(c.transform));
    EXPECT_THAT(op.run().message(), HasSubstr(c.message));
  }
  OpFixture empty("detect.segmentation");
  empty.input("scores", tensor({}, {3, 0, 4}));
  ASSERT_TRUE(empty.run().ok());
  EXPECT_EQ(empty["mask"].shape(), (Shape{0, 4}));
}

}  // namespace
}  // namespace leat
