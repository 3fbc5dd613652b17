#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

using Boxes = std::vector<std::array<float, 4>>;

Tensor boxes_of(const Boxes& boxes) {
  std::vector<float> numbers;
  for (const auto& box : boxes) numbers.insert(numbers.end(), box.begin(), box.end());
  return *Tensor::of(std::span<const float>(numbers), Shape{static_cast<int64_t>(boxes.size()), 4});
}

std::vector<int64_t> order_of(const OpFixture& op) {
  auto values = op["order"].values<int64_t>();
  return {values.begin(), values.end()};
}

// Pages of lines of words, of which every word's middle is off its line's by at most a quarter of
// its height; lines are half a height apart. Shuffled, they come back.
TEST(ReadingOrder, ShuffledPages) {
  std::mt19937 random(29);
  std::uniform_real_distribution<float> part(0, 1);
  for (int round = 0; round < 100; ++round) {
    Boxes page;
    float y = 10;
    for (size_t line = 0; line < random() % 8; ++line) {
      const float height = 10 + 20 * part(random);
      float x = 50 * part(random);
      for (size_t word = 0; word < 1 + random() % 6; ++word) {
        const float width = 5 + 60 * part(random), off = (part(random) - 0.5f) * height / 2;
        page.push_back({x, y + off, x + width, y + off + height});
        x += width + 1 + 5 * part(random);
      }
      y += 1.5f * height + 10;
    }
    std::vector<int64_t> shuffled(page.size());
    std::iota(shuffled.begin(), shuffled.end(), 0);
    std::ranges::shuffle(shuffled, random);
    Boxes given;
    for (int64_t i : shuffled) given.push_back(page[static_cast<size_t>(i)]);
    OpFixture op("text.reading_order");
    op.input("boxes", boxes_of(given));
    ASSERT_TRUE(op.run().ok());
    ASSERT_EQ(op["boxes"].shape(), (Shape{static_cast<int64_t>(page.size()), 4}));
    auto sorted = op["boxes"].values<float>();
    for (size_t i = 0; i < page.size(); ++i) {
      EXPECT_THAT(sorted.subspan(4 * i, 4), ElementsAreArray(page[i])) << round << " " << i;
      EXPECT_EQ(shuffled[static_cast<size_t>(order_of(op)[i])], static_cast<int64_t>(i));
    }
  }
}

TEST(ReadingOrder, HalfALinesHeight) {
  // 20 high, at 100: the next at 10 lower belongs to the line, which is at 105 then.
  OpFixture op("text.reading_order");
  op.input("boxes", boxes_of({{50, 90, 60, 110}, {30, 100, 40, 120}, {10, 105.5f, 20, 125.5f}}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(order_of(op), ElementsAre(1, 0, 2));
  op.input("boxes", boxes_of({{50, 90, 60, 110}, {30, 100, 40, 120}, {10, 104.5f, 20, 124.5f}}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(order_of(op), ElementsAre(2, 1, 0));
  op.input("boxes", boxes_of({{50, 90, 60, 110}, {30, 100.5f, 40, 120.5f}}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(order_of(op), ElementsAre(0, 1));
  // One above the other in a line, and twice the same.
  op.input("boxes", boxes_of({{5, 11, 9, 19}, {5, 10, 9, 18}, {5, 10, 9, 18}}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(order_of(op), ElementsAre(1, 2, 0));
  EXPECT_FALSE(op["quads"]);
}

TEST(ReadingOrder, QuadsAtASlope) {
  // Two words of a line that falls by 14 pixels from the first to the second, 30 high; a line
  // below.
  const std::vector<float> quads = {
      160, 34, 260, 48, 256, 78,  156, 64,   // right
      20,  80, 120, 94, 116, 124, 16,  110,  // below
      20,  20, 120, 34, 116, 64,  16,  50,   // left
  };
  OpFixture op("text.reading_order");
  op.input("quads", *Tensor::of(std::span<const float>(quads), Shape{3, 4, 2}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(order_of(op), ElementsAre(2, 0, 1));
  ASSERT_EQ(op["quads"].shape(), (Shape{3, 4, 2}));
  EXPECT_EQ(op["quads"].values<float>()[0], 20);
  EXPECT_EQ(op["quads"].values<float>()[7], 50);
  EXPECT_EQ(op["quads"].values<float>()[8], 160);
  EXPECT_FALSE(op["boxes"]);
}

TEST(ReadingOrder, NothingAndRefusals) {
  OpFixture empty("text.reading_order");
  empty.input("boxes", boxes_of({}));
  ASSERT_TRUE(empty.run().ok());
  EXPECT_EQ(empty["boxes"].shape(), (Shape{0, 4}));
  EXPECT_EQ(empty["order"].shape(), Shape{0});
  // Whatever is finite.
  constexpr float kMost = std::numeric_limits<float>::max();
  OpFixture huge("text.reading_order");
  huge.input("boxes", boxes_of({{-kMost, -kMost, kMost, kMost}, {kMost, kMost, 0, 0}, {}}));
  EXPECT_TRUE(huge.run().ok());
  OpFixture bad("text.reading_order");
  bad.input("boxes", boxes_of({{0, 0, 1, 1}, {0, NAN, 1, 1}}));
  EXPECT_THAT(bad.run().message(), HasSubstr("boxes: number 1 holds nan; finite ones"));
  OpFixture neither("text.reading_order");
  EXPECT_THAT(neither.run().message(), HasSubstr("connect quads or boxes, one of them"));
  OpFixture both("text.reading_order");
  both.input("boxes", boxes_of({})).input("quads", *Tensor::allocate(DType::kFp32, {0, 4, 2}));
  EXPECT_THAT(both.run().message(), HasSubstr("connect quads or boxes, one of them"));
}

}  // namespace
}  // namespace leat
