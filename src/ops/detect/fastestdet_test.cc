#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "memory/testing/op_fixture.h"
#include "ops/detect/testing/tensors.h"

namespace leat {
namespace {

using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

TEST(FastestDet, AgreesWithTheDefinition) {
  std::mt19937 random(19);
  std::uniform_real_distribution<float> part(0, 1);
  constexpr int64_t kClasses = 3, kWide = 5, kHigh = 4, kCells = kWide * kHigh;
  for (int round = 0; round < 30; ++round) {
    std::vector<float> values;
    for (int64_t i = 0; i < (5 + kClasses) * kCells; ++i) {
      const int64_t plane = i / kCells;
      values.push_back(plane >= 1 && plane < 5 ? 4 * part(random) - 2 : part(random));
    }
    std::vector<PlainBox> all;
    for (int64_t cell = 0; cell < kCells; ++cell) {
      const auto v = [&](int64_t plane) {
        return double{values[static_cast<size_t>(plane * kCells + cell)]};
      };
      int64_t best = 0;
      for (int64_t c = 1; c < kClasses; ++c) best = v(5 + c) > v(5 + best) ? c : best;
      const double score = std::pow(v(0), 0.6) * std::pow(v(5 + best), 0.4);
      if (score < 0.5) continue;
      const double x = (static_cast<double>(cell % kWide) + std::tanh(v(1))) / kWide;
      const double y = (static_cast<double>(cell / kWide) + std::tanh(v(2))) / kHigh;
      const double w = 1 / (1 + std::exp(-v(3))), h = 1 / (1 + std::exp(-v(4)));
      // The input is 80 x 64 pixels, the picture 160 x 640.
      all.push_back({{160 * (x - w / 2), 640 * (y - h / 2), 160 * (x + w / 2), 640 * (y + h / 2)},
                     score,
                     best});
    }
    const std::vector<PlainBox> expected = suppressed(std::move(all), 0.45f);
    OpFixture op("detect.fastestdet");
    op.param("score", 0.5).input("output", tensor(values, {5 + kClasses, kHigh, kWide}));
    op.input("transform", transform({2, 10, 300, 900, 1000, 3000}));
    ASSERT_TRUE(op.run().ok());
    ASSERT_EQ(op["boxes"].shape(), (Shape{static_cast<int64_t>(expected.size()), 4}));
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(op["scores"].values<float>()[i], expected[i].score, 1e-5);
      EXPECT_EQ(op["classes"].values<int64_t>()[i], expected[i].label);
      for (size_t j = 0; j < 4; ++j) {
        const double moved = expected[i].sides[j] + (j % 2 == 0 ? 300 : 900);
        EXPECT_NEAR(op["boxes"].values<float>()[4 * i + j], moved, 1e-2);
      }
    }
  }
}

TEST(FastestDet, InPixelsOfTheInput) {
  OpFixture op("detect.fastestdet");
  op.param("stride", 8.0);
  op.input("output", tensor({0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, {6, 1, 2}));
  ASSERT_TRUE(op.run().ok());  // in the middle 8, 0 half of 16 x 8 pixels
  EXPECT_THAT(floats(op["boxes"]), Pointwise(FloatNear(1e-5f), {4, 0, 12, 2}));
}

TEST(FastestDet, NumbersThatAreNone) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float bad : {kNan, kInfinity, -kInfinity, -1.0f}) {
    for (size_t plane = 0; plane < 6; ++plane) {
      std::vector<float> values = {1, 0, 0, 0, 0, 1};
      values[plane] = bad;
      OpFixture op("detect.fastestdet");
      op.input("output", tensor(values, {6, 1, 1}));
      ASSERT_TRUE(op.run().ok());
      const bool number = plane > 0 && plane < 5 && !std::isnan(bad);
      if (!number) {
        EXPECT_EQ(op["boxes"].shape(), (Shape{0, 4})) << bad << " " << plane;
      }
      for (float side : floats(op["boxes"])) EXPECT_TRUE(side >= 0 && side <= 16);
    }
  }
  OpFixture narrow("detect.fastestdet");
  narrow.input("output", tensor(std::vector<float>(5), {5, 1, 1}));
  EXPECT_THAT(narrow.make().message(), HasSubstr("output: 5 planes; at least 6 are needed"));
}

}  // namespace
}  // namespace leat
