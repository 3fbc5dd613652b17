#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "memory/testing/op_fixture.h"
#include "ops/detect/rectangle.h"
#include "ops/detect/testing/tensors.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

struct Map {
  int64_t width, height;
  std::vector<float> values = std::vector<float>(static_cast<size_t>(width * height));

  float& at(int64_t x, int64_t y) { return values[static_cast<size_t>(y * width + x)]; }
  void fill(int64_t x1, int64_t y1, int64_t x2, int64_t y2, float value) {
    for (int64_t y = y1; y < y2; ++y) {
      for (int64_t x = x1; x < x2; ++x) at(x, y) = value;
    }
  }
  // Pixels whose middles are at most half_length and half_width away from the middle, along axes
  // that are turned clockwise.
  void fill_turned(double cx, double cy, double degrees, double half_length, double half_width,
                   float value) {
    const double c = std::cos(degrees * std::numbers::pi / 180);
    const double s = std::sin(degrees * std::numbers::pi / 180);
    for (int64_t i = 0; i < width * height; ++i) {
      const double x = static_cast<double>(i % width) - cx, y = static_cast<double>(i / width) - cy;
      if (std::abs(x * c + y * s) > half_length || std::abs(y * c - x * s) > half_width) continue;
      values[static_cast<size_t>(i)] = value;
    }
  }
  Tensor tensor() const { return leat::tensor(values, Shape{1, height, width}); }
};

