// What the samples of a TIFF mean: rows of them, as libtiff gives them, become RGB.
#pragma once

#include <array>

#include "codec/image/image.h"
#include "codec/image/palette.h"

namespace leat::image {

// As its tags say it.
struct TiffLayout {
  uint32_t photometric, samples, bits, format;
  bool multiplied = false;  // the sample after the colours is alpha, and has been multiplied in
  // Red, green and blue, 16 bits each, 1 << bits of them; null without a palette.
  std::array<uint16_t*, 3> palette{};
};

class TiffSamples {
 public:
  // kBadMedia for what is no picture of up to 16 bits in grey, RGB, CMYK or palette colours.
  Status understand(const TiffLayout& layout);
  // Samples lie in planes. How many of these make the colours.
  int separate();
  size_t row_bytes(int width) const { return (size_t{bits_} * stride_ * width + 7) / 8; }
  // Of planes, all must be given, in order, for the same pixels.
  void to_rgb(const uint8_t* row, int width, int plane, uint8_t* rgb);

 private:
  enum class Kind : uint8_t { kGrey, kPalette, kRgb, kCmyk };
  void find_levels(const TiffLayout& layout);
  const uint8_t* bytes_of(const uint8_t* row, int width);
  void plane_to_rgb(const uint8_t* bytes, int width, int plane, uint8_t* rgb) const;

  Kind kind_ = Kind::kGrey;
  uint32_t bits_ = 0;
  size_t colors_ = 1, stride_ = 1;  // samples of a pixel
  bool multiplied_ = false, planes_ = false;
  std::array<uint8_t, 256> level_{};  // of a sample
  Palette palette_;                   // of a palette, or of grey
  std::vector<uint8_t> bytes_;        // of a row
};

}  // namespace leat::image
