#include "codec/image/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>

#include "base/text.h"
#include "codec/image/exif.h"
#include "codec/image/testing/files.h"

namespace leat::image {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

int largest_difference(const Picture& a, const Picture& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return largest;
}

TEST(Image, PngAndWebpGiveBackWhatWasWritten) {
  for (auto [width, height] : {std::pair{1, 1}, {3, 2}, {97, 41}, {64, 200}}) {
    Picture picture = slopes(width, height);
    EXPECT_TRUE(decoded(png(picture)) == picture) << width;
    EXPECT_TRUE(decoded(webp(picture)) == picture) << width;
  }
}

TEST(Image, JpegComesNearToWhatWasWritten) {
  for (auto [width, height] : {std::pair{16, 16}, {97, 41}, {64, 200}}) {
    Picture picture = slopes(width, height);
    EXPECT_LE(largest_difference(decoded(jpeg(picture)), picture), 12) << width;
    EXPECT_TRUE(decoded(progressive(picture)) == decoded(jpeg(picture))) << width;
    EXPECT_LT(jpeg(picture, 30).size(), jpeg(picture, 95).size());
  }
  EXPECT_EQ(decoded(jpeg(slopes(1, 1))).pixels.size(), 3u);
}

// Where a stored pixel belongs, by the table of the EXIF standard: which side of the picture the
// first row and the first column are.
std::pair<int, int> upright_place(int orientation, int x, int y, int width, int height) {
  switch (orientation) {
    case 2:
      return {width - 1 - x, y};
    case 3:
      return {width - 1 - x, height - 1 - y};
    case 4:
      return {x, height - 1 - y};
    case 5:
      return {y, x};
    case 6:
      return {height - 1 - y, x};
    case 7:
      return {height - 1 - y, width - 1 - x};
    case 8:
      return {y, width - 1 - x};
    default:
      return {x, y};
  }
}

TEST(Image, EveryOrientationOfEveryFormat) {
  for (auto [width, height] : {std::pair{70, 45}, {33, 97}, {5, 1}, {1, 40}}) {
    Picture stored = slopes(width, height);
    struct {
      const char* name;
      File plain;
      File (*with)(const File&, const Picture&, File);
    } const formats[] = {
        {"JPEG", jpeg(stored),
         [](const File& f, const Picture&, File e) { return jpeg_with_exif(f, e); }},
        {"PNG", png(stored),
         [](const File& f, const Picture&, File e) { return png_with(f, "eXIf", e); }},
        {"WebP", webp(stored),
         [](const File& f, const Picture& p, File e) {
           return webp_with_exif(f, p.width, p.height, e);
         }},
        {"TIFF", tiff(stored),
         [](const File& f, const Picture& p, File e) {
           const uint16_t orientation = static_cast<uint16_t>(exif_orientation(e));
           return orientation == 1 ? f : tiff(p, {.rows_per_strip = 7, .orientation = orientation});
         }},
        {"tiled TIFF", tiff(stored, {.tile = 16}),
         [](const File& f, const Picture& p, File e) {
           const uint16_t orientation = static_cast<uint16_t>(exif_orientation(e));
           return orientation == 1 ? f : tiff(p, {.tile = 32, .orientation = orientation});
         }},
    };
    for (const auto& format : formats) {
      Picture before = decoded(format.plain);
      for (int orientation = 0; orientation <= 9; ++orientation) {
        SCOPED_TRACE(cat(format.name, " ", width, " x ", height, " ", orientation));
        bool turned = orientation >= 5 && orientation <= 8;
        Picture wanted = turned ? slopes(height, width) : slopes(width, height);
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x) {
            auto [to_x, to_y] = upright_place(orientation, x, y, width, height);
            std::copy_n(before.at(x, y), 3, wanted.at(to_x, to_y));
          }
        }
        File file = format.with(format.plain, stored, exif(orientation, orientation % 2));
        EXPECT_TRUE(decoded(file) == wanted);
        Result<Header> header = read_header(file);
        ASSERT_TRUE(header.ok());
        EXPECT_EQ(header->orientation, orientation == 0 || orientation == 9 ? 1 : orientation);
        EXPECT_EQ(header->size.width, wanted.width);
        EXPECT_EQ(header->size.height, wanted.height);
      }
    }
  }
}

