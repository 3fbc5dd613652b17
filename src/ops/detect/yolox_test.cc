#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>

#include "memory/testing/op_fixture.h"
#include "ops/detect/testing/tensors.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr int kClasses = 3;
constexpr int kWide = 5 + kClasses;

// The grids of an input of width x height pixels, with nothing on them.
struct Cells {
  int width, height;
  std::vector<float> values;

  Cells(int w, int h) : width(w), height(h) {
    int rows = 0;
    for (int stride : {8, 16, 32}) rows += (w / stride) * (h / stride);
    values.assign(static_cast<size_t>(rows * kWide), 0.0f);
  }
  int rows() const { return static_cast<int>(values.size()) / kWide; }
  float* row(int stride, int x, int y) {
    int first = 0;
    for (int s = 8; s < stride; s *= 2) first += (width / s) * (height / s);
    return values.data() + (first + y * (width / stride) + x) * kWide;
  }
  Tensor tensor() const { return leat::tensor(values, Shape{rows(), kWide}); }
};

TEST(Yolox, LiteralBoxes) {
  Cells grids(64, 64);
  // On the grid of stride 16, cell 2, 1: middle at 16 * (2.5, 1.25) = 40, 20; 32 wide, 16 high.
  std::ranges::copy(std::vector<float>{0.5f, 0.25f, std::log(2.0f), 0, 0.5f, 0.25f, 0.75f, 0.5f},
                    grids.row(16, 2, 1));
  // On stride 32, cell 1, 1: middle at 32 * (1, 1.5) = 32, 48; 32 wide, 64 high: to y 80.
  std::ranges::copy(std::vector<float>{0, 0.5f, 0, std::log(2.0f), 1, 0.125f, 0, 0.875f},
                    grids.row(32, 1, 1));
  OpFixture op("detect.yolox");
  op.input("output", grids.tensor());
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["boxes"].shape(), (Shape{2, 4}));
  EXPECT_THAT(floats(op["boxes"]), Pointwise(FloatNear(1e-4f), {16, 16, 48, 64, 24, 12, 56, 28}));
  EXPECT_THAT(floats(op["scores"]), ElementsAre(0.875f, 0.375f));
  EXPECT_THAT(integers(op["classes"]), ElementsAre(2, 1));
  EXPECT_FALSE(op["labels"]);

  // A picture twice as wide, moved by 10 and 20 pixels, and 100 x 60 large.
  op.input("transform", transform({2, 1, -10, 20, 100, 60}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(floats(op["boxes"]), Pointwise(FloatNear(1e-4f), {22, 36, 86, 60, 38, 32, 100, 48}));

  // The first box lies outside of the picture now.
  op.input("transform", transform({1, 1, 0, 0, 100, 15}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(floats(op["boxes"]), Pointwise(FloatNear(1e-4f), {24, 12, 56, 15}));
  EXPECT_THAT(integers(op["classes"]), ElementsAre(1));
}

// Straight from the definition of the head, in doubles: decode all, sort, suppress by class.
std::vector<PlainBox> naive(Cells& grids, double least, double iou) {
  std::vector<PlainBox> all;
  for (int stride : {8, 16, 32}) {
    for (int y = 0; y < grids.height / stride; ++y) {
      for (int x = 0; x < grids.width / stride; ++x) {
        const float* row = grids.row(stride, x, y);
        const float* best = std::max_element(row + 5, row + kWide);
        double score = row[4] * *best;
        if (score < least) continue;
        double cx = (x + double{row[0]}) * stride, cy = (y + double{row[1]}) * stride;
        double w = std::exp(double{row[2]}) * stride, h = std::exp(double{row[3]}) * stride;
        all.push_back({{cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2}, score, best - row - 5});
      }
    }
  }
  return suppressed(std::move(all), iou);
}

TEST(Yolox, RandomGridsAgreeWithTheDefinition) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> part(0, 1);
  const int sizes[][2] = {{416, 416}, {96, 96}, {128, 64}, {32, 32}};
  for (int round = 0; round < 24; ++round) {
    auto [width, height] = sizes[round % 4];
    Cells grids(width, height);
    for (int i = 0; i < grids.rows(); ++i) {
      float* row = grids.values.data() + i * kWide;
      for (int j = 0; j < kWide; ++j) row[j] = part(random);
      row[2] = 2 * row[2] - 1;
      row[3] = 2 * row[3] - 1;
      row[4] *= row[4];
    }
    OpFixture op("detect.yolox");
    op.param("score", 0.4).param("max", int64_t{20000}).param("candidates", int64_t{20000});
    if (width != height) op.param("width", int64_t{width}).param("height", int64_t{height});
    op.input("output", grids.tensor());
    ASSERT_TRUE(op.run().ok());
    std::vector<PlainBox> expected = naive(grids, 0.4f, 0.45f);
    std::vector<float> boxes = floats(op["boxes"]);
    ASSERT_EQ(boxes.size(), 4 * expected.size()) << round;
    ASSERT_GT(expected.size(), 0u);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(op["scores"].values<float>()[i], expected[i].score, 1e-6);
      EXPECT_EQ(op["classes"].values<int64_t>()[i], expected[i].label);
      for (size_t j = 0; j < 4; ++j) {
        double clipped = std::clamp<double>(expected[i].sides[j], 0, j % 2 == 0 ? width : height);
        EXPECT_NEAR(boxes[4 * i + j], clipped, 1e-3);
      }
    }
  }
}

TEST(Yolox, NumbersThatAreNoneGiveNoBox) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float bad : {kNan, kInfinity, -kInfinity, 1e30f, -1e30f}) {
    for (int column = 0; column < kWide; ++column) {
      Cells grids(32, 32);
      for (int i = 0; i < grids.rows(); ++i) {
        float* row = grids.values.data() + i * kWide;
        std::ranges::copy(std::vector<float>{0.5f, 0.5f, 0, 0, 1, 0.5f, 0.5f, 0.5f}, row);
        row[column] = bad;
      }
      OpFixture op("detect.yolox");
      op.input("output", grids.tensor()).input("transform", transform({2, 2, 0, 0, 64, 64}));
      ASSERT_TRUE(op.run().ok());
      for (float corner : floats(op["boxes"])) ASSERT_TRUE(corner >= 0 && corner <= 64) << corner;
      for (float score : floats(op["scores"])) ASSERT_TRUE(std::isfinite(score));
      if (std::isnan(bad) && column < 5) {
        ASSERT_EQ(op["boxes"].shape(), (Shape{0, 4})) << column;
        ASSERT_EQ(op["scores"].shape(), Shape{0});
        ASSERT_EQ(op["classes"].shape(), Shape{0});
      }
    }
  }
}

