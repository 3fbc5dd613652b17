#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>

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

template <typename T>
Tensor box_of(DType type) {
  Tensor box = *Tensor::allocate(type, {4});
  std::ranges::copy(std::array<T, 4>{2, 3, 7, 5}, box.mutable_values<T>().begin());
  return box;
}
// The bits of 2, 3, 7 and 5 in a type of 16 bits.
Tensor box_of_bits(DType type, std::array<uint16_t, 4> bits) {
  Tensor box = *Tensor::allocate(type, {4});
  std::ranges::copy(bits, box.mutable_values<uint16_t>().begin());
  return box;
}

TEST(Crop, TakesBoxesOfEveryTypeOfNumber) {
  const Tensor whole = image(pattern(20, 10), 20, 10);
  for (const Tensor& box : {box_of<int8_t>(DType::kInt8), box_of<int16_t>(DType::kInt16),
                            box_of<int32_t>(DType::kInt32), box_of<int64_t>(DType::kInt64),
                            box_of<uint8_t>(DType::kUint8), box_of<uint16_t>(DType::kUint16),
                            box_of<uint32_t>(DType::kUint32), box_of<uint64_t>(DType::kUint64),
                            box_of<float>(DType::kFp32), box_of<double>(DType::kFp64),
                            box_of_bits(DType::kFp16, {0x4000, 0x4200, 0x4700, 0x4500}),
                            box_of_bits(DType::kBf16, {0x4000, 0x4040, 0x40e0, 0x40a0})}) {
    SCOPED_TRACE(dtype_name(box.dtype()));
    OpFixture op("image.crop");
    const Status status = op.input("image", whole).input("box", box).run();
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(op["image"].shape(), Shape({2, 5, 3}));
    EXPECT_EQ(op["image"].values<uint8_t>()[0], whole.values<uint8_t>()[(3 * 20 + 2) * 3]);
  }
  OpFixture op("image.crop");
  op.input("image", whole).input("box", *Tensor::allocate(DType::kBool, {4}));
  EXPECT_EQ(op.run().code(), Code::kBadInput);
}

std::optional<ImageNeed> need_of(const std::vector<double>& box, double margin,
                                 const std::vector<ImageNeed>& of_the_part = {}) {
  OpFixture op("image.crop");
  op.param("margin", margin);
  for (const ImageNeed& need : of_the_part) op.needs("image", need);
  op.constant("box", *Tensor::of(std::span<const double>(box), Shape{4}));
  EXPECT_TRUE(op.input("image", image(pattern(20, 10), 20, 10)).make().ok());
  return op.op().need(0);
}

// Of a box that is known it looks at nothing else, and of others it needs the full picture.
TEST(Crop, OfAKnownBoxNoMoreIsNeeded) {
  std::mt19937 random(3);
  const auto pixels = pattern(20, 10);
  for (const Cut& c : kCuts) {
    SCOPED_TRACE(testing::PrintToString(c.box));
    const auto need = need_of(c.box, c.margin);
    if (!need) {  // no box at all
      EXPECT_TRUE(c.part.empty());
      continue;
    }
    EXPECT_EQ(need->scale_for(c.full.width, c.full.height), 1);
    const int by = c.full.width > 80 ? 8 : c.full.width == 60 ? 3 : c.full.width > 20 ? 2 : 1;
    if (by == 3) continue;  // which no decoder makes
    Tensor part = image(without_the_rest(pixels, {20, 10}, c.full, *need), 20, 10);
    Tensor whole = image(pixels, 20, 10);
    part.set_full_size(c.full);
    whole.set_full_size(c.full);
    OpFixture op("image.crop");
    op.param("margin", c.margin);
    op.input("box", *Tensor::of(std::span<const double>(c.box), Shape{4}));
    EXPECT_EQ(op.input("image", whole).run().ok(), !c.part.empty());
    const Tensor wanted = op["image"];
    EXPECT_EQ(op.input("image", part).run().ok(), !c.part.empty());
    if (c.part.empty()) continue;
    EXPECT_TRUE(std::ranges::equal(op["image"].values<uint8_t>(), wanted.values<uint8_t>()));
  }
  OpFixture op("image.crop");
  const std::vector<double> box{2, 3, 7, 5};
  op.input("image", image(pixels, 20, 10));
  ASSERT_TRUE(op.input("box", *Tensor::of(std::span<const double>(box), Shape{4})).make().ok());
  EXPECT_FALSE(op.op().need(0).has_value());
}

TEST(Crop, AScaleThatItsConsumerNeedsIsEnough) {
  const std::vector<double> box{8, 8, 408, 208};
  const ImageNeed small{100, 50, Fit::kStretch};
  EXPECT_EQ(need_of(box, 0, {small})->scale_for(1000, 1000), 0.25);
  EXPECT_EQ(need_of(box, 0, {small})->scale_for(208, 1000), 0.5);  // half of it is there
  EXPECT_EQ(need_of(box, 0)->scale_for(1000, 1000), 1);
  EXPECT_EQ(need_of(box, 0, {small, small})->scale_for(1000, 1000), 1);
  EXPECT_EQ(
      need_of(box, 0, {{100, 50, Fit::kStretch, 1, ImageBox{0, 0, 9, 9}}})->scale_for(1000, 1000),
      1);
}

}  // namespace
}  // namespace leat
