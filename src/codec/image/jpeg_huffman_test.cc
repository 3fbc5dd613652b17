// Against libjpeg's own Huffman decoder: the same pictures, the same ends.
#include "codec/image/jpeg_huffman.h"

#include <gtest/gtest.h>

#include <random>

#include "codec/image/formats.h"
#include "codec/image/jpeg_error.h"
#include "codec/image/testing/jpegs.h"

namespace leat::image {
namespace {

// Is the whole of it read without libjpeg's own decoder?
bool read_by_ours(const File& file) {
  JpegErrors errors;
  jpeg_decompress_struct jpeg{};
  auto huffman = std::make_unique<JpegHuffman>();
  jpeg.err = errors.manager();
  bool taken = false;
  File row;
  JSAMPROW pointer = nullptr;
  const bool read = errors.guard([&] {
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, file.data(), file.size());
    jpeg_read_header(&jpeg, TRUE);
    jpeg_start_decompress(&jpeg);
    taken = huffman->take_over(jpeg);
  });
  row.resize(size_t{4} * jpeg.output_width);
  pointer = row.data();
  const bool finished = read && errors.guard([&] {
    while (jpeg.output_scanline < jpeg.output_height) jpeg_read_scanlines(&jpeg, &pointer, 1);
    jpeg_finish_decompress(&jpeg);
  });
  jpeg_destroy_decompress(&jpeg);
  return finished && taken && !huffman->gave_up() && !errors.pixels_lost();
}

void expect_the_same(const File& file) {
  for (int reduce : {1, 2, 8}) {
    const std::vector<ImageNeed> needs{{64 / reduce, 64 / reduce, Fit::kLetterbox}};
    const DecodeOptions options{.needs = needs, .oversample = 1};
    PictureCanvas ours(0x11), theirs(0xee);
    const auto one = decode_jpeg(file, options, ours);
    const auto other = decode_jpeg_by_libjpeg(file, options, theirs);
    ASSERT_EQ(one.ok(), other.ok()) << one.status().message() << other.status().message();
    EXPECT_EQ(one.status().message(), other.status().message());
    if (one.ok()) {
      ASSERT_EQ(ours.picture, theirs.picture);
    }
  }
}

TEST(JpegHuffman, ReadsEveryEncodingAsLibjpegDoes) {
  std::mt19937 random(1);
  for (int n = 0; n < 150; ++n) {
    const File file = encoded(any_encoding(random), random);
    EXPECT_TRUE(read_by_ours(file)) << n;
    expect_the_same(file);
    if (HasFatalFailure()) return;
  }
}

TEST(JpegHuffman, DamagedDataEndAsLibjpegDecides) {
  std::mt19937 random(2);
  for (int n = 0; n < 40; ++n) {
    const File whole = encoded(any_encoding(random), random);
    for (int i = 0; i < 25; ++i) {
      File file = whole;
      // Most of a small file is its header: damage the other end.
      const size_t at = file.size() - 1 - random() % (file.size() / 2);
      switch (random() % 4) {
        case 0:
          file.resize(at);
          break;
        case 1:
          file[at] = static_cast<uint8_t>(random());
          break;
        case 2:
          file[at] = 0xff;
          break;
        default:
          file.erase(file.begin() + static_cast<long>(at));
          break;
      }
      expect_the_same(file);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(JpegHuffman, LeavesProgressivePicturesToLibjpeg) {
  std::mt19937 random(3);
  const File file = encoded({.width = 40, .height = 40}, random);
  EXPECT_TRUE(read_by_ours(file));
  File progressive = file;
  for (size_t i = 0; i + 1 < file.size(); ++i) {
    if (file[i] == 0xff && file[i + 1] == 0xc0) progressive[i + 1] = 0xc2;  // SOF2
  }
  EXPECT_FALSE(read_by_ours(progressive));
}

}  // namespace
}  // namespace leat::image