TEST(Image, BadExifIsNoExif) {
  const File good = exif(6, true);
  EXPECT_EQ(exif_orientation(good), 6);
  for (size_t size = 0; size < good.size(); ++size) {
    int orientation = exif_orientation({good.data(), size});
    EXPECT_TRUE(orientation == 1 || orientation == 6) << size;
  }
  for (size_t i = 0; i < good.size(); ++i) {
    File bad = good;
    bad[i] = 0xff;
    int orientation = exif_orientation(bad);
    EXPECT_TRUE(orientation == 1 || orientation == 6) << i;
  }
}

TEST(Image, JpegIsReducedNoFurtherThanAllowed) {
  struct {
    ImageNeed need;
    double oversample;
    int width, height;  // of what must come from 1000 x 603
  } const table[] = {
      {{1000, 603, Fit::kStretch}, 1, 1000, 603},
      {{501, 10, Fit::kStretch}, 1, 1000, 603},
      {{500, 301, Fit::kStretch}, 1, 500, 302},
      {{500, 302, Fit::kStretch}, 1, 1000, 603},  // 1/2 of 603 is less than 302
      {{250, 250, Fit::kCover}, 1, 500, 302},
      {{250, 250, Fit::kLetterbox}, 1, 250, 151},
      {{250, 250, Fit::kLetterbox}, 2, 500, 302},
      {{125, 75, Fit::kStretch}, 1, 125, 76},
      {{1, 1, Fit::kStretch}, 8, 125, 76},
      {{75, 75, Fit::kCover}, 2, 250, 151},
  };
  const File file = jpeg(slopes(1000, 603));
  for (const auto& row : table) {
    SCOPED_TRACE(cat(row.need.width, " x ", row.need.height, " * ", row.oversample));
    std::vector<ImageNeed> needs{row.need};
    DecodeOptions options{.needs = needs, .oversample = row.oversample};
    Picture picture = decoded(file, options);
    EXPECT_EQ(picture.width, row.width);
    EXPECT_EQ(picture.height, row.height);
    // The same slopes, seen from farther away.
    double factor = std::round(8.0 * picture.width / 1000) / 8;
    const ImageBox part = row.need.part_of(1000, 603);  // the rest may have been left out
    for (int y = 0; y < picture.height; y += 7) {
      for (int x = 0; x < picture.width; x += 7) {
        if (x < part.left * factor || (x + 1) > part.right * factor) continue;
        EXPECT_NEAR(picture.at(x, y)[0], 255 * (x + 0.5) / factor / 1000, 8);
        EXPECT_NEAR(picture.at(x, y)[1], 255 * (y + 0.5) / factor / 603, 8);
      }
    }
  }
  // The largest need counts; turned pictures are reduced in their upright axes.
  std::vector<ImageNeed> needs{{10, 10, Fit::kStretch}, {200, 400, Fit::kStretch}};
  DecodeOptions options{.needs = needs, .oversample = 1};
  EXPECT_EQ(decoded(file, options).width, 1000);
  Picture turned = decoded(jpeg_with_exif(file, exif(6, false)), options);
  EXPECT_EQ(turned.width, 302);
  EXPECT_EQ(turned.height, 500);
  EXPECT_EQ(read_header(jpeg_with_exif(file, exif(6, false)))->size.height, 1000);
}

TEST(Image, WhatIsNotAPictureIsNamed) {
  struct {
    std::string bytes, message;
  } const table[] = {
      {"", "there are no bytes"},
      {"x", "1 byte, seems to be text"},
      {"GIF89b.......", "text"},
      {"GIF89a..", "truncated"},
      {"BM......", "text"},
      {"BM............\x28\0\0\0"s, "truncated"},
      {"II*\0...."s, "truncated"},
      {"\0\0\0\x18"
       "ftypheic...."s,
       "a HEIC"},
      {"\0\0\0\x18"
       "ftypavif...."s,
       "an AVIF"},
      {"\0\0\0\x18"
       "ftypisom...."s,
       "an MP4"},
      {"%PDF-1.7", "a PDF"},
      {"\x89PNG\n\x1a\n....", "damaged by a transfer as text"},
      {"<html><body>404", "HTML or XML"},
      {"<?xml?><svg>", "an SVG"},
      {" {\"a\": 1}", "JSON"},
      {"/9j/4AAQSkZJRg", "base64"},
      {"photo.jpg", "text"},
      {"RIFF....WAVEfmt ", "a RIFF"},
      {"\x01\x02\x03", "unknown"},
      {"\xff\xd8", "unknown"},
      {"\xff\xd8\xff", "truncated"},
      {"\x89PNG\r\n\x1a\n", "truncated"},
      {"RIFF\xff\0\0\0WEBP"s, "truncated"},
  };
  for (const auto& row : table) {
    Status status = failure(of(row.bytes));
    EXPECT_EQ(status.code(), Code::kBadMedia) << row.bytes;
    EXPECT_THAT(status.message(), HasSubstr(row.message));
    EXPECT_EQ(read_header(of(row.bytes)).status().code(), Code::kBadMedia) << row.bytes;
  }
}

