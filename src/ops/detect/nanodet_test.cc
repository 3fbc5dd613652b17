#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
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

constexpr int kClasses = 2;

// The row of a cell whose box reaches so many strides to the left, up, right and down.
std::vector<float> row(std::vector<float> classes, std::array<int, 4> sides, int bins) {
  std::vector<float> values = std::move(classes);
  for (int side : sides) {
    for (int i = 0; i < bins; ++i) values.push_back(i == side ? 100.0f : 0.0f);
  }
  return values;
}

TEST(Nanodet, LiteralBoxes) {
  // Of an input of 32 x 32 pixels: 16 + 4 + 1 + 1 cells.
  const std::vector<float> nothing = row({0, 0}, {0, 0, 0, 0}, 8);
  std::vector<float> values;
  for (int i = 0; i < 22; ++i) {
    // On stride 8, cell 2, 1; on stride 16, cell 1, 0.
    const std::vector<float> cell = i == 6    ? row({0.25f, 0.75f}, {1, 0, 1, 2}, 8)
                                    : i == 17 ? row({0.5f, 0.25f}, {1, 0, 0, 1}, 8)
                                              : nothing;
    values.insert(values.end(), cell.begin(), cell.end());
  }
  OpFixture op("detect.nanodet");
  op.param("width", int64_t{32}).param("height", int64_t{32});
  op.input("output", tensor(values, {22, kClasses + 32}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(floats(op["boxes"]), Pointwise(FloatNear(1e-4f), {8, 8, 24, 24, 0, 0, 16, 16}));
  EXPECT_THAT(floats(op["scores"]), ElementsAre(0.75f, 0.5f));
  EXPECT_THAT(integers(op["classes"]), ElementsAre(1, 0));
  // From the middle of the cells; a picture that is half as wide and begins at 10.
  OpFixture older("detect.nanodet");
  older.param("anchor", 0.5).param("width", int64_t{32}).param("height", int64_t{32});
  older.input("output", tensor(values, {22, kClasses + 32}));
  older.input("transform", transform({0.5f, 1, -10, 0, 100, 20}));
  ASSERT_TRUE(older.run().ok());
  EXPECT_THAT(floats(older["boxes"]), Pointwise(FloatNear(1e-4f), {0, 12, 4, 20, 0, 8, 2, 20}));
}

TEST(Nanodet, AgreesWithTheDefinition) {
  std::mt19937 random(13);
  std::uniform_real_distribution<float> part(0, 1);
  constexpr int kBins = 5, kWide = 3 + 4 * kBins, kWidth = 96, kHeight = 64;
  for (int round = 0; round < 30; ++round) {
    std::vector<float> values;
    std::vector<PlainBox> all;
    for (int stride : {8, 32}) {
      for (int cell = 0; cell < kWidth / stride * (kHeight / stride); ++cell) {
        const size_t first = values.size();
        for (int i = 0; i < kWide; ++i) values.push_back(i < 3 ? part(random) : 6 * part(random));
        const float* v = values.data() + first;
        const float* best = std::max_element(v, v + 3);
        if (*best < 0.5f) continue;
        double side[4];
        for (int s = 0; s < 4; ++s) {
          double sum = 0, mean = 0;
          for (int i = 0; i < kBins; ++i) {
            const double weight = std::exp(double{v[3 + s * kBins + i]});
            sum += weight;
            mean += weight * i;
          }
          side[s] = mean / sum * stride;
        }
        const int across = kWidth / stride;
        const double x = cell % across * stride, y = static_cast<int>(cell / across) * stride;
        all.push_back({{x - side[0], y - side[1], x + side[2], y + side[3]}, *best, best - v});
      }
    }
    const std::vector<PlainBox> expected = suppressed(std::move(all), 0.6f);
    OpFixture op("detect.nanodet");
    op.param("strides", std::vector<double>{8, 32}).param("reg_max", int64_t{kBins - 1});
    op.param("width", int64_t{kWidth}).param("height", int64_t{kHeight}).param("score", 0.5);
    op.input("output", tensor(values, {static_cast<int64_t>(values.size()) / kWide, kWide}));
    op.input("transform", transform({1, 1, 200, 200, 1000, 1000}));
    ASSERT_TRUE(op.run().ok());
    ASSERT_EQ(op["boxes"].shape(), (Shape{static_cast<int64_t>(expected.size()), 4}));
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(op["classes"].values<int64_t>()[i], expected[i].label);
      for (size_t j = 0; j < 4; ++j) {
        EXPECT_NEAR(op["boxes"].values<float>()[4 * i + j], expected[i].sides[j] + 200, 1e-3);
      }
    }
  }
}

TEST(Nanodet, NumbersThatAreNoneGiveNoBox) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float bad : {kNan, kInfinity}) {
    for (size_t column = 0; column < kClasses + 8; ++column) {
      std::vector<float> values = row({0.75f, 0.5f}, {1, 1, 1, 1}, 2);
      values[column] = bad;
      OpFixture op("detect.nanodet");
      op.param("reg_max", int64_t{1}).param("strides", std::vector<double>{8});
      op.input("output", tensor(values, {1, kClasses + 8}));
      ASSERT_TRUE(op.run().ok());
      if (std::isnan(bad) && column == 1) continue;  // the other class is there
      EXPECT_EQ(op["boxes"].shape(), (Shape{0, 4})) << bad << " " << column;
    }
  }
}

TEST(Nanodet, Refusals) {
  OpFixture narrow("detect.nanodet");
  narrow.input("output", tensor(std::vector<float>(85 * 32), {85, 32}));
  EXPECT_THAT(narrow.make().message(), HasSubstr("output: 32 numbers a row; at least 33"));
  OpFixture odd("detect.nanodet");
  odd.input("output", tensor(std::vector<float>(86 * 33), {86, 33}));
  EXPECT_THAT(odd.make().message(), HasSubstr("output: 86 rows; no square input"));
}

}  // namespace
}  // namespace leat
