// Real pictures, where they are: every row of the manifest that is a picture is decoded or refused
// as it says, and pixels are compared with what Pillow 13 gives.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "base/text.h"
#include "codec/image/pictures_test.h"

namespace leat::image {
namespace {

struct Expected {
  const char* file;
  int width, height;
  double mean[3];
  // Pixels at (width / 3, height / 4), the right of the top row, the middle of the bottom row.
  int pixels[9];
};

// Made by Image.open, ImageOps.exif_transpose, convert("RGB").
// clang-format off
constexpr Expected kExpected[] = {
    {"exif/Landscape_0.jpg", 1800, 1200,
     {98.39, 115.71, 134.13}, {182, 211, 243, 58, 44, 41, 38, 63, 85}},
    {"exif/Landscape_2.jpg", 1800, 1200,
     {98.39, 115.71, 134.13}, {185, 211, 238, 57, 43, 32, 37, 64, 85}},
    {"exif/Landscape_4.jpg", 1800, 1200,
     {98.36, 115.68, 134.11}, {182, 211, 243, 56, 42, 39, 38, 63, 85}},
    {"exif/Landscape_5.jpg", 1800, 1200,
     {98.40, 115.72, 134.14}, {183, 212, 244, 62, 48, 45, 31, 56, 78}},
    {"exif/Landscape_7.jpg", 1800, 1200,
     {98.30, 115.63, 134.06}, {186, 212, 239, 63, 49, 38, 31, 55, 79}},
    {"exif/Portrait_0.jpg", 1200, 1800,
     {144.50, 155.78, 163.08}, {116, 133, 141, 175, 185, 195, 76, 87, 93}},
    {"exif/Portrait_6.jpg", 1200, 1800,
     {144.49, 155.76, 163.07}, {116, 133, 141, 175, 185, 195, 85, 96, 102}},
    {"exif/hopper_orientation_3.jpg", 128, 128,
     {89.68, 80.05, 95.31}, {107, 58, 51, 81, 114, 193, 17, 18, 22}},
    {"exif/hopper_orientation_6.jpg", 128, 128,
     {89.67, 80.08, 95.34}, {108, 59, 52, 82, 115, 194, 17, 18, 22}},
    {"exif/hopper_orientation_6.webp", 128, 128,
     {89.82, 80.15, 95.66}, {108, 68, 61, 83, 117, 188, 14, 18, 24}},
    {"face/fr_biden.jpg", 970, 2204, {70.75, 62.71, 55.51}, {42, 94, 142, 213, 203, 193, 0, 0, 0}},
    {"face/fr_obama2.jpg", 626, 1200, {89.19, 64.76, 69.73}, {64, 68, 95, 162, 82, 93, 115, 42, 9}},
    {"jpeg/jd_blank_800x280.jpg", 800, 280,
     {255.00, 255.00, 255.00}, {255, 255, 255, 255, 255, 255, 255, 255, 255}},
    {"jpeg/jd_jpg-cmyk-2.jpg", 256, 256,
     {252.31, 251.81, 251.79}, {255, 255, 255, 255, 255, 255, 255, 255, 255}},
    {"jpeg/jd_progressive-missing-ac.jpg", 8, 8,
     {255.00, 255.00, 255.00}, {255, 255, 255, 255, 255, 255, 255, 255, 255}},
    {"jpeg/jd_restarts.jpg", 33, 33,
     {127.50, 127.57, 44.11}, {170, 189, 1, 0, 255, 3, 126, 1, 127}},
    {"jpeg/jd_tower_grayscale.jpg", 512, 512,
     {146.52, 146.52, 146.52}, {135, 135, 135, 114, 114, 114, 105, 105, 105}},
    {"jpeg/jdcrash_multiple-0xff-before-eoi.jpg", 640, 480,
     {123.83, 126.06, 123.02}, {144, 144, 146, 157, 164, 172, 1, 0, 2}},
    {"jpeg/ljt_testimgari.jpg", 227, 149,
     {146.37, 90.51, 81.51}, {93, 56, 50, 85, 81, 98, 255, 255, 235}},
    {"jpeg/pil_frozenpond.mpo", 640, 480,
     {108.24, 104.04, 100.56}, {110, 102, 100, 126, 122, 136, 168, 172, 171}},
    {"jpeg/pil_hopper_16bit_qtables.jpg", 128, 128,
     {90.13, 80.28, 94.80}, {93, 76, 66, 87, 124, 194, 21, 21, 21}},
    {"jpeg/pil_hopper_gray.jpg", 128, 128,
     {84.69, 84.69, 84.69}, {70, 70, 70, 113, 113, 113, 21, 21, 21}},
    {"jpeg/pil_pil_sample_cmyk.jpg", 100, 100, {30.23, 5.44, 7.39}, {1, 4, 5, 1, 4, 5, 1, 4, 5}},
    {"jpeg/wuffs_bricks-color.jpeg", 160, 120,
     {43.57, 88.91, 121.70}, {194, 46, 72, 186, 67, 121, 176, 11, 53}},
    {"jpeg/wuffs_harvesters.jpeg", 1165, 859,
     {136.60, 108.20, 71.88}, {207, 190, 174, 0, 0, 2, 3, 0, 0}},
    {"jpeg/wuffs_peacock.progressive.jpeg", 100, 75,
     {151.47, 135.82, 107.87}, {201, 167, 106, 220, 190, 154, 37, 122, 176}},
    {"jpeg/wuffs_peacock.s-very-weird.jpeg", 100, 75,
     {151.61, 136.07, 108.09}, {184, 175, 106, 218, 194, 156, 28, 124, 174}},
    {"jpeg/zune_non_interleaved_420_64x64.jpg", 64, 64,
     {127.74, 0.46, 127.70}, {187, 1, 66, 253, 0, 5, 3, 1, 250}},
    {"jpeg/jd_extraneous-data.jpg", 16, 16,
     {127.44, 127.49, 43.88}, {167, 186, 0, 14, 245, 7, 115, 9, 120}},
    {"ocr/ovms_east_input.jpg", 1920, 1080,
     {253.17, 253.10, 252.99}, {255, 255, 255, 255, 255, 255, 255, 255, 255}},
    {"ocr/ovms_text_1.jpg", 128, 32,
     {189.25, 189.25, 189.25}, {252, 252, 252, 255, 255, 255, 254, 254, 254}},
    {"ocr/ovms_text_3.jpg", 128, 32,
     {186.86, 186.86, 186.86}, {255, 255, 255, 255, 255, 255, 255, 255, 255}},
    {"ocr/ovms_text_4.jpg", 128, 32,
     {192.35, 192.35, 192.35}, {255, 255, 255, 255, 255, 255, 255, 255, 255}},
    {"ocr/ovms_text_6.jpg", 128, 32,
     {192.82, 192.82, 192.82}, {2, 2, 2, 255, 255, 255, 255, 255, 255}},
    {"ocr/ovms_text_8.jpg", 128, 32,
     {194.49, 194.49, 194.49}, {251, 251, 251, 255, 255, 255, 247, 247, 247}},
    {"ocr/skimage_page.png", 384, 191,
     {171.54, 171.54, 171.54}, {183, 183, 183, 239, 239, 239, 159, 159, 159}},
    {"photo/burn_bridge.jpg", 738, 727,
     {113.15, 126.62, 138.98}, {51, 50, 45, 55, 91, 139, 74, 66, 55}},
    {"photo/burn_dog_bike_man.jpg", 786, 600,
     {84.53, 84.53, 84.53}, {80, 80, 80, 72, 72, 72, 97, 97, 97}},
    {"photo/onnxtut_cat.jpg", 348, 348,
     {139.68, 144.63, 95.66}, {163, 129, 92, 118, 168, 107, 198, 187, 165}},
    {"photo/ovms_airliner.jpeg", 275, 183,
     {85.90, 151.95, 211.88}, {69, 146, 218, 121, 168, 220, 162, 194, 233}},
    {"photo/ovms_arctic-fox.jpeg", 387, 224,
     {127.20, 134.17, 149.77}, {109, 124, 157, 132, 143, 171, 155, 162, 180}},
    {"photo/ovms_golden_retriever.jpeg", 227, 222,
     {142.56, 152.23, 106.32}, {100, 148, 72, 85, 129, 80, 103, 144, 86}},
    {"photo/ovms_magnetic_compass.jpeg", 259, 194,
     {140.70, 106.00, 88.33}, {191, 178, 170, 105, 74, 43, 112, 65, 39}},
    {"photo/ovms_peacock.jpeg", 276, 183,
     {89.66, 104.07, 93.92}, {160, 149, 163, 134, 103, 108, 38, 90, 18}},
    {"photo/ovms_people2.jpeg", 1200, 800,
     {133.60, 127.44, 126.42}, {165, 165, 157, 79, 71, 60, 49, 61, 103}},
    {"photo/ovms_people3.jpeg", 1200, 800,
     {155.84, 164.35, 174.66}, {116, 79, 70, 230, 245, 248, 113, 150, 192}},
    {"photo/ovms_road1.jpg", 960, 638,
     {115.39, 110.69, 106.81}, {174, 178, 181, 205, 186, 179, 35, 39, 48}},
    {"photo/ovms_snail.jpeg", 275, 183,
     {78.06, 92.70, 49.64}, {117, 152, 158, 15, 76, 0, 41, 53, 7}},
    {"photo/skimage_astronaut.png", 512, 512,
     {141.56, 105.76, 96.48}, {211, 203, 205, 125, 119, 110, 78, 19, 6}},
    {"photo/skimage_chelsea.png", 451, 300,
     {147.67, 111.44, 86.80}, {182, 142, 116, 45, 27, 13, 141, 108, 93}},
    {"photo/sklearn_flower.jpg", 640, 427,
     {55.13, 73.58, 57.00}, {6, 27, 28, 0, 75, 63, 229, 197, 156}},
    {"photo/triton_vulture.jpeg", 500, 375,
     {144.16, 127.04, 130.27}, {201, 170, 178, 199, 169, 167, 18, 16, 17}},
    {"photo/winml_fish.png", 224, 224,
     {80.89, 109.91, 58.56}, {60, 109, 30, 72, 127, 60, 152, 167, 128}},
    {"photo/winml_kitten_224.png", 224, 224,
     {202.69, 196.66, 196.06}, {255, 255, 255, 255, 255, 255, 255, 255, 255}},
    {"png/imagers_apng_ball.png", 100, 100, {20.85, 23.73, 18.04}, {0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"png/wuffs_bricks-dither.png", 160, 120,
     {43.06, 89.06, 122.02}, {206, 44, 80, 180, 71, 118, 178, 19, 48}},
    {"png/suite/basi0g01.png", 32, 32, {124.51, 124.51, 124.51}, {255, 255, 255, 0, 0, 0, 0, 0, 0}},
    {"png/suite/basi3p01.png", 32, 32,
     {136.00, 178.50, 144.50}, {238, 255, 34, 34, 102, 255, 34, 102, 255}},
    {"png/suite/basi6a08.png", 32, 32,
     {100.66, 191.25, 94.72}, {255, 255, 6, 255, 0, 8, 0, 32, 255}},
    {"png/suite/basi6a16.png", 32, 32,
     {127.50, 127.50, 63.75}, {221, 255, 0, 0, 255, 0, 123, 0, 132}},
    {"png/suite/basn0g04.png", 32, 32,
     {119.00, 119.00, 119.00}, {68, 68, 68, 119, 119, 119, 187, 187, 187}},
    {"png/suite/basn2c16.png", 32, 32,
     {127.50, 127.50, 43.77}, {173, 189, 0, 0, 255, 0, 123, 0, 132}},
    {"png/suite/basn3p01.png", 32, 32,
     {136.00, 178.50, 144.50}, {238, 255, 34, 34, 102, 255, 34, 102, 255}},
    {"png/suite/basn4a16.png", 32, 32,
     {126.30, 126.30, 126.30}, {68, 68, 68, 0, 0, 0, 247, 247, 247}},
    {"png/suite/cdun2c08.png", 32, 32, {185.85, 132.36, 35.13}, {0, 255, 0, 255, 0, 0, 255, 85, 0}},
    {"png/suite/g03n2c08.png", 32, 32,
     {90.43, 123.31, 61.01}, {158, 158, 255, 0, 255, 0, 0, 200, 0}},
    {"png/suite/s01n3p01.png", 1, 1, {0.00, 0.00, 255.00}, {0, 0, 255, 0, 0, 255, 0, 0, 255}},
    {"png/suite/tp1n3p08.png", 32, 32,
     {167.14, 174.38, 169.31}, {143, 79, 79, 255, 255, 255, 255, 255, 255}},
    {"webp/go_yellow_rose.lossless.webp", 400, 301,
     {147.86, 103.07, 52.77}, {244, 130, 136, 98, 100, 78, 100, 88, 47}},
    {"webp/imagers_panic.webp", 100, 30, {0.00, 0.00, 0.00}, {0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"webp/irs_animated_random_lossy.webp", 99, 87,
     {126.23, 128.18, 127.77}, {165, 123, 158, 194, 154, 160, 173, 186, 148}},
    {"webp/irs_gallery2_1_webp_a.webp", 400, 301,
     {154.93, 109.78, 57.00}, {243, 128, 135, 100, 98, 81, 136, 118, 74}},
    {"webp/pil_flower.webp", 480, 360,
     {119.42, 132.08, 94.30}, {103, 147, 87, 72, 92, 22, 145, 164, 131}},
    {"webp/pil_iss634.webp", 245, 245,
     {134.59, 136.61, 90.17}, {144, 108, 72, 23, 100, 104, 203, 179, 73}},
    {"webp/pil_transparent.webp", 200, 150, {33.89, 25.87, 27.07}, {41, 39, 162, 0, 1, 0, 0, 0, 0}},
    {"webp/wuffs_harvesters.lossy.webp", 1165, 859,
     {136.82, 108.28, 72.01}, {208, 189, 175, 0, 2, 0, 2, 0, 0}},
};
// clang-format on

TEST(ImageAssets, PixelsAreThoseOfPillow) {
  if (assets().empty()) GTEST_SKIP() << "no pictures: set LEAT_ASSETS";
  for (const Expected& expected : kExpected) {
    SCOPED_TRACE(expected.file);
    std::vector<uint8_t> bytes = read_file(assets() / "images" / expected.file);
    PictureCanvas canvas;
    Result<Header> header = decode(bytes, {}, canvas);
    ASSERT_TRUE(header.ok()) << header.status().message();
    const Picture& picture = canvas.picture;
    ASSERT_EQ(picture.width, expected.width);
    ASSERT_EQ(picture.height, expected.height);

    double sums[3] = {};
    for (size_t i = 0; i < picture.pixels.size(); ++i) sums[i % 3] += picture.pixels[i];
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(sums[c] / (picture.width * picture.height), expected.mean[c], 0.0051);
    }
    const uint8_t* pixels[] = {picture.at(picture.width / 3, picture.height / 4),
                               picture.at(picture.width - 1, 0),
                               picture.at(picture.width / 2, picture.height - 1)};
    for (int i = 0; i < 9; ++i) EXPECT_EQ(pixels[i / 3][i % 3], expected.pixels[i]) << i;
  }
}

TEST(ImageAssets, EveryRowOfTheManifestIsAsItSays) {
  if (assets().empty()) GTEST_SKIP() << "no pictures: set LEAT_ASSETS";
  std::vector<uint8_t> text = read_file(assets() / "MANIFEST.tsv");
  int seen = 0;
  for (std::string_view line : split({reinterpret_cast<char*>(text.data()), text.size()}, '\n')) {
    if (!line.starts_with("images/")) continue;
    std::vector<std::string_view> cells = split(line, '\t');
    ASSERT_EQ(cells.size(), 11u) << line;
    SCOPED_TRACE(cells[0]);
    ++seen;
    std::vector<uint8_t> bytes = read_file(assets() / cells[0]);
    std::string what(cells[9]), wanted(cells[10]);
    PictureCanvas canvas;
    Result<Header> header = decode(bytes, {}, canvas);
    const Status& status = header.status();

    if (wanted.starts_with("must be rejected") || wanted.starts_with("truncated")) {
      EXPECT_FALSE(status.ok());
      EXPECT_TRUE(status.code() == Code::kBadMedia || status.code() == Code::kTooLarge);
      if (wanted.starts_with("truncated")) {
        EXPECT_THAT(status.message(), testing::HasSubstr("truncated"));
      }
    } else if (wanted.starts_with("damaged") || wanted.find("bomb") != wanted.npos) {
      EXPECT_TRUE(status.ok() || status.code() == Code::kBadMedia);
    } else {
      EXPECT_THAT(wanted, testing::HasSubstr("decodes ok"));
      ASSERT_TRUE(status.ok()) << status.message();
      std::smatch size;
      ASSERT_TRUE(std::regex_search(wanted, size, std::regex("upright size (\\d+)x(\\d+)")) ||
                  std::regex_search(what, size, std::regex("(\\d+)x(\\d+)")));
      EXPECT_EQ(header->size.width, std::stoi(size[1]));
      EXPECT_EQ(header->size.height, std::stoi(size[2]));
      EXPECT_EQ(canvas.picture.width, header->size.width);
      Result<Header> alone = read_header(bytes);
      ASSERT_TRUE(alone.ok());
      EXPECT_EQ(alone->size.width, header->size.width);
      EXPECT_EQ(alone->size.height, header->size.height);
    }
  }
  EXPECT_GT(seen, 90);
}

}  // namespace
}  // namespace leat::image
