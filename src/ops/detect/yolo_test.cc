#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "memory/testing/op_fixture.h"
#include "ops/detect/testing/tensors.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Rows as they leave v5: with objectness; as they leave v8: without, and transposed.
Tensor output(const std::string& head, const std::vector<std::vector<float>>& rows) {
  std::vector<float> values;
  const auto count = static_cast<int64_t>(rows.size());
  if (head == "v5") {
    for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
    return tensor(values, {count, static_cast<int64_t>(rows[0].size())});
  }
  for (size_t column = 0; column < rows[0].size(); ++column) {
    if (column == 4) continue;
    for (const auto& row : rows) values.push_back(row[column]);
  }
  return tensor(values, {static_cast<int64_t>(rows[0].size()) - 1, count});
}

TEST(Yolo, LiteralBoxes) {
  const std::vector<std::vector<float>> rows = {{40, 20, 32, 16, 0.5f, 0.25f, 0.75f, 0.5f},
                                                {32, 48, 32, 64, 1, 0.125f, 0, 0.875f},
                                                {33, 48, 32, 64, 1, 0, 0, 0.75f}};
  OpFixture v5("detect.yolo");
  v5.param("head", "v5").input("output", output("v5", rows));
  ASSERT_TRUE(v5.run().ok());
  EXPECT_THAT(floats(v5["boxes"]), ElementsAre(16, 16, 48, 80, 24, 12, 56, 28));
  EXPECT_THAT(floats(v5["scores"]), ElementsAre(0.875f, 0.375f));
  EXPECT_THAT(integers(v5["classes"]), ElementsAre(2, 1));
  OpFixture v8("detect.yolo");
  v8.param("head", "v8").input("output", output("v8", rows));
  v8.input("transform", transform({2, 1, -10, 20, 100, 60}));
  ASSERT_TRUE(v8.run().ok());
  EXPECT_THAT(floats(v8["boxes"]), ElementsAre(22, 36, 86, 60, 38, 32, 100, 48));
  EXPECT_THAT(floats(v8["scores"]), ElementsAre(0.875f, 0.75f));
  EXPECT_THAT(integers(v8["classes"]), ElementsAre(2, 1));
}

TEST(Yolo, AgreesWithTheDefinition) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> part(0, 1);
  for (int round = 0; round < 60; ++round) {
    const std::string head = round % 2 == 0 ? "v5" : "v8";
    std::vector<std::vector<float>> rows(1 + random() % 300);
    std::vector<PlainBox> all;
    for (auto& row : rows) {
      row = {200 * part(random), 200 * part(random), 60 * part(random), 60 * part(random),
             part(random)};
      for (int c = 0; c < 4; ++c) row.push_back(part(random));
      const auto best = std::max_element(row.begin() + 5, row.end());
      const float score = head == "v5" ? row[4] * *best : *best;
      if (score < 0.25f) continue;
      const double x = row[0], y = row[1], w = row[2], h = row[3];
      all.push_back({{x - w / 2, y - h / 2, x + w / 2, y + h / 2}, score, best - row.begin() - 5});
    }
    const std::vector<PlainBox> expected = suppressed(std::move(all), 0.45f);
    OpFixture op("detect.yolo");
    op.param("head", head).param("max", int64_t{20000}).input("output", output(head, rows));
    op.input("transform", transform({1, 1, 100, 100, 1000, 1000}));
    ASSERT_TRUE(op.run().ok());
    ASSERT_EQ(op["boxes"].shape(), (Shape{static_cast<int64_t>(expected.size()), 4}));
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(op["scores"].values<float>()[i], expected[i].score, 1e-6);
      EXPECT_EQ(op["classes"].values<int64_t>()[i], expected[i].label);
      for (size_t j = 0; j < 4; ++j) {
        EXPECT_NEAR(op["boxes"].values<float>()[4 * i + j], expected[i].sides[j] + 100, 1e-3);
      }
    }
  }
}

TEST(Yolo, NumbersThatAreNoneGiveNoBox) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const std::string head : {"v5", "v8"}) {
    for (float bad : {kNan, kInfinity, -kInfinity}) {
      for (size_t column = 0; column < 6; ++column) {
        if (head == "v8" && column == 4) continue;
        std::vector<float> row = {40, 20, 32, 16, 1, 0.75f};
        row[column] = bad;
        OpFixture op("detect.yolo");
        op.param("head", head).input("output", output(head, {row}));
        ASSERT_TRUE(op.run().ok());
        EXPECT_EQ(op["boxes"].shape(), (Shape{0, 4})) << head << " " << column;
      }
    }
    OpFixture none("detect.yolo");
    none.param("head", head);
    none.input("output", tensor({}, head == "v5" ? Shape{0, 6} : Shape{5, 0}));
    ASSERT_TRUE(none.run().ok());
    EXPECT_EQ(none["boxes"].shape(), (Shape{0, 4}));
  }
}

TEST(Yolo, Refusals) {
  OpFixture v5("detect.yolo");
  v5.param("head", "v5").input("output", tensor(std::vector<float>(10), {2, 5}));
  EXPECT_THAT(v5.make().message(), HasSubstr("output: 5 columns; at least 6 are needed"));
  OpFixture v8("detect.yolo");
  v8.param("head", "v8").input("output", tensor(std::vector<float>(8), {4, 2}));
  EXPECT_THAT(v8.make().message(), HasSubstr("output: 4 rows; at least 5 are needed"));
}

}  // namespace
}  // namespace leat
