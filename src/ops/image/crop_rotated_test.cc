#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "memory/testing/op_fixture.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor quad(const std::vector<float>& corners) {
  return *Tensor::of(std::span<const float>(corners), Shape{4, 2});
}

struct Warped {
  std::vector<uint8_t> (*picture)(int, int);
  std::vector<float> quad;
  double turn_tall;
  ImageSize size;
  std::vector<int> opencv;  // of every second row and third column
};

// Of a picture of 60 x 40, with OpenCV 5.0, whose points are middles of pixels where leat's are
// edges:
//   m = cv2.getPerspectiveTransform(quad - .5, np.float32([[0, 0], [w, 0], [w, h], [0, h]]) - .5)
//   out = cv2.warpPerspective(picture, m, (w, h), flags=cv2.INTER_CUBIC,
//                             borderMode=cv2.BORDER_REPLICATE)
// and np.rot90(out) of the fourth; out[::2, ::3].ravel().tolist()
const Warped kWarped[] = {
    {slopes, {10, 5, 18, 7, 16, 12, 9, 9}, 2, {8, 5}, {142, 102, 62, 115, 75, 35, 83, 43, 3,
                                                       137, 97,  57, 112, 72, 32, 80, 40, 1,
                                                       133, 93,  53, 107, 67, 27, 76, 36, 2}},
    {slopes, {20.5, 30, 14, 25.25, 17, 20, 24, 26}, 0, {9, 6}, {69,  109, 149, 43,  83,  123, 15,
                                                                55,  95,  73,  113, 153, 46,  86,
                                                                126, 17,  56,  96,  77,  117, 157,
                                                                49,  89,  129, 17,  57,  97}},
    {slopes, {50, -3, 64, 2, 61, 7, 49, 3}, 0, {15, 6}, {194, 234, 236, 219, 250, 211, 245, 225,
                                                         185, 238, 198, 158, 228, 188, 148, 190,
                                                         230, 240, 217, 253, 213, 245, 225, 185,
                                                         237, 197, 157, 219, 179, 139, 195, 235,
                                                         235, 221, 249, 209, 250, 221, 181, 235,
                                                         195, 155, 210, 170, 130}},
    {slopes, {30, 10, 33, 10, 34, 16, 29, 17}, 1.25, {7, 5}, {84,  124, 164, 97,  137, 177, 116,
                                                              156, 196, 74,  114, 154, 85,  125,
                                                              165, 102, 142, 182, 61,  101, 141,
                                                              71,  111, 151, 86,  126, 166}},
    {pattern,
     {3.25, 2.5, 8.25, 2.5, 8.25, 6.5, 3.25, 6.5},
     0,
     {5, 4},
     {155, 100, 133, 109, 50, 130, 168, 111, 143, 131, 141, 60}},
};

TEST(CropRotated, AgreesWithOpenCv) {
  for (const Warped& c : kWarped) {
    SCOPED_TRACE(testing::PrintToString(c.quad));
    OpFixture op("image.crop_rotated");
    op.param("turn_tall", c.turn_tall).input("image", image(c.picture(60, 40), 60, 40));
    const Status status = op.input("quad", quad(c.quad)).run();
    ASSERT_TRUE(status.ok()) << status.message();
    const Tensor& out = op["image"];
    ASSERT_EQ(out.shape(), Shape({c.size.height, c.size.width, 3}));
    EXPECT_EQ(out.full_size().width, c.size.width);
    EXPECT_EQ(out.full_size().height, c.size.height);
    size_t i = 0;
    for (int y = 0; y < c.size.height; y += 2) {
      for (int x = 0; x < c.size.width * 3; x += x % 3 == 2 ? 7 : 1) {
        // OpenCV's positions are multiples of 1/32 of a pixel, and its weights of 2^-15.
        EXPECT_NEAR(out.values<uint8_t>()[static_cast<size_t>(y * c.size.width * 3 + x)],
                    c.opencv.at(i++), 1)
            << x << " " << y;
      }
    }
    EXPECT_EQ(i, c.opencv.size());
  }
}

// Rectangles of whole pixels, and their quarter turns, keep every pixel.
TEST(CropRotated, CopiesWholePixels) {
  const auto pixels = pattern(20, 10);
  const float corners[4][2] = {{3, 2}, {9, 2}, {9, 6}, {3, 6}};
  for (size_t turn = 0; turn < 4; ++turn) {
    std::vector<float> turned;
    for (size_t i = 0; i < 4; ++i) {
      for (float v : corners[(i + turn) % 4]) turned.push_back(v);
    }
    OpFixture op("image.crop_rotated");
    op.input("image", image(pixels, 20, 10)).input("quad", quad(turned));
    ASSERT_TRUE(op.run().ok());
    const Tensor& out = op["image"];
    const int width = turn % 2 ? 4 : 6, height = turn % 2 ? 6 : 4;
    ASSERT_EQ(out.shape(), Shape({height, width, 3}));
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const int from_x = std::array{x, 5 - y, 5 - x, y}[turn] + 3;
        const int from_y = std::array{y, x, 3 - y, 3 - x}[turn] + 2;
        for (int c = 0; c < 3; ++c) {
          ASSERT_EQ(out.values<uint8_t>()[static_cast<size_t>((y * width + x) * 3 + c)],
                    pixels[static_cast<size_t>((from_y * 20 + from_x) * 3 + c)])
              << turn << ": " << x << ", " << y;
        }
      }
    }
  }
}

