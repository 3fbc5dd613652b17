#include "codec/image/testing/files.h"

#include <gtest/gtest.h>
#include <webp/encode.h>
#include <zlib.h>

#include <map>
#include <random>

#include "codec/image/jpeg_error.h"

namespace leat::image {

using namespace std::string_literals;

File of(const std::string& text) { return {text.begin(), text.end()}; }

void append(File& file, const File& part) { file.insert(file.end(), part.begin(), part.end()); }

File big_endian(uint32_t value) {
  return {uint8_t(value >> 24), uint8_t(value >> 16), uint8_t(value >> 8), uint8_t(value)};
}

File little_endian(uint32_t value) {
  return {uint8_t(value), uint8_t(value >> 8), uint8_t(value >> 16), uint8_t(value >> 24)};
}

File exif(int orientation, bool big) {
  char o = static_cast<char>(orientation);
  return of(big ? "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"s + o + "\0\0\0\0\0\0"s
                : "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"s + o + "\0\0\0\0\0\0\0"s);
}

File jpeg(const Picture& picture, int quality) {
  File file;
  EXPECT_TRUE(encode_jpeg(picture.view(), quality, file).ok());
  return file;
}

File png(const Picture& picture) {
  File file;
  EXPECT_TRUE(encode_png(picture.view(), file).ok());
  return file;
}

File webp(const Picture& picture) {
  uint8_t* bytes = nullptr;
  size_t size = WebPEncodeLosslessRGB(picture.pixels.data(), picture.width, picture.height,
                                      3 * picture.width, &bytes);
  File file(bytes, bytes + size);
  WebPFree(bytes);
  return file;
}

File jpeg_with_exif(const File& jpeg, File block) {
  File segment = of("Exif\0\0"s);
  append(segment, block);
  size_t length = segment.size() + 2;
  File file{0xff, 0xd8, 0xff, 0xe1, uint8_t(length >> 8), uint8_t(length)};
  append(file, segment);
  file.insert(file.end(), jpeg.begin() + 2, jpeg.end());
  return file;
}

File png_with(const File& png, const std::string& type, const File& payload) {
  const size_t after_header = std::min<size_t>(png.size(), 8 + 25);
  File checked = of(type);
  append(checked, payload);
  File file(png.begin(), png.begin() + after_header);
  append(file, big_endian(static_cast<uint32_t>(payload.size())));
  append(file, checked);
  append(file, big_endian(static_cast<uint32_t>(
                   crc32(0, checked.data(), static_cast<uInt>(checked.size())))));
  file.insert(file.end(), png.begin() + after_header, png.end());
  return file;
}

File webp_with_exif(const File& webp, int width, int height, File block) {
  if (block.size() % 2) block.push_back(0);
  File body = of("WEBPVP8X"s);
  append(body, little_endian(10));
  append(body, {8, 0, 0, 0});  // there is EXIF
  for (int side : {width - 1, height - 1}) {
    append(body, {uint8_t(side), uint8_t(side >> 8), uint8_t(side >> 16)});
  }
  body.insert(body.end(), webp.begin() + 12, webp.end());
  append(body, of("EXIF"));
  append(body, little_endian(static_cast<uint32_t>(block.size())));
  append(body, block);
  File file = of("RIFF");
  append(file, little_endian(static_cast<uint32_t>(body.size())));
  append(file, body);
  return file;
}

File progressive(const Picture& picture) {
  jpeg_compress_struct to;
  jpeg_error_mgr errors;
  to.err = jpeg_std_error(&errors);
  jpeg_create_compress(&to);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&to, &bytes, &size);
  to.image_width = static_cast<JDIMENSION>(picture.width);
  to.image_height = static_cast<JDIMENSION>(picture.height);
  to.input_components = 3;
  to.in_color_space = JCS_RGB;
  jpeg_set_defaults(&to);
  jpeg_set_quality(&to, 95, TRUE);
  jpeg_simple_progression(&to);
  jpeg_start_compress(&to, TRUE);
  for (int y = 0; y < picture.height; ++y) {
    JSAMPROW row = const_cast<JSAMPROW>(picture.at(0, y));
    jpeg_write_scanlines(&to, &row, 1);
  }
  jpeg_finish_compress(&to);
  jpeg_destroy_compress(&to);
  File file(bytes, bytes + size);
  std::free(bytes);
  return file;
}

