#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "memory/testing/op_fixture.h"
#include "ops/image/font.h"
#include "ops/image/paint.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

constexpr uint8_t kGrey = 9;

Tensor grey(int width, int height) {
  return image(std::vector<uint8_t>(static_cast<size_t>(width * height * 3), kGrey), width, height);
}

Tensor numbers(const std::vector<float>& values, const Shape& shape) {
  return *Tensor::of(std::span<const float>(values), shape);
}

Tensor whole(const std::vector<int64_t>& values) {
  return *Tensor::of(std::span<const int64_t>(values), Shape{static_cast<int64_t>(values.size())});
}

Tensor texts(const std::vector<std::string_view>& values) { return *Tensor::strings(values); }

// What differs from grey(), row by row: '#', and of a second colour 'o', of a third '+'.
std::vector<std::string> seen(const Tensor& picture) {
  std::vector<std::array<uint8_t, 3>> colours = {{kGrey, kGrey, kGrey}};
  std::vector<std::string> rows;
  const auto values = picture.values<uint8_t>();
  for (int64_t y = 0; y < picture.shape()[0]; ++y) {
    rows.emplace_back();
    for (int64_t x = 0; x < picture.shape()[1]; ++x) {
      const auto at = static_cast<size_t>((y * picture.shape()[1] + x) * 3);
      const std::array<uint8_t, 3> pixel = {values[at], values[at + 1], values[at + 2]};
      auto known = std::ranges::find(colours, pixel);
      if (known == colours.end()) known = colours.insert(known, pixel);
      rows.back() += ".#o+xyz"[std::min<ptrdiff_t>(known - colours.begin(), 6)];
    }
  }
  return rows;
}

OpFixture drawing(int width, int height, int64_t thickness = 1) {
  OpFixture op("image.draw");
  op.param("thickness", thickness).param("opacity", 1.0).input("image", grey(width, height));
  return op;
}

TEST(Draw, Boxes) {
  OpFixture op = drawing(9, 6);
  op.input("boxes", numbers({1, 1, 5, 5, 6.4f, 1.6f, 100, 1e30f, -3, 4, 2, 9}, {3, 4}));
  ASSERT_TRUE(op.input("classes", whole({7, 8, 7})).run().ok());
  EXPECT_THAT(seen(op["image"]), testing::ElementsAre(".........",  //
                                                      ".####....",  //
                                                      ".#..#.ooo",  //
                                                      ".#..#.o..",  //
                                                      "#####.o..",  //
                                                      ".#....o.."));
  OpFixture thick = drawing(9, 6, 2);
  thick.input("boxes", numbers({1, 0, 8, 6, 0, 0, 0, 0}, {2, 4}));
  ASSERT_TRUE(thick.run().ok());
  EXPECT_THAT(seen(thick["image"]), testing::ElementsAre("#ooooooo.",  // no side: still a pixel
                                                         ".ooooooo.",  //
                                                         ".oo...oo.",  //
                                                         ".oo...oo.",  //
                                                         ".ooooooo.",  //
                                                         ".ooooooo."));
}

