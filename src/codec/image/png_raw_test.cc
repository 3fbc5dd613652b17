#include "codec/image/png_raw.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <random>

namespace leat::image {
namespace {

using File = std::vector<uint8_t>;

void put(File& file, uint32_t number) {
  for (int shift : {24, 16, 8, 0}) file.push_back(static_cast<uint8_t>(number >> shift));
}

void chunk(File& file, std::string_view type, Bytes payload) {
  put(file, static_cast<uint32_t>(payload.size()));
  const size_t begin = file.size();
  file.insert(file.end(), type.begin(), type.end());
  file.insert(file.end(), payload.begin(), payload.end());
  put(file, libdeflate_crc32(0, file.data() + begin, file.size() - begin));
}

struct Case {
  int width, height, samples;
  int filter;  // of all rows; below 0: each its own
  size_t parts = 1;
  std::string_view between{};  // a chunk after the first IDAT
  int depth = 8, interlace = 0;
};

// The specification's definition, from the pixels to the row.
uint8_t predicted(int filter, int a, int b, int c) {
  if (filter == 1) return static_cast<uint8_t>(a);
  if (filter == 2) return static_cast<uint8_t>(b);
  if (filter == 3) return static_cast<uint8_t>((a + b) / 2);
  if (filter != 4) return 0;
  const int p = a + b - c, pa = std::abs(p - a), pb = std::abs(p - b), pc = std::abs(p - c);
  return static_cast<uint8_t>(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

struct Made {
  File file, pixels;
};

Made made(const Case& c, std::mt19937& random) {
  const auto stride = static_cast<size_t>(c.width * c.samples),
             bpp = static_cast<size_t>(c.samples);
  const auto height = static_cast<size_t>(c.height);
  Made out{{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, File(stride * height)};
  const bool smooth = random() % 2;
  for (size_t i = 0; i < out.pixels.size(); ++i) {
    out.pixels[i] = static_cast<uint8_t>(smooth ? i % stride + 3 * (i / stride) : random());
  }
  File raw;
  for (size_t y = 0; y < height; ++y) {
    const int filter = c.filter >= 0 ? c.filter : static_cast<int>(random() % 5);
    raw.push_back(static_cast<uint8_t>(filter));
    for (size_t i = 0; i < stride; ++i) {
      const auto at = [&](bool left, bool up) -> int {
        if ((left && i < bpp) || (up && y == 0)) return 0;
        return out.pixels[(y - (up ? 1 : 0)) * stride + i - (left ? bpp : 0)];
      };
      raw.push_back(static_cast<uint8_t>(
          at(false, false) - predicted(filter, at(true, false), at(false, true), at(true, true))));
    }
  }
  auto* compressor = libdeflate_alloc_compressor(6);
  File stream(libdeflate_zlib_compress_bound(compressor, raw.size()));
  stream.resize(
      libdeflate_zlib_compress(compressor, raw.data(), raw.size(), stream.data(), stream.size()));
  libdeflate_free_compressor(compressor);
  File header;
  put(header, static_cast<uint32_t>(c.width));
  put(header, static_cast<uint32_t>(c.height));
  constexpr uint8_t kColours[] = {0, 0, 4, 2, 6};
  for (int byte : {c.depth, int{kColours[c.samples]}, 0, 0, c.interlace}) {
    header.push_back(static_cast<uint8_t>(byte));
  }
  chunk(out.file, "IHDR", header);
  chunk(out.file, "tEXt", Bytes(header).first(3));
  const size_t part = stream.size() / c.parts + 1;
  for (size_t at = 0; at < stream.size(); at += part) {
    chunk(out.file, "IDAT", Bytes(stream).subspan(at, std::min(part, stream.size() - at)));
    if (at == 0 && !c.between.empty()) chunk(out.file, c.between, {});
  }
  chunk(out.file, "IEND", {});
  return out;
}

TEST(PngRaw, UndoesEveryFilter) {
  std::mt19937 random(1);
  for (int samples : {1, 2, 3, 4}) {
    for (int filter : {-1, 0, 1, 2, 3, 4}) {
      for (int width : {1, 2, 5, 16, 33, 257}) {
        const Case c{width, 9, samples, filter, 1 + random() % 3};
        const Made wanted = made(c, random);
        PngRaw png;
        ASSERT_TRUE(png.open(wanted.file));
        ASSERT_EQ(png.width(), width);
        ASSERT_EQ(png.height(), 9);
        File rgb(static_cast<size_t>(3 * width));
        const uint8_t* pixel = wanted.pixels.data();
        for (int y = 0; y < 9; ++y) {
          png.row(rgb.data());
          for (int x = 0; x < width; ++x, pixel += samples) {
            for (int i = 0; i < 3; ++i) {
              ASSERT_EQ(rgb[static_cast<size_t>(3 * x + i)], pixel[samples < 3 ? 0 : i])
                  << samples << " samples, filter " << filter << ", row " << y << ", pixel " << x;
            }
          }
        }
      }
    }
  }
}

TEST(PngRaw, LeavesWhatIsNotPlain) {
  std::mt19937 random(2);
  PngRaw png;
  EXPECT_FALSE(png.open(made({5, 5, 3, 5}, random).file));  // there is no filter 5
  EXPECT_FALSE(png.open(
      made({.width = 4, .height = 4, .samples = 3, .filter = 0, .depth = 16}, random).file));
  EXPECT_FALSE(png.open(
      made({.width = 4, .height = 4, .samples = 3, .filter = 0, .interlace = 1}, random).file));
  EXPECT_TRUE(png.open(made({40, 40, 3, 0, 3}, random).file));
  EXPECT_FALSE(png.open(made({40, 40, 3, 0, 3, "tIME"}, random).file));  // the IDATs are apart
  EXPECT_FALSE(png.open(made({40, 40, 3, 0, 1, "NEWC"}, random).file));
  EXPECT_TRUE(png.open(made({40, 40, 3, 0, 1, "newc"}, random).file));
}

TEST(PngRaw, LeavesWhatIsDamaged) {
  std::mt19937 random(3);
  const Made whole = made({9, 9, 3, -1, 2}, random);
  PngRaw png;
  for (size_t size = 8; size < whole.file.size(); ++size) {
    EXPECT_FALSE(png.open(Bytes(whole.file).first(size))) << size;
  }
  for (size_t at = 8; at < whole.file.size(); ++at) {
    File bad = whole.file;
    bad[at] ^= static_cast<uint8_t>(1 << random() % 8);
    // The text alone, and its sum, may be anything.
    EXPECT_TRUE(!png.open(bad) || (at >= 33 && at < 48)) << at;
  }
}

}  // namespace
}  // namespace leat::image