TEST(CropRotated, TurnsWhatIsTall) {
  const auto turned = [](double turn_tall, float height) {
    OpFixture op("image.crop_rotated");
    op.param("turn_tall", turn_tall).input("image", image(pattern(60, 60), 60, 60));
    EXPECT_TRUE(op.input("quad", quad({0, 0, 10, 0, 10, height, 0, height})).run().ok());
    return op["image"].shape()[0] == 10;
  };
  EXPECT_FALSE(turned(0, 60));
  EXPECT_FALSE(turned(1.5, 14));
  EXPECT_TRUE(turned(1.5, 15));
  EXPECT_TRUE(turned(1.5, 40));
}

TEST(CropRotated, CountsInPixelsOfTheOriginal) {
  Tensor half = image(slopes(60, 40), 60, 40);
  OpFixture op("image.crop_rotated");
  op.input("image", half).input("quad", quad({10, 5, 18, 7, 16, 12, 9, 9}));
  ASSERT_TRUE(op.run().ok());
  const Tensor whole = op["image"];
  half.set_full_size({120, 80});
  op.input("image", half).input("quad", quad({20, 10, 36, 14, 32, 24, 18, 18}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(op["image"].values<uint8_t>(), testing::ElementsAreArray(whole.values<uint8_t>()));
  EXPECT_EQ(op["image"].full_size().width, 16);   // 16.49
  EXPECT_EQ(op["image"].full_size().height, 11);  // 10.77
}

TEST(CropRotated, RefusesWhatIsNoQuad) {
  const std::pair<std::vector<float>, const char*> kBad[] = {
      {{0, 0, 10, 0, 10, 10, 0, kNan},
       "[0, 0, 10, 0, 10, 10, 0, nan] (x, y of each corner) is not"},
      {{0, 0, kInf, 0, 10, 10, 0, 10}, "is not four corners clockwise"},
      {{0, 0, 10, 10, 10, 0, 0, 10}, "is not four corners clockwise"},  // crosses itself
      {{0, 0, 0, 10, 10, 10, 10, 0}, "is not four corners clockwise"},  // the other way round
      {{0, 0, 10, 0, 3, 3, 0, 10}, "is not four corners clockwise"},    // not convex
      {{5, 5, 5, 5, 5, 5, 5, 5}, "is not four corners clockwise"},
      {{0, 0, 5, 0, 10, 0, 0, 10}, "is not four corners clockwise"},  // a triangle
      {{3, 3, 8, 3, 8, 3.25, 3, 3.25}, "covers no pixel"},
      {{20, 0, 25, 0, 25, 10, 20, 10}, "lies outside of the picture, which is 20 x 10 (width"},
      {{-9, -9, -1, -9, -1, -1, -9, -1}, "lies outside of the picture"},
      {{22, 2, 26, 6, 22, 10, 18, 6}, ""},
      {{22, 9, 27, 14, 22, 19, 17, 14}, "lies outside of the picture"},  // beyond a corner
      {{0, 0, 32769, 0, 32769, 5, 0, 5}, "would be 32769 x 5 pixels (width x height); allowed"},
      {{0, 0, 32768, 0, 32768, 513, 0, 513}, "allowed: 32768 each way, and 16777216 in all"},
      {{-1e30f, -1e30f, 1e30f, -1e30f, 1e30f, 1e30f, -1e30f, 1e30f}, "(width x height); allowed"},
  };
  for (const auto& [corners, why] : kBad) {
    OpFixture op("image.crop_rotated");
    op.input("image", image(pattern(20, 10), 20, 10)).input("quad", quad(corners));
    const Status status = op.run();
    EXPECT_EQ(status.ok(), std::string(why).empty()) << status.message();
    EXPECT_THAT(status.message(), testing::HasSubstr(why));
  }
  OpFixture late("image.crop_rotated");
  late.input("image", image(pattern(20, 10), 20, 10)).input("quad", quad({0, 0, 5, 0, 5, 5, 0, 5}));
  EXPECT_EQ(late.abandon_after(1).run().code(), Code::kCancelled);
}

}  // namespace
}  // namespace leat
