// Against libjpeg's own Huffman decoder: the same pictures, the same ends.
#include "codec/image/jpeg_huffman.h"

#include <gtest/gtest.h>

#include <random>

#include "codec/image/formats.h"
#include "codec/image/jpeg_error.h"
#include "codec/image/pictures_test.h"

namespace leat::image {
namespace {

using File = std::vector<uint8_t>;

struct Encoding {
  int width = 0, height = 0;
  int quality = 90;
  int across = 1, down = 1;  // sampling factors of the first component
  J_COLOR_SPACE colours = JCS_YCbCr;
  bool optimised = false;
  unsigned restart = 0;  // MCUs
};

File encoded(const Encoding& e, std::mt19937& random) {
  JpegErrors errors;
  jpeg_compress_struct jpeg{};
  jpeg.err = errors.manager();
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = static_cast<JDIMENSION>(e.width);
  jpeg.image_height = static_cast<JDIMENSION>(e.height);
  const bool four = e.colours == JCS_CMYK;
  jpeg.in_color_space = four ? JCS_CMYK : e.colours == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  jpeg.input_components = four ? 4 : e.colours == JCS_GRAYSCALE ? 1 : 3;
  jpeg_set_defaults(&jpeg);
  jpeg_set_colorspace(&jpeg, e.colours);
  jpeg_set_quality(&jpeg, e.quality, TRUE);
  jpeg.comp_info[0].h_samp_factor = e.across;
  jpeg.comp_info[0].v_samp_factor = e.down;
  jpeg.optimize_coding = e.optimised;
  jpeg.restart_interval = e.restart;
  jpeg_start_compress(&jpeg, TRUE);
  File row(static_cast<size_t>(jpeg.input_components) * jpeg.image_width);
  for (int y = 0; y < e.height; ++y) {
    // Flat, sloping and noisy parts: short codes, and all the long ones.
    for (size_t x = 0; x < row.size(); ++x) {
      row[x] = static_cast<uint8_t>(y % 24 < 8    ? 90
                                    : y % 24 < 16 ? 3 * x + static_cast<size_t>(5 * y)
                                                  : random());
    }
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&jpeg, &pointer, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  File file(bytes, bytes + size);
  std::free(bytes);
  return file;
}

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

Encoding any_encoding(std::mt19937& random) {
  const auto one_of = [&](auto... values) {
    const int all[] = {static_cast<int>(values)...};
    return all[random() % std::size(all)];
  };
  Encoding e;
  e.width = 1 + static_cast<int>(random() % 80);
  e.height = 1 + static_cast<int>(random() % 80);
  e.quality = one_of(1, 30, 75, 90, 100);
  e.colours = static_cast<J_COLOR_SPACE>(
      one_of(JCS_YCbCr, JCS_YCbCr, JCS_YCbCr, JCS_GRAYSCALE, JCS_RGB, JCS_CMYK));
  e.across = e.colours == JCS_CMYK ? one_of(1, 2) : one_of(1, 2, 2, 4);  // 10 blocks an MCU at most
  e.down = one_of(1, 2);
  e.optimised = random() & 1;
  e.restart = static_cast<unsigned>(one_of(0, 0, 1, 3, 7));
  return e;
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
