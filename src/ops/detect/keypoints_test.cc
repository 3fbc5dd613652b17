#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "memory/testing/op_fixture.h"
#include "ops/detect/testing/tensors.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Keypoints, QuarterOfACell) {
  // Three maps of 4 x 3 cells: inside, with neighbours unlike; inside, alike; at the border.
  const std::vector<float> maps = {0, 0, 0, 0, 0, 1, 9, 2, 0, 0, 5, 0,  //
                                   0, 1, 0, 0, 2, 8, 2, 0, 0, 1, 0, 0,  //
                                   0, 1, 7, 3, 0, 0, 0, 1, 0, 0, 0, 0};
  OpFixture op("detect.keypoints");
  op.input("heatmaps", tensor(maps, {3, 3, 4}));
  ASSERT_TRUE(op.run().ok());
  ASSERT_EQ(op["points"].shape(), (Shape{3, 3}));
  EXPECT_THAT(floats(op["points"]), ElementsAre(9, 5, 9, 4, 4, 8, 8, 0, 7));
  OpFixture moved("detect.keypoints");
  moved.param("stride", 8.0).input("heatmaps", tensor(maps, {3, 3, 4}));
  moved.input("transform", transform({2, 3, -50, 10, 20, 20}));  // may lie outside
  ASSERT_TRUE(moved.run().ok());
  EXPECT_THAT(floats(moved["points"]), ElementsAre(-14, 40, 9, -34, 34, 8, -18, 10, 7));
}

TEST(Keypoints, ToTheSmallerSides) {
  OpFixture op("detect.keypoints");
  op.param("stride", 1.0);
  op.input("heatmaps", tensor({0, 2, 0, 2, 9, 1, 0, 1, 0}, {1, 3, 3}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(floats(op["points"]), ElementsAre(0.75f, 0.75f, 9));
}

TEST(Keypoints, NanAndNothing) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  OpFixture op("detect.keypoints");
  op.input("heatmaps", tensor({kNan, kNan, -3, -4}, {1, 2, 2}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(floats(op["points"]), ElementsAre(0, 4, -3));
  op.input("heatmaps", tensor({1, 1, kNan, kNan}, {2, 1, 2}));
  EXPECT_THAT(op.run().message(), HasSubstr("heatmaps: number 1 of [2,1,2] holds no number"));
  op.input("heatmaps", tensor({}, {2, 0, 5}));
  EXPECT_THAT(op.run().message(), HasSubstr("heatmaps: number 0 of [2,0,5] holds no number"));
  op.input("heatmaps", tensor({}, {0, 5, 5}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["points"].shape(), (Shape{0, 3}));
}

}  // namespace
}  // namespace leat
