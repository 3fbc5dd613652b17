#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "memory/testing/op_fixture.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

template <typename T>
Tensor mask(std::span<const T> values, int width, int height) {
  return *Tensor::of(values, Shape{height, width});
}

Tensor drawn(const std::vector<std::string>& rows) {
  std::vector<uint8_t> values;
  for (const std::string& row : rows) {
    for (char c : row) values.push_back(c == '#');
  }
  return mask<uint8_t>(values, static_cast<int>(rows[0].size()), static_cast<int>(rows.size()));
}

TEST(ApplyMask, LaysAColourOverIt) {
  const std::vector<uint8_t> pixels = {0,  100, 200, 10, 110, 210, 20, 120, 220,
                                       30, 130, 230, 40, 140, 240, 50, 150, 250};
  struct {
    const char* where;
    double opacity;
    std::vector<int> result;
  } const kCases[] = {
      // 10 + (250 - 10) / 4 = 70, 110 + (50 - 110) / 4 = 95, 210 - 210 / 4 = 157.5
      {"inside",
       0.25,
       {0, 100, 200, 70, 95, 158, 20, 120, 220, 85, 110, 173, 40, 140, 240, 50, 150, 250}},
      {"outside", 1, {250, 50, 0, 10, 110, 210, 250, 50, 0, 30, 130, 230, 250, 50, 0, 250, 50, 0}},
  };
  const float odds[] = {0.5f, 0.51f, 0, 1, -1, 0.49f};
  const uint8_t bytes[] = {0, 255, 0, 7, 0, 0};
  const bool flags[] = {false, true, false, true, false, false};
  for (const Tensor& m : {drawn({".#.", "#.."}), mask<float>(odds, 3, 2),
                          mask<uint8_t>(bytes, 3, 2), mask<bool>(flags, 3, 2)}) {
    for (const auto& c : kCases) {
      OpFixture op("image.apply_mask");
      op.param("where", c.where).param("opacity", c.opacity);
      op.param("color", std::vector<double>{250, 50, 0});
      const Status status = op.input("image", image(pixels, 3, 2)).input("mask", m).run();
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_THAT(op["image"].values<uint8_t>(), testing::ElementsAreArray(c.result));
    }
  }
}

TEST(ApplyMask, StretchesTheMaskOverThePicture) {
  Tensor whole = image(std::vector<uint8_t>(5 * 3 * 3), 5, 3);
  whole.set_full_size({10, 6});
  OpFixture op("image.apply_mask");
  op.param("opacity", 1.0).param("color", std::vector<double>{9});
  ASSERT_TRUE(op.input("image", whole).input("mask", drawn({"#.", ".#"})).run().ok());
  EXPECT_EQ(op["image"].full_size().width, 10);
  std::string seen;
  for (size_t i = 0; i < 15; ++i) seen += op["image"].values<uint8_t>()[3 * i] == 9 ? '#' : '.';
  EXPECT_EQ(seen,
            "###.."
            "###.."
            "...##");
}

TEST(MaskArea, CountsPixels) {
  OpFixture op("image.mask_area");
  ASSERT_TRUE(op.input("mask", drawn({"##..#", ".....", "..#.."})).run().ok());
  EXPECT_EQ(op["area"].values<int64_t>()[0], 4);
  EXPECT_FLOAT_EQ(op["share"].values<float>()[0], 4 / 15.0f);
  const uint8_t bytes[] = {200, 201, 0, 255};
  OpFixture high("image.mask_area");
  high.param("threshold", 200.0).input("mask", mask<uint8_t>(bytes, 2, 2));
  ASSERT_TRUE(high.run().ok());
  EXPECT_EQ(high["area"].values<int64_t>()[0], 2);
}

TEST(Masks, RefuseWhatIsNone) {
  for (const char* name : {"image.mask_area", "image.mask_contours", "image.apply_mask"}) {
    OpFixture op(name);
    if (name == std::string("image.apply_mask")) op.input("image", image(pattern(2, 2), 2, 2));
    const float odds[] = {0, 1, std::numeric_limits<float>::quiet_NaN(), 0};
    EXPECT_THAT(op.input("mask", mask<float>(odds, 2, 2)).run().message(),
                testing::HasSubstr("the mask is NaN at 0, 1"));
    OpFixture empty(name);
    if (name == std::string("image.apply_mask")) empty.input("image", image(pattern(2, 2), 2, 2));
    EXPECT_THAT(empty.input("mask", *Tensor::allocate(DType::kUint8, {0, 4})).run().message(),
                testing::HasSubstr("the mask is 4 x 0 pixels"));
  }
}

