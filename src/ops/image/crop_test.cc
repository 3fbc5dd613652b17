#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "memory/testing/op_fixture.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Cut {
  std::vector<double> box;
  double margin;
  ImageSize full;         // of a picture of which the tensor is 20 x 10 pixels
  std::vector<int> part;  // left, top, width, height in the tensor; empty: an error
  ImageSize part_full;
};

const Cut kCuts[] = {
    {{2, 3, 7, 5}, 0, {20, 10}, {2, 3, 5, 2}, {5, 2}},
    {{0, 0, 20, 10}, 0, {20, 10}, {0, 0, 20, 10}, {20, 10}},
    {{1.4, 1.5, 6.6, 4.4}, 0, {20, 10}, {1, 2, 6, 2}, {6, 2}},
    {{-5, -7, 3, 2}, 0, {20, 10}, {0, 0, 3, 2}, {3, 2}},
    {{18, 9, 1e9, 1e30}, 0, {20, 10}, {18, 9, 2, 1}, {2, 1}},
    {{-kInf, -kInf, kInf, kInf}, 0, {20, 10}, {0, 0, 20, 10}, {20, 10}},
    {{4, 2, 8, 4}, 0.5, {20, 10}, {2, 1, 8, 4}, {8, 4}},
    {{4, 2, 8, 4}, 0, {40, 20}, {2, 1, 2, 1}, {4, 2}},
    {{5, 5, 12, 9}, 0, {39, 20}, {3, 3, 3, 2}, {6, 4}},
    // Reduced by 8: what lies 8 to a pixel stays so, though the last ones stand for less.
    {{132, 60, 153, 73}, 0, {153, 73}, {17, 8, 3, 2}, {17, 9}},
    {{0, 0, 153, 73}, 0, {153, 73}, {0, 0, 20, 10}, {153, 73}},
    {{75, 35, 85, 45}, 0, {157, 79}, {9, 4, 2, 2}, {16, 16}},
    // No decoder's reduction: the sizes say how much.
    {{15, 15, 30, 27}, 0, {60, 30}, {5, 5, 5, 4}, {15, 12}},
    {{3, 3, 3, 5}, 0, {20, 10}, {}, {}},
    {{3.1, 3, 3.3, 5}, 0, {20, 10}, {}, {}},
    {{7, 3, 2, 5}, 0, {20, 10}, {}, {}},
    {{20, 0, 25, 10}, 0, {20, 10}, {}, {}},
    {{-9, -9, -1, -1}, 0, {20, 10}, {}, {}},
    {{kNan, 0, 5, 5}, 0, {20, 10}, {}, {}},
    {{0, 0, 5, kNan}, 0, {20, 10}, {}, {}},
    {{-kInf, 0, kInf, 5}, 0.1, {20, 10}, {0, 0, 20, 6}, {20, 6}},
};

TEST(Crop, CopiesThePixelsOfTheBox) {
  const auto pixels = pattern(20, 10);
  for (const Cut& c : kCuts) {
    SCOPED_TRACE(testing::PrintToString(c.box));
    Tensor whole = image(pixels, 20, 10);
    whole.set_full_size(c.full);
    OpFixture op("image.crop");
    op.param("margin", c.margin).input("image", whole);
    op.input("box", *Tensor::of(std::span<const double>(c.box), Shape{4}));
    const Status status = op.run();
    if (c.part.empty()) {
      EXPECT_EQ(status.code(), Code::kBadInput);
      EXPECT_THAT(status.message(), testing::HasSubstr("(x1, y1, x2, y2) covers no pixel of the "
                                                       "picture, which is 20 x 10"));
      continue;
    }
    ASSERT_TRUE(status.ok()) << status.message();
    const Tensor& out = op["image"];
    ASSERT_EQ(out.shape(), Shape({c.part[3], c.part[2], 3}));
    EXPECT_EQ(out.full_size().width, c.part_full.width);
    EXPECT_EQ(out.full_size().height, c.part_full.height);
    std::vector<uint8_t> want;
    for (int y = c.part[1]; y < c.part[1] + c.part[3]; ++y) {
      for (int x = c.part[0] * 3; x < (c.part[0] + c.part[2]) * 3; ++x) {
        want.push_back(pixels[static_cast<size_t>(y * 60 + x)]);
      }
    }
    EXPECT_THAT(out.values<uint8_t>(), testing::ElementsAreArray(want));
  }
}

TEST(Crop, TakesBoxesOfEveryType) {
  const Tensor whole = image(pattern(20, 10), 20, 10);
  const int32_t i32[] = {2, 3, 7, 5};
  const int64_t i64[] = {2, 3, 7, 5};
  const float f32[] = {2, 3, 7, 5};
  for (const Tensor& box : {*Tensor::of<int32_t>(i32, {4}), *Tensor::of<int64_t>(i64, {4}),
                            *Tensor::of<float>(f32, {4})}) {
    OpFixture op("image.crop");
    ASSERT_TRUE(op.input("image", whole).input("box", box).run().ok());
    EXPECT_EQ(op["image"].shape(), Shape({2, 5, 3}));
  }
}

}  // namespace
}  // namespace leat