TEST(Draw, CountsInPixelsOfTheOriginal) {
  Tensor half = grey(9, 6);
  half.set_full_size({18, 12});
  OpFixture op = drawing(9, 6);
  op.input("image", half).input("boxes", numbers({2, 2, 10, 10}, {1, 4}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["image"].full_size().width, 18);
  EXPECT_THAT(seen(op["image"]), testing::ElementsAre(".........",  //
                                                      ".####....",  //
                                                      ".#..#....",  //
                                                      ".#..#....",  //
                                                      ".####....",  //
                                                      "........."));
}

double distance(double x, double y, const float* a, const float* b) {
  const double dx = double{b[0]} - double{a[0]}, dy = double{b[1]} - double{a[1]};
  const double px = x - double{a[0]}, py = y - double{a[1]};
  const double size = dx * dx + dy * dy;
  const double along = size > 0 ? std::clamp((px * dx + py * dy) / size, 0.0, 1.0) : 0.0;
  return std::hypot(px - along * dx, py - along * dy);
}

// Every pixel is painted whose middle is within half the thickness of a side, and no other.
TEST(Draw, Polygons) {
  std::mt19937 random(10);
  for (int n = 0; n < 60; ++n) {
    const int64_t corners = 1 + static_cast<int64_t>(random() % 5), thickness = 1 + random() % 7;
    std::vector<float> points;
    for (int64_t i = 0; i < 4 * corners; ++i) {  // two polygons
      points.push_back(static_cast<float>(random() % 1600) / 20 - 20);
    }
    if (n % 3 == 0) points[0] = points[2 % points.size()];  // upright
    OpFixture op = drawing(40, 30, thickness);
    op.input("polygons", numbers(points, {2, corners, 2})).input("classes", whole({5, 5}));
    ASSERT_TRUE(op.run().ok());
    const auto rows = seen(op["image"]);
    for (int y = 0; y < 30; ++y) {
      for (int x = 0; x < 40; ++x) {
        double nearest = 1e9;
        for (size_t i = 0; i < points.size() / 2; ++i) {
          const auto count = static_cast<size_t>(corners);
          const size_t next = i / count * count + (i + 1) % count;
          nearest =
              std::min(nearest, distance(x + 0.5, y + 0.5, &points[2 * i], &points[2 * next]));
        }
        if (std::abs(nearest - static_cast<double>(thickness) / 2) < 1e-6) continue;
        ASSERT_EQ(rows[static_cast<size_t>(y)][static_cast<size_t>(x)] == '#',
                  nearest < static_cast<double>(thickness) / 2)
            << x << " " << y << " of " << testing::PrintToString(points);
      }
    }
    OpFixture ragged = drawing(40, 30, thickness);
    ragged.input("polygons", numbers(points, {2 * corners, 2}));
    ragged.input("lengths", whole({corners, 0, corners})).input("classes", whole({5, 4, 5}));
    ASSERT_TRUE(ragged.run().ok());
    EXPECT_EQ(seen(ragged["image"]), rows);
  }
}

TEST(Draw, Masks) {
  OpFixture op = drawing(6, 4);
  const uint8_t values[] = {1, 0, 0, 0, 0, 0, 0, 1, 1};
  op.input("masks", *Tensor::of(std::span<const uint8_t>(values), Shape{3, 1, 3}));
  ASSERT_TRUE(op.input("classes", whole({1, 2, 3})).run().ok());
  EXPECT_THAT(seen(op["image"]), testing::ElementsAre("##oooo", "##oooo", "##oooo", "##oooo"));
  OpFixture one("image.draw");
  one.param("threshold", 0.25).param("opacity", 0.5).input("image", grey(2, 2));
  one.input("masks", numbers({0.2f, 0.3f}, {1, 2}));
  ASSERT_TRUE(one.run().ok());
  EXPECT_THAT(seen(one["image"]), testing::ElementsAre(".#", ".#"));
  const Colour colour = distinct_colour(0);
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(one["image"].values<uint8_t>()[3 + c], (colour[c] + kGrey) / 2.0, 0.5);
  }
}

