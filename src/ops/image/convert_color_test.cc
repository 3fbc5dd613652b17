#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "memory/testing/op_fixture.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

using Triple = std::array<double, 3>;

// Columns, for a picture p of the pixels of the first one:
//   Pillow 13.0: p.convert("L")
//   OpenCV 5.0: cv2.cvtColor(p, cv2.COLOR_RGB2HSV)
//   OpenCV 5.0: cv2.cvtColor(np.float32(p) / 255, cv2.COLOR_RGB2Lab)
const struct {
  Triple rgb;
  double grey;
  Triple hsv, lab;
} kColours[] = {
    {{0, 0, 0}, 0, {0, 0, 0}, {0, 0, 0}},
    {{255, 255, 255}, 255, {0, 0, 255}, {100, 0, 0}},
    {{255, 0, 0}, 76, {0, 255, 255}, {53.241, 80.094, 67.203}},
    {{0, 255, 0}, 150, {60, 255, 255}, {87.738, -86.188, 83.172}},
    {{0, 0, 255}, 29, {120, 255, 255}, {32.294, 79.188, -107.859}},
    {{255, 255, 0}, 226, {30, 255, 255}, {97.137, -21.547, 94.469}},
    {{12, 200, 77}, 130, {70, 240, 200}, {70.721, -66.469, 48.875}},
    {{77, 12, 200}, 53, {130, 240, 200}, {29.401, 65.625, -80.906}},
    {{200, 77, 12}, 106, {10, 240, 200}, {48.944, 46.531, 56.281}},
    {{1, 2, 3}, 2, {105, 170, 3}, {0.507, -0.125, -0.469}},
    {{128, 127, 128}, 127, {150, 2, 128}, {53.308, 0.578, -0.406}},
    {{250, 250, 251}, 250, {120, 1, 251}, {98.138, 0.188, -0.469}},
    {{30, 90, 60}, 69, {75, 170, 90}, {33.673, -27.078, 11.719}},
    {{255, 0, 128}, 91, {165, 255, 255}, {54.889, 84.531, 4.078}},
};

void expect_colours(const char* to, double tolerance, Triple (*want)(size_t i)) {
  std::vector<uint8_t> pixels;
  for (const auto& c : kColours) {
    for (double v : c.rgb) pixels.push_back(static_cast<uint8_t>(v));
  }
  OpFixture op("image.convert_color");
  Tensor whole = image(pixels, static_cast<int>(std::size(kColours)), 1);
  whole.set_full_size({140, 10});
  const Status status = op.param("to", to).input("image", whole).run();
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(op["image"].full_size().width, 140);
  for (size_t i = 0; i < std::size(kColours); ++i) {
    const Triple expected = want(i);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(op["image"].values<uint8_t>()[3 * i + c], expected[c], tolerance)
          << to << " of colour " << i << ", value " << c;
    }
  }
}

TEST(ConvertColor, GivesWhatItsSourcesSay) {
  expect_colours("BGR", 0, [](size_t i) {
    const Triple& rgb = kColours[i].rgb;
    return Triple{rgb[2], rgb[1], rgb[0]};
  });
  expect_colours("GREY", 0, [](size_t i) {
    return Triple{kColours[i].grey, kColours[i].grey, kColours[i].grey};
  });
  expect_colours("HSV", 0, [](size_t i) { return kColours[i].hsv; });
  // JFIF 1.02, page 3.
  expect_colours("YCbCr", 0.501, [](size_t i) {
    const auto [r, g, b] = kColours[i].rgb;
    return Triple{0.299 * r + 0.587 * g + 0.114 * b, -0.1687 * r - 0.3313 * g + 0.5 * b + 128,
                  0.5 * r - 0.4187 * g - 0.0813 * b + 128};
  });
  // OpenCV's own floats are off by up to 0.2, which is 0.5 of what a byte counts.
  expect_colours("LAB", 1, [](size_t i) {
    const auto [l, a, b] = kColours[i].lab;
    return Triple{l * 2.55, a + 128, b + 128};
  });
}

// CIE 15:2004 and IEC 61966-2-1, in doubles.
Triple lab(const uint8_t* rgb) {
  double linear[3];
  for (int c = 0; c < 3; ++c) {
    const double v = rgb[c] / 255.0;
    linear[c] = v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  }
  const auto f = [](double t) {
    return t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116;
  };
  const auto [r, g, b] = linear;
  const double x = f((0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.950456);
  const double y = f(0.212671 * r + 0.715160 * g + 0.072169 * b);
  const double z = f((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.088754);
  return {(116 * y - 16) * 2.55, 500 * (x - y) + 128, 200 * (y - z) + 128};
}

TEST(ConvertColor, LabIsRoundedFromTheDefinition) {
  std::mt19937 random(9);
  auto pixels = noise(300, 200, random);
  for (size_t i = 0; i < 3000; ++i) pixels[i] %= 16;  // and dark ones
  OpFixture op("image.convert_color");
  ASSERT_TRUE(op.param("to", "LAB").input("image", image(pixels, 300, 200)).run().ok());
  const auto out = op["image"].values<uint8_t>();
  for (size_t i = 0; i < out.size(); i += 3) {
    const Triple exact = lab(&pixels[i]);
    for (size_t c = 0; c < 3; ++c) ASSERT_NEAR(out[i + c], exact[c], 0.51) << i;
  }
}

TEST(ConvertColor, OnlyGreyIsStillAPicture) {
  for (const char* to : {"GREY", "HSV"}) {
    OpFixture op("image.convert_color");
    ASSERT_TRUE(op.param("to", to).input("image", image(pattern(5, 4), 5, 4)).make().ok());
    EXPECT_EQ(op.promised()[0].image, to == std::string("GREY"));
    EXPECT_EQ(op.promised()[0].shape(), Shape({4, 5, 3}));
  }
}

}  // namespace
}  // namespace leat
