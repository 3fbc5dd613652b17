// What is recovered of files that are cut short: the rows before the cut, as in the whole picture.
// jpeg_damage_test.cc has JPEG's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"
#include "codec/image/testing/files.h"

namespace leat::image {
namespace {

constexpr DecodeOptions kRecover{.recover = true};
constexpr int kWidth = 100, kHeight = 90;

File lossy_webp(const Picture& picture) {
  File file;
  EXPECT_TRUE(encode_webp(picture.view(), 90, file).ok());
  return file;
}

File turned(const File& png) { return png_with(png, "eXIf", exif(6, true)); }

const struct {
  const char* name;
  File file;
  double lag;  // of the intact part behind the part of the file that is there
} kFiles[] = {
    {"PNG", png(noise(kWidth, kHeight)), 0.03},
    {"turned PNG", turned(png(noise(kWidth, kHeight))), 0.03},
    {"interlaced PNG", png_interlaced(noise(kWidth, kHeight)), 0.03},
    {"turned interlaced PNG", turned(png_interlaced(noise(kWidth, kHeight))), 0.03},
    {"lossless WebP", webp(noise(kWidth, kHeight)),
     0.3},  // comes in groups of 16 rows, codes first
    {"lossy WebP", lossy_webp(noise(kWidth, kHeight)), 0.5},  // modes of all blocks come first
    {"GIF", gif(few_colors(noise(kWidth, kHeight))), 0.12},   // the palette comes first
    {"interlaced GIF", gif(few_colors(noise(kWidth, kHeight)), true), 0.12},
    {"BMP", bmp(noise(kWidth, kHeight)), 0.03},
    {"run-length BMP", bmp_run_lengths(few_colors(noise(kWidth, kHeight))), 0.12},
    {"TIFF", tiff(noise(kWidth, kHeight)), 0.03},
    {"TIFF of planes", tiff(noise(kWidth, kHeight), {.planar = true}), 1},  // blue comes last
    {"LZW TIFF", tiff(noise(kWidth, kHeight), {.compression = COMPRESSION_LZW}),
     0.22},  // by strips
    {"turned TIFF", tiff(noise(kWidth, kHeight), {.orientation = 7}), 0.03},
    {"tiled TIFF", tiff(noise(kWidth, kHeight), {.tile = 32}), 0.3},
};

TEST(Recover, TheRowsBeforeACut) {
  for (const auto& [name, file, lag] : kFiles) {
    const Picture whole = decoded(file);
    double most = 0;
    for (size_t size = 1; size <= file.size(); size += size + 40 < file.size() ? 31 : 1) {
      SCOPED_TRACE(cat(name, " cut to ", size, " of ", file.size()));
      const File cut(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
      PictureCanvas canvas;
      Result<Header> header = decode(cut, kRecover, canvas);
      const double there = double{1} * static_cast<double>(size) / static_cast<double>(file.size());
      if (!header.ok()) {
        EXPECT_EQ(header.status().code(), Code::kBadMedia);
        EXPECT_EQ(most, 0) << header.status().message();
        EXPECT_LE(there, lag + 0.08);
        continue;
      }
      expect_part(canvas.picture, header->intact, whole);
      EXPECT_GE(header->intact, most);
      EXPECT_GE(header->intact, there - lag - 0.04);
      most = header->intact;
    }
    EXPECT_EQ(most, 1) << name;
  }
}

TEST(Recover, AWholePictureIsIntact) {
  for (const auto& [name, file, lag] : kFiles) {
    for (bool recover : {false, true}) {
      PictureCanvas canvas;
      Result<Header> header = decode(file, {.recover = recover}, canvas);
      ASSERT_TRUE(header.ok()) << name;
      EXPECT_EQ(header->intact, 1) << name;
    }
  }
}

// An animation's first frame covers a part of the canvas, and the rest of that is intact.
TEST(Recover, WhatLiesAroundAFrameIsIntact) {
  const Picture frame = few_colors(noise(40, 20));
  File file = gif(frame);
  file[6] = 80;
  file[8] = 40;
  const Picture whole = decoded(file);
  file.resize(file.size() * 2 / 3);
  PictureCanvas canvas;
  Result<Header> header = decode(file, kRecover, canvas);
  ASSERT_TRUE(header.ok());
  EXPECT_GT(header->intact, 0.75);
  EXPECT_LT(header->intact, 1);
  expect_part(canvas.picture, header->intact, whole);
}

// A strip whose codes go wrong is lost; those after it are not.
TEST(Recover, OneStripOfATiff) {
  const Picture picture = noise(kWidth, 80);
  for (uint16_t compression : {COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE}) {
    File file = tiff(picture, {.compression = compression});
    const size_t middle = file.size() / 2;
    std::fill_n(file.begin() + static_cast<ptrdiff_t>(middle), 40, uint8_t{0xff});
    EXPECT_EQ(failure(file).code(), Code::kBadMedia) << compression;
    PictureCanvas canvas;
    Result<Header> header = decode(file, kRecover, canvas);
    ASSERT_TRUE(header.ok()) << compression;
    EXPECT_GE(header->intact, 0.8) << compression;
    EXPECT_LT(header->intact, 1) << compression;
    const size_t strip = size_t{3} * kWidth * 16;
    auto same = [&](size_t begin) {
      return std::equal(&picture.pixels[begin], &picture.pixels[begin] + strip,
                        &canvas.picture.pixels[begin]);
    };
    for (size_t i : {0, 1, 3, 4}) EXPECT_TRUE(same(strip * i)) << compression << " " << i;
    EXPECT_FALSE(same(strip * 2)) << compression;
  }
}

TEST(Recover, NothingIsMadeOfNothing) {
  for (const auto& [name, file, lag] : kFiles) {
    for (size_t size : {12, 30, 40}) {
      const File cut(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_EQ(failure(cut, kRecover).code(), Code::kBadMedia) << name << " " << size;
    }
  }
}

}  // namespace
}  // namespace leat::image