TEST(Draw, Labels) {
  OpFixture op = drawing(20, 14);
  op.input("boxes", numbers({3, 10, 18, 14}, {1, 4})).input("labels", texts({"Hi"}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(seen(op["image"]), testing::ElementsAre("....................",  //
                                                      "...#############....",  //
                                                      "...#o###o###o###....",  //
                                                      "...#o###o#######....",  //
                                                      "...#o###o##oo###....",  //
                                                      "...#ooooo###o###....",  //
                                                      "...#o###o###o###....",  //
                                                      "...#o###o###o###....",  //
                                                      "...#o###o##ooo##....",  //
                                                      "...#############....",  //
                                                      "...###############..",  //
                                                      "...#.............#..",  //
                                                      "...#.............#..",  //
                                                      "...###############.."));
}

// Left, top, width and height of a label of `text` on a box at (x, y).
std::vector<size_t> strip(float x, float y, std::string_view text, int64_t thickness = 1) {
  OpFixture op = drawing(40, 40, thickness);
  op.input("boxes", numbers({x, y, x, y}, {1, 4})).input("labels", texts({text}));
  EXPECT_TRUE(op.run().ok());
  size_t left = 40, top = 40, right = 0, bottom = 0;
  const auto rows = seen(op["image"]);
  for (size_t row = 0; row < 40; ++row) {
    for (size_t column = 0; column < 40; ++column) {
      // The box itself, at the strip's lower left corner, is left out.
      if (rows[row][column] == '.' || (y > 9 && row == static_cast<size_t>(y))) continue;
      left = std::min(left, column);
      right = std::max(right, column + 1);
      top = std::min(top, row);
      bottom = std::max(bottom, row + 1);
    }
  }
  return {left, top, right - left, bottom - top};
}

TEST(Draw, LabelsStayInThePicture) {
  using testing::ElementsAre;
  EXPECT_THAT(strip(5, 20, "abc"), ElementsAre(5, 11, 19, 9));
  EXPECT_THAT(strip(5, 20, "abc", 2), ElementsAre(2, 2, 38, 18));
  EXPECT_THAT(strip(5, 8, "abc"), ElementsAre(5, 8, 19, 9));  // no room above
  EXPECT_THAT(strip(30, 20, "abc"), ElementsAre(21, 11, 19, 9));
  EXPECT_THAT(strip(-9, -9, "abc"), ElementsAre(0, 0, 19, 9));
  EXPECT_THAT(strip(5, 20, std::string(1000, 'x')), ElementsAre(0, 11, 40, 9));
  EXPECT_THAT(strip(5, 20, "\xC3\xA9"), ElementsAre(5, 11, 7, 9));  // one letter of two bytes
  OpFixture tiny = drawing(3, 3, 2);
  tiny.input("boxes", numbers({0, 0, 3, 3}, {1, 4})).input("labels", texts({"abc"}));
  EXPECT_TRUE(tiny.run().ok());
}

TEST(Draw, ScoresFollowLabels) {
  const Tensor polygon = numbers({3, 20, 30, 20, 30, 30, 3, 30}, {1, 4, 2});
  const auto drawn = [&](const char* label, bool score) {
    OpFixture op = drawing(60, 40);
    if (*label) op.input("labels", texts({label}));
    if (score) op.input("scores", numbers({0.874f}, {1}));
    EXPECT_TRUE(op.input("polygons", polygon).input("classes", whole({3})).run().ok());
    return seen(op["image"]);
  };
  EXPECT_EQ(drawn("cat", true), drawn("cat 0.87", false));
  EXPECT_EQ(drawn("", true), drawn("0.87", false));
  EXPECT_NE(drawn("cat 0.87", false), drawn("cat 0.88", false));
}

TEST(Draw, ColoursTellClassesApart) {
  // Of three boxes in the last row, below their labels: which have the same colour.
  const auto colours = [](bool classes, bool labels) {
    OpFixture op = drawing(6, 30);
    op.input("boxes", numbers({0, 29, 1, 30, 2, 29, 3, 30, 4, 29, 5, 30}, {3, 4}));
    if (classes) op.input("classes", whole({9, -1, 9}));
    if (labels) op.input("labels", texts({"a", "a", "b"}));
    EXPECT_TRUE(op.run().ok());
    const std::string row = seen(op["image"])[29];
    return std::array{row[0] == row[2], row[0] == row[4], row[2] == row[4]};
  };
  EXPECT_EQ(colours(true, false), (std::array{false, true, false}));
  EXPECT_EQ(colours(true, true), (std::array{false, true, false}));
  EXPECT_EQ(colours(false, true), (std::array{true, false, false}));
  EXPECT_EQ(colours(false, false), (std::array{false, false, false}));
  for (uint64_t i = 0; i < 32; ++i) {
    for (uint64_t j = 0; j < i; ++j) {
      const Colour a = distinct_colour(i), b = distinct_colour(j);
      int apart = 0;
      for (size_t c = 0; c < 3; ++c) apart += std::abs(a[c] - b[c]);
      EXPECT_GE(apart, 45) << i << " and " << j;
    }
  }
}

TEST(Draw, LettersDiffer) {
  std::set<std::string> known;
  for (int letter = ' '; letter <= '~' + 1; ++letter) {  // the last is unknown
    std::string dots;
    for (int y = 0; y < kLetterHeight; ++y) {
      for (int x = 0; x < kLetterWidth; ++x) {
        dots += letter_dot(static_cast<char>(letter), x, y) ? '#' : '.';
      }
    }
    EXPECT_TRUE(known.insert(dots).second) << letter;
  }
}

TEST(Draw, RefusesWhatDoesNotFit) {
  struct {
    std::map<std::string, Tensor> inputs;
    const char* why;
  } const kBad[] = {
      {{{"boxes", numbers({1, 1, 2, 2, 1, kNan, 2, 2}, {2, 4})}},
       "boxes[1] has a coordinate that is nan"},
      {{{"polygons", numbers({1, 1, 2, INFINITY}, {1, 2, 2})}},
       "polygons[0] has a coordinate that is inf"},
      {{{"polygons", numbers({1, 1, 2, 2}, {2, 2})}},
       "polygons is of shape [2,2]; [polygons,points,2] is wanted"},
      {{{"polygons", numbers({1, 1, 2, 2}, {1, 1, 4})}}, "is of shape [1,1,4]"},
      {{{"polygons", numbers({1, 1, 2, 2}, {1, 2, 2})}, {"lengths", whole({2})}},
       "[points,2], as lengths are given"},
      {{{"polygons", numbers({1, 1, 2, 2}, {2, 2})}, {"lengths", whole({1, 2})}},
       "lengths[1] is 2, where 1 points are left"},
      {{{"polygons", numbers({1, 1, 2, 2}, {2, 2})}, {"lengths", whole({-1})}},
       "lengths[0] is -1, where 2"},
      {{{"polygons", numbers({1, 1, 2, 2}, {2, 2})}, {"lengths", whole({1})}},
       "polygons has 1 points more than lengths tells"},
      {{{"lengths", whole({1})}}, "lengths goes with polygons"},
      {{{"masks", numbers({1, 1}, {1, 1, 1, 2})}}, "masks is of shape [1,1,1,2]; [height,width]"},
      {{{"masks", numbers({1, kNan}, {1, 2})}}, "the mask is NaN at 1, 0"},
      {{{"labels", texts({"a"})}}, "there are 1 labels or scores for 0 boxes or polygons"},
      {{{"labels", texts({"a"})}, {"polygons", numbers({1, 1, 2, 2}, {2, 1, 2})}},
       "there are 1 labels or scores for 2"},
      {{{"labels", texts({"a"})}, {"boxes", numbers({1, 1, 2, 2, 1, 1, 2, 2}, {2, 4})}},
       "n is 1 here and 2 elsewhere"},
  };
  for (const auto& c : kBad) {
    OpFixture op = drawing(9, 9);
    for (const auto& [name, value] : c.inputs) op.input(name, value);
    const Status status = op.run();
    EXPECT_EQ(status.code(), Code::kBadInput) << c.why;
    EXPECT_THAT(status.message(), testing::HasSubstr(c.why));
  }
  OpFixture late = drawing(9, 9);
  late.input("boxes", numbers({1, 1, 2, 2}, {1, 4})).abandon_after(1);
  EXPECT_EQ(late.run().code(), Code::kCancelled);
  OpFixture none = drawing(9, 9);
  none.input("boxes", numbers({}, {0, 4})).input("labels", texts({}));
  EXPECT_TRUE(none.run().ok());
}

}  // namespace
}  // namespace leat