using Polygon = std::vector<std::pair<float, float>>;

std::vector<Polygon> contours(const Tensor& mask, const Tensor& picture = {}) {
  OpFixture op("image.mask_contours");
  const Status status = op.input("mask", mask).input("image", picture).run();
  EXPECT_TRUE(status.ok()) << status.message();
  std::vector<Polygon> polygons;
  const float* at = op["points"].values<float>().data();
  for (int64_t length : op["lengths"].values<int64_t>()) {
    polygons.emplace_back();
    for (; length > 0; --length, at += 2) polygons.back().emplace_back(at[0], at[1]);
  }
  EXPECT_EQ(at, op["points"].values<float>().data() + op["points"].values<float>().size());
  return polygons;
}

// With OpenCV 5.0, which begins with the last one, and whose points are middles of pixels where
// leat's are edges:
//   found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
//   [(c.reshape(-1, 2) + .5).tolist() for c in reversed(found)]
TEST(MaskContours, AreThoseOfOpenCv) {
  const Tensor areas = drawn({"#.......", "........", "..####..", "..#..#..", "..#.#.#.",
                              "..####..", "#......#", "##....##"});
  EXPECT_THAT(
      contours(areas),
      testing::ElementsAre(
          Polygon{{0.5f, 0.5f}},
          Polygon{
              {2.5f, 2.5f}, {2.5f, 5.5f}, {5.5f, 5.5f}, {6.5f, 4.5f}, {5.5f, 3.5f}, {5.5f, 2.5f}},
          Polygon{{0.5f, 6.5f}, {0.5f, 7.5f}, {1.5f, 7.5f}},
          Polygon{{7.5f, 6.5f}, {6.5f, 7.5f}, {7.5f, 7.5f}}));
  const Tensor nested =
      drawn({"########", "#......#", "#.####.#", "#.#..#.#", "#.####.#", "#......#", "########"});
  EXPECT_THAT(contours(nested), testing::ElementsAre(Polygon{
                                    {0.5f, 0.5f}, {0.5f, 6.5f}, {7.5f, 6.5f}, {7.5f, 0.5f}}));
  EXPECT_THAT(contours(drawn({"....", "...."})), testing::IsEmpty());
  EXPECT_THAT(contours(drawn({"#"})), testing::ElementsAre(Polygon{{0.5f, 0.5f}}));
}

// Masks of 40 x 30 by chance: value i is (s >> 16) % 256 < density with s = s * 1103515245 + 12345
// modulo 2^31, from s = density on. Of OpenCV's contours, in that order: how many there are, how
// many points, and all numbers of [len(c), x, y, x, y, ...] as h = h * 31 + number modulo 2^32.
TEST(MaskContours, AreThoseOfOpenCvByChance) {
  struct {
    uint32_t density;
    size_t contours, points;
    uint32_t digest;
  } const kCases[] = {
      {64, 88, 300, 4121698242u},
      {120, 10, 262, 1672333267u},
      {180, 2, 115, 2844744270u},
      {230, 1, 40, 1462963952u},
  };
  for (const auto& c : kCases) {
    std::vector<uint8_t> values(1200);
    uint32_t s = c.density;
    for (uint8_t& value : values) {
      s = (s * 1103515245 + 12345) & 0x7fffffff;
      value = (s >> 16 & 255) < c.density;
    }
    const auto found = contours(mask<uint8_t>(values, 40, 30));
    EXPECT_EQ(found.size(), c.contours);
    uint32_t digest = 0;
    size_t points = 0;
    for (const Polygon& polygon : found) {
      digest = digest * 31 + static_cast<uint32_t>(polygon.size());
      for (const auto& [x, y] : polygon) {
        digest = digest * 31 + static_cast<uint32_t>(x);
        digest = digest * 31 + static_cast<uint32_t>(y);
      }
      points += polygon.size();
    }
    EXPECT_EQ(points, c.points);
    EXPECT_EQ(digest, c.digest);
  }
}

TEST(MaskContours, CountInPixelsOfTheOriginal) {
  Tensor picture = image(pattern(4, 4), 4, 4);
  picture.set_full_size({80, 40});
  EXPECT_THAT(contours(drawn({"....", ".#..", ".##.", "...."}), picture),
              testing::ElementsAre(Polygon{{30, 15}, {30, 25}, {50, 25}}));
}

}  // namespace
}  // namespace leat