TEST(TextRegions, AsTheDefinitionByHand) {
  Map map{60, 40};
  map.fill(10, 20, 31, 27, 0.75f);  // 20 x 6 through the middles: 20 * 6 * 1.5 / 52 larger
  map.at(10, 20) = 0.3f;            // not above the threshold; the rectangle stays
  map.fill(40, 5, 50, 8, 1);        // 2 high: too low
  OpFixture op("detect.text_regions");
  op.input("map", map.tensor());
  ASSERT_TRUE(op.run().ok());
  ASSERT_EQ(op["quads"].shape(), (Shape{1, 4, 2}));
  constexpr float d = 20 * 6 * 1.5f / 52;
  const std::vector<float> quad = {10.5f - d, 20.5f - d, 30.5f + d, 20.5f - d,
                                   30.5f + d, 26.5f + d, 10.5f - d, 26.5f + d};
  EXPECT_THAT(floats(op["quads"]), Pointwise(FloatNear(1e-4f), quad));
  EXPECT_THAT(floats(op["scores"]), ElementsAre(FloatNear(0.75f - 0.45f / 147, 1e-6f)));

  // The picture is twice as wide, 10 pixels further left, and ends at x = 40.
  op.input("transform", transform({2, 1, -10, 0, 40, 100}));
  ASSERT_TRUE(op.run().ok());
  std::vector<float> moved = quad;
  for (size_t i = 0; i < 8; i += 2) moved[i] = std::min(2 * moved[i] - 10, 40.0f);
  EXPECT_THAT(floats(op["quads"]), Pointwise(FloatNear(1e-4f), moved));
  // What lies beside the picture is nothing.
  op.input("transform", transform({1, 1, 0, 0, 5, 100}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["quads"].shape(), (Shape{0, 4, 2}));
  EXPECT_EQ(op["scores"].shape(), Shape{0});
}

TEST(TextRegions, Params) {
  Map map{60, 40};
  map.fill(10, 20, 31, 27, 0.5f);
  map.fill(10, 2, 31, 6, 0.55f);
  OpFixture loose("detect.text_regions");
  loose.param("box_threshold", 0.5).param("unclip_ratio", 0.0).input("map", map.tensor());
  ASSERT_TRUE(loose.run().ok());
  EXPECT_THAT(floats(loose["scores"]), ElementsAre(FloatNear(0.55f, 1e-6f), 0.5f));
  EXPECT_THAT(
      floats(loose["quads"]),
      Pointwise(FloatNear(1e-5f), {10.5f, 2.5f, 30.5f, 2.5f, 30.5f, 5.5f, 10.5f, 5.5f, 10.5f, 20.5f,
                                   30.5f, 20.5f, 30.5f, 26.5f, 10.5f, 26.5f}));
  OpFixture large("detect.text_regions");
  large.param("box_threshold", 0.5).param("min_side", 4.0).input("map", map.tensor());
  ASSERT_TRUE(large.run().ok());
  EXPECT_THAT(floats(large["scores"]), ElementsAre(0.5f));
  // The first is looked at, and is no line.
  OpFixture few("detect.text_regions");
  few.param("max", int64_t{1}).param("box_threshold", 0.6).input("map", map.tensor());
  ASSERT_TRUE(few.run().ok());
  EXPECT_EQ(few["scores"].shape(), Shape{0});
  OpFixture high("detect.text_regions");
  high.param("threshold", 0.5).param("box_threshold", 0.0).input("map", map.tensor());
  ASSERT_TRUE(high.run().ok());
  EXPECT_EQ(high["scores"].shape(), Shape{1});
}

// OpenCV 5.0 on the same map: findContours(RETR_LIST) above 0.3, minAreaRect, the mean in fillPoly
// of boxPoints, boxPoints of the rectangle grown by area * 1.5 / perimeter; half a pixel added.
TEST(TextRegions, AsOpenCV) {
  Map map{200, 160};
  map.fill_turned(40, 20, 0, 25.5, 5.5, 0.9f);
  map.fill_turned(140, 40, 20, 40, 6, 0.8f);
  map.fill_turned(50, 90, -35, 40, 5, 0.7f);
  map.fill_turned(150, 120, 75, 35, 7, 0.95f);
  map.fill_turned(95, 60, 0, 1.5, 20, 0.9f);     // too thin
  map.fill_turned(20, 140, 0, 12.5, 8.5, 0.5f);  // too faint
  struct Line {
    std::vector<float> quad;
    float score;
  };
  const Line lines[] = {
      {{9.25f, 9.25f, 71.75f, 9.25f, 71.75f, 31.75f, 9.25f, 31.75f}, 0.9f},
      {{100.3f, 11.21f, 190.12f, 43.88f, 180.7f, 69.79f, 90.88f, 37.12f}, 0.7461f},
      {{5.6f, 107.69f, 82.02f, 54.2f, 95.4f, 73.31f, 18.98f, 126.8f}, 0.6005f},
      {{124, 82.34f, 154.37f, 74.21f, 177, 158.66f, 146.63f, 166.79f}, 0.899f}};
  OpFixture op("detect.text_regions");
  op.input("map", map.tensor()).input("transform", transform({1, 1, 0, 0, 1000, 1000}));
  ASSERT_TRUE(op.run().ok());
  ASSERT_EQ(op["quads"].shape(), (Shape{4, 4, 2}));
  const std::vector<float> quads = floats(op["quads"]), scores = floats(op["scores"]);
  for (size_t i = 0; i < 4; ++i) {
    const std::vector<float> quad(quads.begin() + 8 * static_cast<ptrdiff_t>(i),
                                  quads.begin() + 8 * static_cast<ptrdiff_t>(i + 1));
    EXPECT_THAT(quad, Pointwise(FloatNear(0.02f), lines[i].quad)) << i;
    // fillPoly paints every pixel that its outline touches.
    EXPECT_NEAR(scores[i], lines[i].score, 0.03f) << i;
  }
}

// Flood fill, and for the rectangle every angle in turn.
TEST(TextRegions, ComponentsAndRectanglesOfNoise) {
  std::mt19937 random(17);
  std::uniform_real_distribution<float> part(0, 1);
  for (int round = 0; round < 60; ++round) {
    Map map{1 + round % 23, 1 + round % 17};
    for (float& value : map.values) value = part(random);
    const float threshold = 0.3f + 0.01f * static_cast<float>(round);
    Components components;
    components.find(map.values.data(), static_cast<int32_t>(map.width),
                    static_cast<int32_t>(map.height), threshold);
    size_t count = 0;
    std::vector<bool> seen(map.values.size());
    for (int64_t i = 0; i < map.width * map.height; ++i) {
      const auto first = static_cast<size_t>(i);
      if (seen[first] || map.values[first] <= threshold) continue;
      std::vector<Point> points;
      std::vector<int64_t> open = {i};
      seen[first] = true;
      while (!open.empty()) {
        const int64_t x = open.back() % map.width, y = open.back() / map.width;
        open.pop_back();
        points.push_back({static_cast<double>(x), static_cast<double>(y)});
        for (int64_t ny = std::max<int64_t>(0, y - 1); ny < std::min(map.height, y + 2); ++ny) {
          for (int64_t nx = std::max<int64_t>(0, x - 1); nx < std::min(map.width, x + 2); ++nx) {
            const auto place = static_cast<size_t>(ny * map.width + nx);
            if (seen[place] || map.values[place] <= threshold) continue;
            seen[place] = true;
            open.push_back(ny * map.width + nx);
          }
        }
      }
      ASSERT_LT(count, components.count());
      const auto ends = components.ends(count++);
      // Each end is a pixel of this component, the first one begins it.
      EXPECT_EQ(ends[0].y * map.width + ends[0].x, i);
      for (Pixel end : ends) {
        EXPECT_TRUE(
            std::ranges::any_of(points, [&](Point p) { return p.x == end.x && p.y == end.y; }));
      }
      const Rectangle found = Rectangle::around(ends);
      double least = std::numeric_limits<double>::infinity();
      for (int step = 0; step < 1800; ++step) {
        const double c = std::cos(step * std::numbers::pi / 3600);
        const double s = std::sin(step * std::numbers::pi / 3600);
        double low[2] = {1e9, 1e9}, high[2] = {-1e9, -1e9};
        for (Point p : points) {
          const double along[2] = {p.x * c + p.y * s, p.y * c - p.x * s};
          for (size_t axis : {0, 1}) {
            low[axis] = std::min(low[axis], along[axis]);
            high[axis] = std::max(high[axis], along[axis]);
          }
        }
        least = std::min(least, (high[0] - low[0]) * (high[1] - low[1]));
      }
      EXPECT_LE(found.length * found.width, least + 1e-9);
      EXPECT_GE(found.length * found.width, 0.99 * least - 0.2);
      for (Point p : points) {
        const auto [begin, end] = found.cut(p.y);
        EXPECT_TRUE(begin <= p.x + 1e-6 && p.x <= end + 1e-6);
      }
    }
    EXPECT_EQ(count, components.count());
  }
}

TEST(TextRegions, EmptyAndStrange) {
  for (auto [width, height] : {std::pair<int64_t, int64_t>{0, 7}, {7, 0}, {1, 1}, {9, 9}}) {
    Map map{width, height};
    OpFixture op("detect.text_regions");
    op.input("map", map.tensor());
    ASSERT_TRUE(op.run().ok());
    EXPECT_EQ(op["quads"].shape(), (Shape{0, 4, 2}));
  }
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float bad : {kNan, kInfinity}) {
    Map map{30, 30};
    map.fill(5, 5, 25, 25, 0.9f);
    map.at(12, 12) = bad;
    OpFixture op("detect.text_regions");
    op.input("map", map.tensor());
    ASSERT_TRUE(op.run().ok());
    EXPECT_EQ(op["scores"].shape(), Shape{0});
  }
}

