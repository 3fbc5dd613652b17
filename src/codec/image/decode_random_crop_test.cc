#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "codec/image/pictures_test.h"
#include "memory/testing/op_fixture.h"

namespace leat::image {
namespace {

using ::testing::HasSubstr;

// No two places are alike.
std::vector<uint8_t> noisy_jpeg(int width, int height) {
  Picture picture = slopes(width, height);
  std::mt19937 random(1);
  for (uint8_t& value : picture.pixels) value = static_cast<uint8_t>(value / 2 + random() % 64);
  std::vector<uint8_t> file;
  EXPECT_TRUE(encode_jpeg(picture.view(), 90, file).ok());
  return file;
}

Tensor bytes_of(const std::vector<uint8_t>& file) {
  return *Tensor::bytes({reinterpret_cast<const char*>(file.data()), file.size()});
}

struct Box {
  int left, top, right, bottom;
};

Box box_of(const OpFixture& op) {
  auto sides = op["box"].values<float>();
  return {static_cast<int>(sides[0]), static_cast<int>(sides[1]), static_cast<int>(sides[2]),
          static_cast<int>(sides[3])};
}

// The whole picture, reduced by `by`.
Picture reduced(const std::vector<uint8_t>& file, ImageSize size, int by) {
  const ImageNeed need{(size.width + by - 1) / by, (size.height + by - 1) / by, Fit::kStretch};
  PictureCanvas canvas;
  EXPECT_TRUE(decode(file, {.needs = {&need, 1}, .oversample = 0.99}, canvas).ok());
  return canvas.picture;
}

TEST(DecodeRandomCrop, IsTheBoxOfTheWhole) {
  constexpr ImageSize kSize{803, 597};
  const std::vector<uint8_t> file = noisy_jpeg(kSize.width, kSize.height);
  for (int target : {0, 16, 50, 300}) {
    OpFixture op("image.decode_random_crop");
    if (target > 0) op.needs("image", {target, target, Fit::kStretch});
    op.input("data", bytes_of(file));
    int reductions = 0;
    for (int64_t seed = 0; seed < 60; ++seed) {
      SCOPED_TRACE(testing::Message() << target << " " << seed);
      ASSERT_TRUE(op.input("seed", *Tensor::scalar(seed)).run().ok());
      const Box box = box_of(op);
      ASSERT_LE(0, box.left);
      ASSERT_LT(box.left, box.right);
      ASSERT_LE(box.right, kSize.width);
      ASSERT_LE(0, box.top);
      ASSERT_LT(box.top, box.bottom);
      ASSERT_LE(box.bottom, kSize.height);
      const Tensor& image = op["image"];
      EXPECT_EQ(image.full_size().width, box.right - box.left);
      EXPECT_EQ(image.full_size().height, box.bottom - box.top);
      int by = 1;
      while ((box.right - box.left + by - 1) / by > image.shape()[1]) by *= 2;
      reductions += by > 1;
      if (target > 0 && by > 1) {
        EXPECT_GE(image.shape()[1], target);
        EXPECT_GE(image.shape()[0], target);
      }
      const Picture whole = reduced(file, kSize, by);
      ASSERT_EQ(whole.width, (kSize.width + by - 1) / by);
      for (int y = 0; y < image.shape()[0]; ++y) {
        const uint8_t* row = image.values<uint8_t>().data() + y * image.shape()[1] * 3;
        ASSERT_TRUE(
            std::equal(row, row + image.shape()[1] * 3, whole.at(box.left / by, box.top / by + y)))
            << "row " << y << " by " << by;
      }
    }
    if (target == 0 || target == 300) {
      EXPECT_EQ(reductions, 0);
    } else {
      EXPECT_GT(reductions, 30);
    }
  }
}

TEST(DecodeRandomCrop, AreasAndAspectsAreThoseAskedFor) {
  constexpr double kArea = 400 * 400;
  const std::vector<uint8_t> file = noisy_jpeg(400, 400);
  OpFixture op("image.decode_random_crop");
  op.param("area_min", 0.1)
      .param("area_max", 0.3)
      .param("aspect_min", 0.5)
      .param("aspect_max", 2.0);
  op.input("data", bytes_of(file));
  double areas = 0, logs = 0, middles = 0;
  constexpr int kSeeds = 300;
  for (int64_t seed = 0; seed < kSeeds; ++seed) {
    ASSERT_TRUE(op.input("seed", *Tensor::scalar(seed)).run().ok());
    const Box box = box_of(op);
    const double width = box.right - box.left, height = box.bottom - box.top;
    EXPECT_GT(width * height / kArea, 0.085);  // edges lie on multiples of 8
    EXPECT_LT(width * height / kArea, 0.33);
    EXPECT_GT(width / height, 0.45);
    EXPECT_LT(width / height, 2.2);
    areas += width * height / kArea / kSeeds;
    logs += std::log(width / height) / kSeeds;
    middles += (box.left + box.right) / 2.0 / kSeeds;
  }
  EXPECT_NEAR(areas, 0.2, 0.02);
  EXPECT_NEAR(logs, 0, 0.1);
  EXPECT_NEAR(middles, 200, 15);
}

TEST(DecodeRandomCrop, WhereNoBoxFitsTheMiddle) {
  const std::vector<uint8_t> file = noisy_jpeg(1000, 10);
  OpFixture op("image.decode_random_crop");
  op.param("area_min", 1.0).input("data", bytes_of(file));
  ASSERT_TRUE(op.input("seed", *Tensor::scalar(int64_t{5})).run().ok());
  const Box box = box_of(op);
  EXPECT_EQ(box.bottom - box.top, 10);
  EXPECT_EQ(box.right - box.left, 13);
  EXPECT_NEAR(box.left, 493, 1);
}

TEST(DecodeRandomCrop, EveryFormatAndTheSmallest) {
  for (int side : {1, 2, 7, 64}) {
    const Picture picture = slopes(side, side);
    std::vector<uint8_t> file;
    ASSERT_TRUE(encode_png(picture.view(), file).ok());
    OpFixture op("image.decode_random_crop");
    op.input("data", bytes_of(file)).input("seed", *Tensor::scalar(int64_t{-3}));
    ASSERT_TRUE(op.run().ok());
    const Box box = box_of(op);
    const Tensor& image = op["image"];
    ASSERT_EQ(image.shape(), (Shape{box.bottom - box.top, box.right - box.left, 3}));
    const uint8_t* first = picture.at(box.left, box.top);
    EXPECT_TRUE(std::equal(first, first + 3, image.values<uint8_t>().data()));
  }
}

TEST(DecodeRandomCrop, Refusals) {
  OpFixture op("image.decode_random_crop");
  op.input("data", *Tensor::bytes("no picture")).input("seed", *Tensor::scalar(int64_t{1}));
  EXPECT_EQ(op.run().code(), Code::kBadMedia);
  OpFixture small("image.decode_random_crop");
  small.param("max_megapixels", 1e-6).input("seed", *Tensor::scalar(int64_t{1}));
  small.input("data", bytes_of(noisy_jpeg(40, 40)));
  EXPECT_EQ(small.run().code(), Code::kTooLarge);
  OpFixture turned("image.decode_random_crop");
  turned.param("area_min", 0.9).param("area_max", 0.1);
  EXPECT_THAT(turned.make().message(), HasSubstr("area_min is 0.9, which is more than area_max"));
  // Of a file that is cut short: what was asked for, or nothing.
  std::vector<uint8_t> cut = noisy_jpeg(400, 400);
  cut.resize(cut.size() / 2);
  for (const char* broken : {"recover", "reject"}) {
    OpFixture of_part("image.decode_random_crop");
    of_part.param("broken", broken).input("data", bytes_of(cut));
    const Status status = of_part.input("seed", *Tensor::scalar(int64_t{1})).run();
    EXPECT_EQ(status.ok(), std::string(broken) == "recover") << status.message();
  }
}

}  // namespace
}  // namespace leat::image
