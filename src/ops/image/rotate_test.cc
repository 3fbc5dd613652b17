#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/testing/op_fixture.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

// A picture of 3 x 2 whose pixels are numbered, row by row, and what becomes of the numbers.
struct Reordered {
  const char* name;
  ParamValue value;
  ImageSize size;
  std::vector<int> numbers;
};

const Reordered kReordered[] = {
    {"turns", int64_t{1}, {2, 3}, {2, 5, 1, 4, 0, 3}},
    {"turns", int64_t{2}, {3, 2}, {5, 4, 3, 2, 1, 0}},
    {"turns", int64_t{3}, {2, 3}, {3, 0, 4, 1, 5, 2}},
    {"direction", "horizontal", {3, 2}, {2, 1, 0, 5, 4, 3}},
    {"direction", "vertical", {3, 2}, {3, 4, 5, 0, 1, 2}},
};

TEST(Rotate, AndFlipReorderPixels) {
  const std::vector<uint8_t> pixels = {0, 10, 20, 1, 11, 21, 2, 12, 22,
                                       3, 13, 23, 4, 14, 24, 5, 15, 25};
  for (const Reordered& c : kReordered) {
    SCOPED_TRACE(testing::PrintToString(c.numbers));
    OpFixture op(c.name == std::string("turns") ? "image.rotate" : "image.flip");
    Tensor whole = image(pixels, 3, 2);
    whole.set_full_size({30, 20});
    ASSERT_TRUE(op.param(c.name, c.value).input("image", whole).run().ok());
    const Tensor& out = op["image"];
    ASSERT_EQ(out.shape(), Shape({c.size.height, c.size.width, 3}));
    EXPECT_EQ(out.full_size().width, c.size.width * 10);
    EXPECT_EQ(out.full_size().height, c.size.height * 10);
    std::vector<int> want;
    for (int number : c.numbers) want.insert(want.end(), {number, number + 10, number + 20});
    EXPECT_THAT(out.values<uint8_t>(), testing::ElementsAreArray(want));
  }
}

std::vector<uint8_t> turned(const std::vector<uint8_t>& pixels, int width, int height, int64_t by) {
  OpFixture op("image.rotate");
  EXPECT_TRUE(op.param("turns", by).input("image", image(pixels, width, height)).run().ok());
  const auto values = op["image"].values<uint8_t>();
  return {values.begin(), values.end()};
}

TEST(Rotate, ByQuartersComesRoundAgain) {  // with more pixels than are moved at once
  std::mt19937 random(7);
  const auto pixels = noise(150, 70, random);
  const auto once = turned(pixels, 150, 70, 1);
  const auto twice = turned(once, 70, 150, 1);
  EXPECT_EQ(twice, turned(pixels, 150, 70, 2));
  EXPECT_EQ(turned(twice, 150, 70, 1), turned(pixels, 150, 70, 3));
  EXPECT_EQ(turned(once, 70, 150, 3), pixels);
}

struct Turned {
  double degrees;
  int64_t turns;
  bool expand;
  std::vector<double> fill;
  ImageSize size;
  int step_x, step_y;
  std::vector<int> opencv;
};

