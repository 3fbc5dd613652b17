// TIFFs that libtiff writes of known pictures, and what must be refused. tests/pillow_test.py has
// the kinds of samples.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "codec/image/testing/files.h"

namespace leat::image {
namespace {

using testing::HasSubstr;

TEST(Tiff, EveryLosslessCompressionAndLayoutGivesBackWhatWasWritten) {
  const Picture picture = noise(90, 70);
  for (uint16_t compression : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                               COMPRESSION_DEFLATE, COMPRESSION_PACKBITS, COMPRESSION_ZSTD}) {
    for (uint32_t rows : {1u, 7u, 32u, 1000u}) {
      for (bool planar : {false, true}) {
        TiffOptions options{.compression = compression, .rows_per_strip = rows, .planar = planar};
        EXPECT_TRUE(decoded(tiff(picture, options)) == picture) << compression << " " << rows;
      }
    }
    for (uint32_t tile : {16u, 64u, 256u}) {
      for (bool planar : {false, true}) {
        TiffOptions options{.compression = compression, .tile = tile, .planar = planar};
        EXPECT_TRUE(decoded(tiff(picture, options)) == picture) << compression << " " << tile;
      }
    }
  }
  for (uint16_t compression : {COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_ZSTD}) {
    TiffOptions options{.compression = compression, .predictor = true};
    EXPECT_TRUE(decoded(tiff(picture, options)) == picture) << compression;
  }
}

int largest_difference(const Picture& a, const Picture& b) {
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return largest;
}

TEST(Tiff, JpegInsideComesNear) {
  const Picture picture = slopes(96, 64);
  for (uint16_t photometric : {PHOTOMETRIC_RGB, PHOTOMETRIC_YCBCR}) {
    for (uint32_t tile : {0u, 32u}) {
      for (uint16_t orientation : {1, 3}) {
        TiffOptions options{.compression = COMPRESSION_JPEG,
                            .tile = tile,
                            .orientation = orientation,
                            .photometric = photometric};
        Picture got = decoded(tiff(picture, options));
        if (orientation == 3) {  // turned by half
          for (size_t i = 0; i < got.pixels.size() / 2; i += 3) {
            std::swap_ranges(&got.pixels[i], &got.pixels[i] + 3, &*got.pixels.end() - 3 - i);
          }
        }
        EXPECT_LE(largest_difference(got, picture), 25) << photometric << " " << tile;
      }
    }
  }
}

// The colours of YCbCr are made by libtiff; these are from the formula of the specification.
TEST(Tiff, YCbCrWithoutJpeg) {
  Picture stored = slopes(90, 70), wanted = stored;
  for (size_t i = 0; i < stored.pixels.size(); i += 3) {
    const double y = stored.pixels[i], cb = stored.pixels[i + 1] - 128.0;
    const double cr = stored.pixels[i + 2] - 128.0;
    const double rgb[] = {y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb};
    for (size_t c = 0; c < 3; ++c) {
      wanted.pixels[i + c] = static_cast<uint8_t>(std::clamp(rgb[c] + 0.5, 0.0, 255.0));
    }
  }
  for (uint32_t tile : {0u, 32u}) {
    for (bool planar : {false, true}) {
      TiffOptions options{.compression = COMPRESSION_LZW,
                          .tile = tile,
                          .planar = planar,
                          .photometric = PHOTOMETRIC_YCBCR};
      EXPECT_LE(largest_difference(decoded(tiff(stored, options)), wanted), 2) << tile << planar;
    }
  }
}

// Of a little-endian file: a value of 32 bits in place of a tag's only one.
File with_tag(File file, uint16_t tag, uint32_t value) {
  auto number = [&](size_t at, size_t size) {
    size_t n = 0;
    for (size_t i = size; i-- > 0;) n = n << 8 | file[at + i];
    return n;
  };
  const size_t directory = number(4, 4);
  for (size_t i = 0; i < number(directory, 2); ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (number(entry, 2) != tag) continue;
    file[entry + 2] = TIFF_LONG;
    std::ranges::copy(little_endian(value), file.begin() + static_cast<ptrdiff_t>(entry + 8));
    return file;
  }
  ADD_FAILURE() << "no tag " << tag;
  return file;
}

TEST(Tiff, WhatIsNotReadIsRefusedWithTheReason) {
  const File file = tiff(slopes(40, 30)), tiled = tiff(slopes(40, 30), {.tile = 16});
  struct {
    File file;
    const char* message;
  } const table[] = {
      {with_tag(file, TIFFTAG_COMPRESSION, 6), "compression 6"},
      {with_tag(file, TIFFTAG_COMPRESSION, COMPRESSION_LZMA), "compression 34925"},
      {with_tag(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_CIELAB), "colours of kind 8"},
      {with_tag(file, TIFFTAG_SAMPLESPERPIXEL, 2), "2 samples"},
      {with_tag(file, TIFFTAG_IMAGEWIDTH, 0), "TIFF cannot be read"},
      {with_tag(file, TIFFTAG_IMAGELENGTH, 0xffffffff), "TIFF cannot be read"},
      {with_tag(tiled, TIFFTAG_TILEWIDTH, 1 << 20), "tiles of 1048576 x 16 for 40 x 30"},
      {with_tag(tiled, TIFFTAG_TILELENGTH, 0), "TIFF"},
      {with_tag(tiled, TIFFTAG_TILELENGTH, 0xfffffff0), "TIFF"},
  };
  for (const auto& row : table) {
    for (bool recover : {false, true}) {
      PictureCanvas canvas;
      Status status = decode(row.file, {.recover = recover}, canvas).status();
      EXPECT_EQ(status.code(), Code::kBadMedia) << row.message;
      EXPECT_THAT(status.message(), HasSubstr(row.message));
      EXPECT_EQ(canvas.calls, 0) << row.message;
    }
  }
}

TEST(Tiff, StripsThatLieInTheSameBytesAreRefused) {
  // A thousand strips of a row each; each is said to be the whole file.
  File file = tiff(slopes(3, 1000), {.compression = COMPRESSION_LZW, .rows_per_strip = 1});
  const File counts = [&] {
    File longs;
    for (int i = 0; i < 1000; ++i) append(longs, little_endian(uint32_t(file.size() - 100)));
    return longs;
  }();
  file = with_tag(file, TIFFTAG_STRIPBYTECOUNTS, uint32_t(file.size()));
  append(file, counts);
  EXPECT_THAT(failure(file).message(), HasSubstr("the same bytes"));
}

TEST(Tiff, LibtiffPrintsNothing) {
  testing::internal::CaptureStderr();
  File file = tiff(slopes(40, 30), {.compression = COMPRESSION_LZW});
  for (size_t i = 4; i < file.size(); i += 3) {
    File bad = file;
    bad[i] ^= 0xff;
    PictureCanvas canvas;
    EXPECT_NE(decode(bad, {.recover = true}, canvas).status().code(), Code::kInternal);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace leat::image