Picture noise(int width, int height) {
  Picture picture = slopes(width, height);
  std::mt19937 random(7);
  for (uint8_t& level : picture.pixels) {
    level = static_cast<uint8_t>((level * 3 + random() % 256) / 4);
  }
  return picture;
}

Picture few_colors(Picture picture) {
  for (uint8_t& level : picture.pixels) level = static_cast<uint8_t>(level / 43 * 51);
  return picture;
}

namespace {

uint8_t color_number(const uint8_t* pixel) {
  return static_cast<uint8_t>(pixel[0] / 51 * 36 + pixel[1] / 51 * 6 + pixel[2] / 51);
}

// 256 of them; red, green, blue, and `more` zeros.
File palette(size_t more, bool blue_first) {
  File colors;
  for (int i = 0; i < 256; ++i) {
    const int n = std::min(i, 215);
    File color{uint8_t(n / 36 * 51), uint8_t(n / 6 % 6 * 51), uint8_t(n % 6 * 51)};
    if (blue_first) std::swap(color[0], color[2]);
    color.resize(3 + more);
    append(colors, color);
  }
  return colors;
}

// GIF's, of levels of 8 bits, in blocks.
File lzw(const File& levels) {
  constexpr int kClear = 256, kMost = 4095;
  File codes;
  uint64_t bits = 0;
  int count = 0, size = 9, next = kClear + 2;
  std::map<std::pair<int, uint8_t>, int> table;
  auto put = [&](int code) {
    for (bits |= uint64_t(code) << count, count += size; count >= 8; count -= 8, bits >>= 8) {
      codes.push_back(static_cast<uint8_t>(bits));
    }
  };
  put(kClear);
  int before = levels[0];
  for (size_t i = 1; i < levels.size(); ++i) {
    if (auto found = table.find({before, levels[i]}); found != table.end()) {
      before = found->second;
      continue;
    }
    put(before);
    if (next > kMost) {
      put(kClear);
      table.clear();
      next = kClear + 2;
      size = 9;
    } else {
      table[{before, levels[i]}] = next++;
      if (next - 1 == 1 << size) ++size;
    }
    before = levels[i];
  }
  put(before);
  // The reader has an entry for this code too.
  if (next == 1 << size && size < 12) ++size;
  put(kClear + 1);
  codes.push_back(static_cast<uint8_t>(bits));
  File blocks{8};
  for (size_t at = 0; at < codes.size(); at += 255) {
    const size_t length = std::min<size_t>(255, codes.size() - at);
    blocks.push_back(static_cast<uint8_t>(length));
    blocks.insert(blocks.end(), &codes[at], &codes[at] + length);
  }
  blocks.push_back(0);
  return blocks;
}

File two_bytes(int number) { return {uint8_t(number), uint8_t(number >> 8)}; }

// Of the file and of the picture; what comes after them is 0.
File bmp_headers(const Picture& picture, uint16_t bits, uint32_t compression, uint32_t begin) {
  File file = of("BM");
  for (uint32_t number : {0u, 0u, begin, 40u, uint32_t(picture.width), uint32_t(picture.height),
                          1u | uint32_t{bits} << 16, compression, 0u, 0u, 0u, 0u, 0u}) {
    append(file, little_endian(number));
  }
  return file;
}

}  // namespace

File gif(const Picture& picture, bool interlaced) {
  File file = of("GIF89a");
  for (int side : {picture.width, picture.height}) append(file, two_bytes(side));
  append(file, {0x80 | 7, 0, 0});
  append(file, palette(0, false));
  append(file, {',', 0, 0, 0, 0});
  for (int side : {picture.width, picture.height}) append(file, two_bytes(side));
  file.push_back(interlaced ? 0x40 : 0);
  File levels;
  constexpr int kPasses[][2] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}}, kOnce[][2] = {{0, 1}};
  auto rows = interlaced ? std::span<const int[2]>(kPasses) : std::span<const int[2]>(kOnce);
  for (const auto& [first, step] : rows) {
    for (int y = first; y < picture.height; y += step) {
      for (int x = 0; x < picture.width; ++x) levels.push_back(color_number(picture.at(x, y)));
    }
  }
  append(file, lzw(levels));
  file.push_back(';');
  return file;
}

