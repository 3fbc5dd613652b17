// Files of every format, made of pictures that are known.
#pragma once

#include <tiffio.h>

#include "codec/image/pictures_test.h"

namespace leat::image {

using File = std::vector<uint8_t>;

File of(const std::string& text);
void append(File& file, const File& part);
File big_endian(uint32_t value);
File little_endian(uint32_t value);

// slopes() with noise: nothing in it comes twice.
Picture noise(int width, int height);
// Of few colours: levels 0, 51 ... 255 in each channel.
Picture few_colors(Picture picture);

File jpeg(const Picture& picture, int quality = 95);
File progressive(const Picture& picture);  // by libjpeg itself
File png(const Picture& picture);          // exact, as those below
File png_interlaced(const Picture& picture);
File webp(const Picture& picture);
File gif(const Picture& of_few_colors, bool interlaced = false);
File bmp(const Picture& picture);
File bmp_run_lengths(const Picture& of_few_colors);  // 8 bits, a palette

struct TiffOptions {
  uint16_t compression = COMPRESSION_NONE;
  uint32_t rows_per_strip = 16;
  uint32_t tile = 0;  // its side; 0: strips
  bool planar = false;
  uint16_t orientation = 1;
  uint16_t photometric = PHOTOMETRIC_RGB;  // or YCbCr, of which only JPEG is made from RGB
  bool predictor = false;
};
// By libtiff, its directory before the pixels.
File tiff(const Picture& picture, const TiffOptions& options = {});

// A TIFF block with one entry, the orientation.
File exif(int orientation, bool big);
File jpeg_with_exif(const File& jpeg, File block);
File png_with(const File& png, const std::string& type, const File& payload);
File webp_with_exif(const File& webp, int width, int height, File block);

// What comes of a file; a failure of the test if that is none.
Picture decoded(const File& file, DecodeOptions options = {});
Status failure(const File& file, DecodeOptions options = {});

// That `part`, of which so much is said to be intact, is the whole picture but for lost pixels.
void expect_part(const Picture& part, double intact, const Picture& whole);

}  // namespace leat::image
