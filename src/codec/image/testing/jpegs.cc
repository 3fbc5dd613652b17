#include "codec/image/testing/jpegs.h"

#include <cstdlib>

#include "codec/image/jpeg_error.h"

namespace leat::image {

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
  if (jpeg.num_components == 3) {
    jpeg.comp_info[1].h_samp_factor = e.second_across;
    jpeg.comp_info[1].v_samp_factor = e.second_down;
  }
  if (e.progressive) jpeg_simple_progression(&jpeg);
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

Encoding any_encoding(std::mt19937& random, int most) {
  const auto one_of = [&](auto... values) {
    const int all[] = {static_cast<int>(values)...};
    return all[random() % std::size(all)];
  };
  Encoding e;
  e.width = 1 + static_cast<int>(random() % static_cast<unsigned>(most));
  e.height = 1 + static_cast<int>(random() % static_cast<unsigned>(most));
  e.quality = one_of(1, 30, 75, 90, 100);
  e.colours = static_cast<J_COLOR_SPACE>(
      one_of(JCS_YCbCr, JCS_YCbCr, JCS_YCbCr, JCS_GRAYSCALE, JCS_RGB, JCS_CMYK));
  e.across = e.colours == JCS_CMYK ? one_of(1, 2) : one_of(1, 2, 2, 4);  // 10 blocks an MCU at most
  e.down = one_of(1, 2);
  if (e.across <= 2 && random() % 4 == 0) {
    e.second_across = one_of(1, 2);
    e.second_down = one_of(1, 2);
  }
  e.optimised = random() & 1;
  e.restart = static_cast<unsigned>(one_of(0, 0, 1, 3, 7));
  return e;
}

}  // namespace leat::image