TEST(Image, TooManyPixelsAreRefusedBeforeMemoryIsTaken) {
  Picture picture = slopes(100, 50);
  for (const File& file :
       {jpeg(picture), png(picture), webp(picture), gif(picture), bmp(picture), tiff(picture)}) {
    PictureCanvas canvas;
    DecodeOptions options{.max_pixels = 4999};
    Status status = decode(file, options, canvas).status();
    EXPECT_EQ(status.code(), Code::kTooLarge);
    EXPECT_THAT(status.message(), HasSubstr("of 100 x 50 has 5000 pixels; at most 4999"));
    EXPECT_EQ(canvas.calls, 0);
    options.max_pixels = 5000;
    EXPECT_TRUE(decode(file, options, canvas).ok());
  }
}

TEST(Image, ABombIsRefusedBeforeMemoryIsTaken) {
  // The sizes in the headers say 9000 x 9000; the data are those of a few pixels.
  File bomb = jpeg(slopes(16, 16));
  for (size_t i = 0; i + 9 < bomb.size(); ++i) {
    if (bomb[i] == 0xff && bomb[i + 1] == 0xc0) {
      bomb[i + 5] = bomb[i + 7] = 9000 >> 8;
      bomb[i + 6] = bomb[i + 8] = 9000 & 0xff;
    }
  }
  PictureCanvas canvas;
  Status status = decode(bomb, {}, canvas).status();
  EXPECT_THAT(status.message(), HasSubstr("bytes cannot hold 9000 x 9000 pixels"));

  bomb = png(slopes(16, 16));
  for (size_t side : {16, 20}) std::ranges::copy(big_endian(9000), bomb.begin() + side);
  std::ranges::copy(big_endian(static_cast<uint32_t>(crc32(0, bomb.data() + 12, 17))),
                    bomb.begin() + 29);
  status = decode(bomb, {}, canvas).status();
  EXPECT_THAT(status.message(), HasSubstr("bytes cannot hold 9000 x 9000 pixels"));
  EXPECT_EQ(canvas.calls, 0);
}

TEST(Image, EveryTruncationIsTold) {
  Picture picture = slopes(90, 70);
  struct {
    const char* name;
    File file;
    size_t may_miss;  // bytes at the end that carry no pixels
  } const formats[] = {{"JPEG", jpeg(picture), 2},
                       {"progressive JPEG", progressive(picture), 2},
                       {"PNG", png(picture), 13},
                       {"interlaced PNG", png_interlaced(picture), 13},
                       {"WebP", webp(picture), 0},
                       {"GIF", gif(few_colors(picture)), 0},
                       {"BMP", bmp(picture), 0},
                       {"run-length BMP", bmp_run_lengths(few_colors(picture)), 0},
                       {"TIFF", tiff(picture), 0},
                       {"LZW TIFF", tiff(picture, {.compression = COMPRESSION_LZW}), 0},
                       {"tiled TIFF", tiff(picture, {.tile = 32}), 0}};
  for (const auto& format : formats) {
    Picture whole = decoded(format.file);
    const size_t step = 1 + format.file.size() / 2000;
    for (size_t size = 3; size < format.file.size(); size += step) {
      File cut(format.file.begin(), format.file.begin() + static_cast<ptrdiff_t>(size));
      PictureCanvas canvas;
      Status status = decode(cut, {}, canvas).status();
      if (status.ok()) {
        EXPECT_GE(size + format.may_miss + 8, format.file.size()) << format.name << size;
        EXPECT_TRUE(canvas.picture == whole) << format.name << " cut to " << size;
      } else {
        EXPECT_EQ(status.code(), Code::kBadMedia);
        if (size >= 18) {
          EXPECT_THAT(status.message(), HasSubstr("truncated")) << format.name << size;
        }
      }
    }
  }
}