// slopes(60, 40), with OpenCV 5.0; for the last one np.rot90() of it. w, h: the result's size.
//   m = cv2.getRotationMatrix2D((w0 / 2 - .5, h0 / 2 - .5), degrees, 1)
//   m[:, 2] += (w - w0) / 2, (h - h0) / 2
//   out = cv2.warpAffine(picture, m, (w, h), flags=cv2.INTER_CUBIC,
//                        borderMode=cv2.BORDER_REPLICATE)
//   i = cv2.invertAffineTransform(m)
//   y, x = np.mgrid[0:h, 0:w]
//   sx, sy = (i[k, 0] * x + i[k, 1] * y + i[k, 2] + .5 for k in (0, 1))
//   out[(sx < 0) | (sy < 0) | (sx > w0) | (sy > h0)] = fill
//   out[::step_y, ::step_x].ravel().tolist()
const Turned kTurned[] = {
    {30, 0, false, {1, 2, 3}, {60, 40}, 10, 8, {1,   2,   3,   1,   2,   3,   1,   2,   3,   116,
                                                156, 196, 220, 252, 210, 188, 148, 108, 1,   2,
                                                3,   90,  50,  9,   12,  52,  92,  115, 155, 195,
                                                218, 253, 212, 189, 149, 109, 196, 156, 116, 92,
                                                52,  12,  11,  51,  91,  113, 153, 193, 217, 254,
                                                213, 191, 151, 111, 197, 157, 117, 93,  53,  13,
                                                9,   49,  89,  112, 152, 192, 215, 253, 215, 192,
                                                152, 112, 1,   2,   3,   95,  55,  15,  8,   48,
                                                88,  111, 151, 191, 214, 253, 216, 1,   2,   3}},
    {30, 0, true, {1, 2, 3}, {72, 65}, 12, 12, {1,   2,   3,   1,   2,   3,   1,   2,   3,   1,
                                                2,   3,   1,   2,   3,   1,   2,   3,   1,   2,
                                                3,   1,   2,   3,   1,   2,   3,   116, 156, 196,
                                                241, 229, 189, 1,   2,   3,   1,   2,   3,   132,
                                                92,  52,  8,   31,  71,  114, 154, 194, 238, 232,
                                                192, 149, 109, 69,  1,   2,   3,   134, 94,  54,
                                                10,  29,  69,  112, 152, 192, 237, 233, 193, 151,
                                                111, 71,  1,   2,   3,   136, 96,  56,  13,  27,
                                                67,  110, 150, 190, 1,   2,   3,   1,   2,   3,
                                                1,   2,   3,   1,   2,   3,   15,  25,  65,  1,
                                                2,   3,   1,   2,   3,   1,   2,   3}},
    {-12.5, 1, false, {200}, {40, 60}, 8, 12, {200, 200, 200, 252, 214, 174, 199, 159, 119, 145,
                                               105, 65,  200, 200, 200, 200, 200, 200, 165, 205,
                                               245, 219, 251, 211, 236, 196, 156, 182, 142, 102,
                                               200, 200, 200, 72,  112, 152, 127, 167, 207, 180,
                                               220, 250, 236, 234, 194, 76,  36,  5,   21,  19,
                                               59,  34,  74,  114, 89,  129, 169, 143, 183, 223,
                                               167, 127, 87,  113, 73,  33,  59,  19,  21,  4,
                                               36,  76,  51,  91,  131}},
};

TEST(Rotate, ByDegreesAgreesWithOpenCv) {
  for (const Turned& c : kTurned) {
    SCOPED_TRACE(c.degrees);
    OpFixture op("image.rotate");
    op.param("degrees", c.degrees).param("turns", c.turns).param("expand", c.expand);
    op.param("fill", c.fill).input("image", image(slopes(60, 40), 60, 40));
    const Status status = op.run();
    ASSERT_TRUE(status.ok()) << status.message();
    const Tensor& out = op["image"];
    ASSERT_EQ(out.shape(), Shape({c.size.height, c.size.width, 3}));
    EXPECT_EQ(out.full_size().width, c.size.width);
    EXPECT_EQ(out.full_size().height, c.size.height);
    size_t i = 0;
    for (int y = 0; y < c.size.height; y += c.step_y) {
      for (int x = 0; x < c.size.width; x += c.step_x) {
        for (int channel = 0; channel < 3; ++channel) {
          EXPECT_NEAR(
              out.values<uint8_t>()[static_cast<size_t>((y * c.size.width + x) * 3 + channel)],
              c.opencv.at(i++), 1)
              << x << " " << y;
        }
      }
    }
    EXPECT_EQ(i, c.opencv.size());
  }
}