File bmp(const Picture& picture) {
  File file = bmp_headers(picture, 24, 0, 54);
  for (int y = picture.height; y-- > 0;) {
    for (int x = 0; x < picture.width; ++x) {
      const uint8_t* pixel = picture.at(x, y);
      append(file, {pixel[2], pixel[1], pixel[0]});
    }
    file.resize(file.size() + static_cast<size_t>(picture.width % 4));
  }
  return file;
}

File bmp_run_lengths(const Picture& picture) {
  File file = bmp_headers(picture, 8, 1, 54 + 1024);
  append(file, palette(1, true));
  for (int y = picture.height; y-- > 0;) {
    for (int x = 0; x < picture.width;) {
      const uint8_t number = color_number(picture.at(x, y));
      uint8_t count = 0;
      for (; x < picture.width && count < 255 && color_number(picture.at(x, y)) == number; ++x)
        ++count;
      append(file, {count, number});
    }
    append(file, {0, 0});
  }
  append(file, {0, 1});
  return file;
}

File png_interlaced(const Picture& picture) {
  constexpr int kPasses[][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  File rows;
  for (const auto& [left, top, across, down] : kPasses) {
    for (int y = top; left < picture.width && y < picture.height; y += down) {
      rows.push_back(0);
      for (int x = left; x < picture.width; x += across) {
        rows.insert(rows.end(), picture.at(x, y), picture.at(x, y) + 3);
      }
    }
  }
  uLongf size = compressBound(rows.size());
  File packed(size);
  compress(packed.data(), &size, rows.data(), rows.size());
  packed.resize(size);
  File header = big_endian(static_cast<uint32_t>(picture.width));
  append(header, big_endian(static_cast<uint32_t>(picture.height)));
  append(header, {8, 2, 0, 0, 1});
  File file = png_with(of("\x89PNG\r\n\x1a\n"), "IHDR", header);
  append(file, png_with({}, "IDAT", packed));
  append(file, png_with({}, "IEND", {}));
  return file;
}

namespace {

struct Memory {
  File bytes;
  size_t at = 0;
};

TIFF* open_in(Memory& memory) {
  auto read = [](thandle_t handle, void* to, tmsize_t count) -> tmsize_t {
    Memory& m = *static_cast<Memory*>(handle);
    const size_t n = std::min(static_cast<size_t>(count), m.bytes.size() - m.at);
    std::copy_n(m.bytes.data() + m.at, n, static_cast<uint8_t*>(to));
    m.at += n;
    return static_cast<tmsize_t>(n);
  };
  auto write = [](thandle_t handle, void* from, tmsize_t count) -> tmsize_t {
    Memory& m = *static_cast<Memory*>(handle);
    const size_t n = static_cast<size_t>(count);
    if (m.bytes.size() < m.at + n) m.bytes.resize(m.at + n);
    std::copy_n(static_cast<uint8_t*>(from), n, m.bytes.data() + m.at);
    m.at += n;
    return count;
  };
  auto seek = [](thandle_t handle, toff_t to, int from) -> toff_t {
    Memory& m = *static_cast<Memory*>(handle);
    return m.at = to + (from == SEEK_CUR ? m.at : from == SEEK_END ? m.bytes.size() : 0);
  };
  return TIFFClientOpen(
      "", "w", &memory, read, write, seek, [](thandle_t) { return 0; },
      [](thandle_t handle) -> toff_t { return static_cast<Memory*>(handle)->bytes.size(); },
      [](thandle_t, void**, toff_t*) { return 0; }, [](thandle_t, void*, toff_t) {});
}

// The samples of a strip or tile that begins there; beyond the picture they are 0.
File samples(const Picture& picture, uint32_t left, uint32_t top, uint32_t width, uint32_t height,
             const TiffOptions& options, int plane) {
  File bytes;
  for (uint32_t y = top; y < top + height; ++y) {
    for (uint32_t x = left; x < left + width; ++x) {
      const bool inside = x < uint32_t(picture.width) && y < uint32_t(picture.height);
      const uint8_t* pixel = inside ? picture.at(int(x), int(y)) : nullptr;
      for (int c = 0; c < 3; ++c) {
        if (!options.planar || c == plane) bytes.push_back(pixel ? pixel[c] : 0);
      }
    }
  }
  return bytes;
}

}  // namespace

File tiff(const Picture& picture, const TiffOptions& options) {
  Memory memory;
  TIFF* out = open_in(memory);
  const uint32_t width = uint32_t(picture.width), height = uint32_t(picture.height);
  TIFFSetField(out, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(out, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(out, TIFFTAG_SAMPLESPERPIXEL, 3);
  TIFFSetField(out, TIFFTAG_BITSPERSAMPLE, 8);
  TIFFSetField(out, TIFFTAG_COMPRESSION, options.compression);
  TIFFSetField(out, TIFFTAG_PHOTOMETRIC, options.photometric);
  TIFFSetField(out, TIFFTAG_ORIENTATION, options.orientation);
  TIFFSetField(out, TIFFTAG_PLANARCONFIG,
               options.planar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  if (options.predictor) TIFFSetField(out, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
  if (options.photometric == PHOTOMETRIC_YCBCR && options.compression != COMPRESSION_JPEG) {
    TIFFSetField(out, TIFFTAG_YCBCRSUBSAMPLING, 1, 1);
  }
  uint32_t across = width, down = std::min(options.rows_per_strip, height);
  if (options.tile) {
    across = down = options.tile;
    TIFFSetField(out, TIFFTAG_TILEWIDTH, across);
    TIFFSetField(out, TIFFTAG_TILELENGTH, down);
  } else {
    TIFFSetField(out, TIFFTAG_ROWSPERSTRIP, down);
  }
  TIFFDeferStrileArrayWriting(out);
  TIFFWriteCheck(out, options.tile > 0, "tiff");
  TIFFWriteDirectory(out);
  TIFFSetDirectory(out, 0);
  TIFFForceStrileArrayWriting(out);
  if (options.photometric == PHOTOMETRIC_YCBCR && options.compression == COMPRESSION_JPEG) {
    TIFFSetField(out, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
  uint32_t number = 0;
  for (int plane = 0; plane < (options.planar ? 3 : 1); ++plane) {
    for (uint32_t y = 0; y < height; y += down) {
      for (uint32_t x = 0; x < width; x += across, ++number) {
        const uint32_t rows = options.tile ? down : std::min(down, height - y);
        File piece = samples(picture, x, y, across, rows, options, plane);
        const tmsize_t size = tmsize_t(piece.size());
        EXPECT_EQ(options.tile ? TIFFWriteEncodedTile(out, number, piece.data(), size)
                               : TIFFWriteEncodedStrip(out, number, piece.data(), size),
                  size);
      }
    }
  }
  TIFFClose(out);
  return memory.bytes;
}

Picture decoded(const File& file, DecodeOptions options) {
  PictureCanvas canvas;
  Result<Header> header = decode(file, options, canvas);
  EXPECT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ(canvas.calls, 1);
  return canvas.picture;
}

Status failure(const File& file, DecodeOptions options) {
  PictureCanvas canvas;
  return decode(file, options, canvas).status();
}

void expect_part(const Picture& part, double intact, const Picture& whole) {
  EXPECT_GT(intact, 0);
  EXPECT_LE(intact, 1);
  ASSERT_EQ(part.width, whole.width);
  ASSERT_EQ(part.height, whole.height);
  const size_t pixels = part.pixels.size() / 3;
  size_t lost = 0, wrong = 0;
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t* pixel = &part.pixels[3 * i];
    if (std::equal(pixel, pixel + 3, &whole.pixels[3 * i])) continue;
    ++lost;
    wrong += std::ranges::any_of(pixel, pixel + 3, [](uint8_t l) { return l != kLostLevel; });
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_LE(static_cast<double>(lost), (1 - intact) * static_cast<double>(pixels) + 0.5);
}

}  // namespace leat::image