TEST(Image, TheRowsThatAreThereAreCounted) {
  Picture picture = slopes(256, 640);
  File file = jpeg(picture);
  file.resize(file.size() / 2);
  Status status = failure(file);
  ASSERT_THAT(status.message(), HasSubstr("JPEG is truncated: the data ends after "));
  int rows = 0, of_rows = 0;
  ASSERT_EQ(std::sscanf(status.message().c_str(),
                        "JPEG is truncated: the data ends after %d of %d rows", &rows, &of_rows),
            2);
  EXPECT_EQ(of_rows, 640);
  EXPECT_NEAR(rows, 320, 64);
  file = png(picture);
  file.resize(file.size() / 2);
  EXPECT_THAT(failure(file).message(), HasSubstr(" of 640 rows"));
}

TEST(Image, HarmlessOdditiesOfAJpegAreLetPass) {
  Picture picture = slopes(90, 70);
  const File file = jpeg(picture);
  const Picture wanted = decoded(file);
  File odd = file;
  odd.insert(odd.end() - 2, {1, 2, 3, 4});  // before the last marker
  EXPECT_TRUE(decoded(odd) == wanted);
  odd = file;
  append(odd, of("trailing"));
  EXPECT_TRUE(decoded(odd) == wanted);
  odd = file;
  odd.resize(odd.size() - 2);  // without the last marker
  EXPECT_TRUE(decoded(odd) == wanted);
  odd = file;
  odd.insert(odd.begin() + 2, {0xff, 0xff, 0xff});  // fill bytes
  EXPECT_TRUE(decoded(odd) == wanted);
}

// A frame header of one component and the scan header that makes libjpeg look at it.
File jpeg_of_kind(uint8_t marker, uint8_t bits) {
  return {0xff, 0xd8,                                                     // SOI
          0xff, marker, 0, 11, bits, 0, 16, 0, 16, 1, 1,    0x11, 0,      // SOF: 16 x 16
          0xff, 0xda,   0, 8,  1,    1, 0,  0, 63, 0, 0x00, 0xff, 0xd9};  // SOS, no codes, EOI
}

TEST(Image, KindsOfJpegThatAreNotReadAreNamed) {
  const struct {
    uint8_t marker, bits;
    const char* message;
  } kCases[] = {{0xc1, 12, "JPEG with 12 bits a sample is not supported; JPEG with 8 bits"},
                {0xc2, 12, "JPEG with 12 bits a sample is not supported"},
                {0xc3, 8, "lossless JPEG (SOF3) is not supported; JPEG with 8 bits"},
                {0xc3, 16, "lossless JPEG (SOF3) is not supported"},
                {0xcb, 8, "lossless JPEG (SOF11) is not supported"},
                {0xc5, 8, "hierarchical JPEG (SOF5) is not supported"},
                {0xce, 8, "hierarchical JPEG (SOF14) is not supported"}};
  for (const auto& [marker, bits, message] : kCases) {
    for (bool recover : {false, true}) {
      const Status status = failure(jpeg_of_kind(marker, bits), {.recover = recover});
      EXPECT_EQ(status.code(), Code::kBadMedia);
      EXPECT_THAT(status.message(), HasSubstr(message));
    }
    EXPECT_THAT(read_header(jpeg_of_kind(marker, bits)).status().message(), HasSubstr(message));
  }
}

TEST(Image, EndlessScansAreRefused) {
  File file = progressive(slopes(64, 64));
  // The last scan, from its table to the end marker, again and again.
  size_t table = 0, scan = 0;
  for (size_t i = 0; i + 1 < file.size(); ++i) {
    if (file[i] == 0xff && file[i + 1] == 0xc4) table = i;
    if (file[i] == 0xff && file[i + 1] == 0xda) scan = i;
  }
  ASSERT_LT(table, scan);
  File last(file.begin() + static_cast<ptrdiff_t>(table), file.end() - 2);
  for (int i = 0; i < 120; ++i) file.insert(file.end() - 2, last.begin(), last.end());
  EXPECT_THAT(failure(file).message(), HasSubstr("more than 100 scans"));
}