TEST(Rotate, ByNinetyDegreesKeepsEveryPixel) {
  std::mt19937 random(8);
  const auto pixels = noise(31, 20, random);
  for (int64_t quarters : {1, 2, 3}) {
    OpFixture op("image.rotate");
    op.param("degrees", 90.0 * static_cast<double>(quarters)).param("expand", true);
    ASSERT_TRUE(op.input("image", image(pixels, 31, 20)).run().ok());
    EXPECT_THAT(op["image"].values<uint8_t>(),
                testing::ElementsAreArray(turned(pixels, 31, 20, quarters)));
  }
}

// A square of the original, in a picture that is reduced in one direction only, stays one.
TEST(Rotate, TurnsTheOriginal) {
  std::vector<uint8_t> pixels(size_t{50} * 100 * 3, 0);
  const auto put = [&](int x, int y) { pixels[static_cast<size_t>(y * 50 + x) * 3] = 255; };
  for (int y = 20; y < 40; ++y) {
    for (int x = 10; x < 20; ++x) put(x, y);  // 20..40 each way, of 100 x 100
  }
  Tensor narrow = image(pixels, 50, 100);
  narrow.set_full_size({100, 100});
  struct {
    int64_t turns;
    double degrees;
    ImageSize size;
    int left, top, right, bottom;  // of the square
  } const kCases[] = {{0, 90, {50, 100}, 10, 60, 20, 80},
                      {0, 180, {50, 100}, 30, 60, 40, 80},
                      {1, 90, {100, 50}, 60, 30, 80, 40}};
  for (const auto& c : kCases) {
    OpFixture op("image.rotate");
    op.param("turns", c.turns).param("degrees", c.degrees).input("image", narrow);
    ASSERT_TRUE(op.run().ok());
    const Tensor& out = op["image"];
    ASSERT_EQ(out.shape(), Shape({c.size.height, c.size.width, 3}));
    EXPECT_EQ(out.full_size().width, 100);
    EXPECT_EQ(out.full_size().height, 100);
    for (int y = 0; y < c.size.height; ++y) {
      for (int x = 0; x < c.size.width; ++x) {
        const bool inside = x >= c.left && x < c.right && y >= c.top && y < c.bottom;
        const int red = out.values<uint8_t>()[static_cast<size_t>(y * c.size.width + x) * 3];
        ASSERT_NEAR(red, inside ? 255 : 0, 100) << x << " " << y;  // edges are interpolated
      }
    }
  }
}

TEST(Rotate, RefusesWhatMeansNothing) {
  OpFixture none("image.rotate");
  EXPECT_THAT(none.make().message(), testing::HasSubstr("neither turns nor degrees is set"));
  OpFixture expand("image.rotate");
  EXPECT_THAT(expand.param("turns", int64_t{1}).param("expand", true).make().message(),
              testing::HasSubstr("expand and fill go with degrees"));
  OpFixture fill("image.rotate");
  EXPECT_THAT(fill.param("degrees", 3.0).param("fill", std::vector<double>{1, 2}).make().message(),
              testing::HasSubstr("fill has 2 numbers; allowed: 1, or 3"));
  OpFixture long_one("image.rotate");
  long_one.param("degrees", 45.0).param("expand", true);
  long_one.input("image", image(std::vector<uint8_t>(size_t{3} * 40000), 40000, 1));
  EXPECT_THAT(long_one.run().message(),
              testing::HasSubstr("would be 28285 x 28285 pixels (width x height); allowed: 32768 "
                                 "each way, and 16777216 in all"));
  OpFixture late("image.rotate");
  late.param("degrees", 1.0).input("image", image(pattern(2, 2), 2, 2)).abandon_after(1);
  EXPECT_EQ(late.run().code(), Code::kCancelled);
  OpFixture empty("image.flip");
  empty.input("image", *Tensor::allocate(DType::kUint8, {0, 3, 3}));
  EXPECT_EQ(empty.run().code(), Code::kBadInput);
}

}  // namespace
}  // namespace leat