TEST(TextRegions, Refusals) {
  struct Case {
    Shape shape;
    std::vector<float> transform;
    std::string message;
  };
  const Case cases[] = {{{1, 40000, 1}, {1, 1, 0, 0, 9, 9}, "map: the shape is [1,40000,1]"},
                        {{1, 1, 40000}, {1, 1, 0, 0, 9, 9}, "sides of at most 32768"},
                        {{2, 8, 8}, {1, 1, 0, 0, 9, 9}, "FP32[1,height,width] wanted"},
                        {{1, 8, 8}, {1, 0, 0, 0, 9, 9}, "scale_y is 0; a finite, positive number"}};
  for (const Case& c : cases) {
    std::vector<float> zeros(static_cast<size_t>(c.shape.elements()));
    OpFixture op("detect.text_regions");
    op.input("map", tensor(zeros, c.shape));
    op.input("transform", transform(c.transform));
    Status status = op.run();
    EXPECT_EQ(status.code(), Code::kBadInput);
    EXPECT_THAT(status.message(), HasSubstr(c.message));
  }
  Map map{30, 30};
  map.fill(5, 5, 25, 25, 0.9f);
  OpFixture op("detect.text_regions");
  op.input("map", map.tensor()).abandon_after(1);
  EXPECT_EQ(op.run().code(), Code::kCancelled);
}

}  // namespace
}  // namespace leat