TEST(Image, ChunksThatAreNoPixelsAreSteppedOver) {
  Picture picture = slopes(20, 20);
  File file = png_with(png(picture), "zTXt", of("a\0\0not deflate"s));
  file = png_with(file, "iCCP", of("nonsense"));
  file = png_with(file, "tEXt", File(3 << 20, 'x'));
  EXPECT_TRUE(decoded(file) == picture);
  EXPECT_THAT(failure(png_with(png(picture), "ABCD", {})).message(), HasSubstr("critical"));
}

TEST(Image, AFailureLeavesNothingBehind) {
  Picture picture = slopes(90, 70);
  for (const File& file : {jpeg(picture), progressive(picture), png(picture), gif(picture),
                           bmp_run_lengths(picture), tiff(picture)}) {
    Picture wanted = decoded(file);
    for (size_t i = 2; i < file.size(); i += 5) {
      File bad = file;
      bad[i] ^= 0xff;
      PictureCanvas canvas;
      Result<Header> header = decode(bad, {}, canvas);
      EXPECT_NE(header.ok(), !header.status().message().empty());
    }
    EXPECT_TRUE(decoded(file) == wanted);
  }
}

TEST(Image, TablesOfOneJpegNeverServeAnother) {
  // Without its quantisation tables a picture cannot be read, whatever was read before it.
  File file = jpeg(slopes(40, 30)), bare(file.begin(), file.begin() + 2);
  constexpr uint8_t kTables = 0xdb, kScan = 0xda;
  for (size_t at = 2; at + 4 < file.size();) {
    size_t end = at + 2 + (file[at + 2] << 8 | file[at + 3]);
    if (file[at + 1] == kScan) end = file.size();
    if (file[at + 1] != kTables) bare.insert(bare.end(), &file[at], &file[0] + end);
    at = end;
  }
  ASSERT_LT(bare.size(), file.size());
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(failure(bare).message(), HasSubstr("uantization table"));
    decoded(file);
  }
}

TEST(Image, TheCanvasHasItsSay) {
  Picture picture = slopes(90, 70);
  for (const File& file : {jpeg(picture), progressive(picture), png(picture), webp(picture),
                           png_interlaced(picture), gif(picture), bmp(picture), tiff(picture)}) {
    PictureCanvas full;
    full.refusal = Status(Code::kOverloaded, "no memory left");
    EXPECT_EQ(decode(file, {}, full).status().code(), Code::kOverloaded);
    if (file[0] == 'R') continue;  // libwebp cannot be stopped
    PictureCanvas gone;
    gone.gone = true;
    EXPECT_EQ(decode(file, {}, gone).status().code(), Code::kCancelled);
  }
}

TEST(Image, WebpIsWrittenExactOrSmall) {
  Picture picture = noise(90, 70);
  File exact, good, small;
  ASSERT_TRUE(encode_webp_lossless(picture.view(), exact).ok());
  ASSERT_TRUE(encode_webp(picture.view(), 95, good).ok());
  ASSERT_TRUE(encode_webp(picture.view(), 20, small).ok());
  EXPECT_TRUE(decoded(exact) == picture);
  EXPECT_LT(small.size(), good.size());
  EXPECT_LT(good.size(), exact.size());
  Picture smooth = slopes(90, 70);
  ASSERT_TRUE(encode_webp(smooth.view(), 95, good).ok());
  EXPECT_LE(largest_difference(decoded(good), smooth), 12);
}

TEST(Image, SidesThatAFormatCannotHold) {
  Picture picture = slopes(65501, 1);
  File file;
  EXPECT_EQ(encode_jpeg(picture.view(), 85, file).code(), Code::kTooLarge);
  EXPECT_EQ(encode_webp(slopes(16384, 1).view(), 85, file).code(), Code::kTooLarge);
  EXPECT_EQ(encode_webp_lossless(slopes(1, 16384).view(), file).code(), Code::kTooLarge);
  EXPECT_TRUE(encode_webp_lossless(slopes(1, 16383).view(), file).ok());
  EXPECT_TRUE(encode_png(picture.view(), file).ok());
}

}  // namespace
}  // namespace leat::image