TEST(Yolox, Labels) {
  std::string path = ::testing::TempDir() + "yolox_labels.txt";
  std::ofstream(path) << "cat\ndog\nowl\n";
  Cells grids(32, 32);
  std::ranges::copy(std::vector<float>{0.5f, 0.5f, 0, 0, 1, 0, 1, 0}, grids.row(16, 0, 0));
  OpFixture op("detect.yolox");
  op.param("labels", path).input("output", grids.tensor());
  ASSERT_TRUE(op.run().ok());
  ASSERT_EQ(op["labels"].shape(), Shape{1});
  EXPECT_EQ(op["labels"].string(0), "dog");

  std::ofstream(path) << "cat\ndog\n";
  OpFixture other("detect.yolox");
  other.param("labels", path).input("output", grids.tensor());
  EXPECT_THAT(other.make().message(), HasSubstr("has 2 labels for 3 classes"));
}

TEST(Yolox, Refusals) {
  struct Case {
    std::vector<std::pair<std::string, ParamValue>> params;
    Shape shape;
    std::vector<float> transform;
    std::string message;
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> plain = {1, 1, 0, 0, 10, 10};
  const int64_t none = 0, side = 64;
  const Case cases[] = {
      {{}, {22, 8}, plain, "output: 22 rows; no square input with strides 8, 16, 32 gives so many"},
      {{}, {0, 8}, plain, "output: 0 rows"},
      {{}, {21, 5}, plain, "output: 5 numbers a row; at least 6"},
      {{{"width", side}, {"height", side}},
       {21, 8},
       plain,
       "output: 21 rows; an input of width 64, height 64 with strides 8, 16, 32 gives 84"},
      {{{"width", side}, {"height", none}}, {21, 8}, plain, "both must be given"},
      {{{"strides", std::vector<double>{8.5}}}, {21, 8}, plain, "8.5 is no whole number"},
      {{{"strides", std::vector<double>{}}}, {21, 8}, plain, "strides: 0 given; 1 to 8"},
      {{}, {21, 8}, {0, 1, 0, 0, 10, 10}, "scale_x is 0; a finite, positive number"},
      {{}, {21, 8}, {1, 1, kNan, 0, 10, 10}, "offset_x is nan; a finite number"},
      {{}, {21, 8}, {1, 1, 0, 0, 10, -1}, "height is -1"},
  };
  for (const Case& c : cases) {
    OpFixture op("detect.yolox");
    for (const auto& [name, value] : c.params) op.param(name, value);
    std::vector<float> zeros(static_cast<size_t>(c.shape.elements()));
    op.input("output", *Tensor::of(std::span<const float>(zeros), c.shape));
    op.input("transform", transform(c.transform));
    Status status = op.run();
    EXPECT_EQ(status.code(), Code::kBadInput);
    EXPECT_THAT(status.message(), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace leat
