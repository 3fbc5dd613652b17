#include "codec/image/tiff_samples.h"

#include <tiff.h>

#include <cstring>

#include "base/text.h"

namespace leat::image {

namespace {

// As Pillow rounds.
uint8_t product(int a, int b) {
  const int both = a * b + 128;
  return static_cast<uint8_t>((both + (both >> 8)) >> 8);
}

// A colour before alpha was multiplied in.
uint8_t undone(int color, int alpha) {
  return static_cast<uint8_t>(alpha == 0 ? 0 : std::min(255, color * 255 / alpha));
}

}  // namespace

Status TiffSamples::understand(const TiffLayout& layout) {
  bits_ = layout.bits;
  const bool grey = layout.photometric == PHOTOMETRIC_YCBCR && layout.samples == 1;
  switch (grey ? PHOTOMETRIC_MINISBLACK : layout.photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
      kind_ = Kind::kGrey;
      colors_ = 1;
      break;
    case PHOTOMETRIC_PALETTE:
      kind_ = Kind::kPalette;
      colors_ = 1;
      break;
    case PHOTOMETRIC_RGB:
      kind_ = Kind::kRgb;
      colors_ = 3;
      break;
    case PHOTOMETRIC_SEPARATED:
      kind_ = Kind::kCmyk;
      colors_ = 4;
      break;
    default:
      return {Code::kBadMedia, cat("TIFF cannot be read: colours of kind ", layout.photometric,
                                   "; grey, RGB, palettes, CMYK and YCbCr can be")};
  }
  const bool known = bits_ == 1 || bits_ == 2 || bits_ == 4 || bits_ == 8 ||
                     (kind_ != Kind::kPalette && (bits_ == 12 || bits_ == 16));
  if (!known || (layout.format != SAMPLEFORMAT_UINT && layout.format != SAMPLEFORMAT_VOID)) {
    return {Code::kBadMedia, cat("TIFF cannot be read: samples of ", bits_, " bits and format ",
                                 layout.format, "; whole numbers of 1, 2, 4, 8, 12 and 16 can be")};
  }
  constexpr size_t kMostExtras = 4;
  stride_ = layout.samples;
  if (stride_ < colors_ || stride_ > colors_ + kMostExtras) {
    return {Code::kBadMedia,
            cat("TIFF cannot be read: ", stride_, " samples a pixel, ", colors_,
                " of them for the colour; at most ", kMostExtras, " more are allowed")};
  }
  multiplied_ = layout.multiplied && stride_ > colors_ && kind_ != Kind::kPalette;
  if (kind_ == Kind::kPalette && !layout.palette[0]) {
    return {Code::kBadMedia, "TIFF cannot be read: it has palette colours, and no palette"};
  }
  find_levels(layout);
  return {};
}

void TiffSamples::find_levels(const TiffLayout& layout) {
  const uint32_t most = bits_ < 8 ? (1u << bits_) - 1 : 255;
  for (uint32_t i = 0; i <= most; ++i) {
    uint8_t level = static_cast<uint8_t>(i * 255 / most);
    if (layout.photometric == PHOTOMETRIC_MINISWHITE) level = 255 - level;
    level_[i] = level;
    palette_.set(i, level, level, level);
    if (kind_ != Kind::kPalette) continue;
    auto part = [&](size_t c) { return static_cast<uint8_t>(layout.palette[c][i] >> 8); };
    palette_.set(i, part(0), part(1), part(2));
  }
}

int TiffSamples::separate() {
  planes_ = true;
  stride_ = 1;
  multiplied_ = false;
  return static_cast<int>(colors_);
}

// One byte for a sample: its own, the high one, or the few bits.
const uint8_t* TiffSamples::bytes_of(const uint8_t* row, int width) {
  if (bits_ == 8) return row;
  const size_t count = stride_ * static_cast<size_t>(width);
  bytes_.resize(count);
  if (bits_ == 16) {
    for (size_t i = 0; i < count; ++i) {
      uint16_t sample;
      std::memcpy(&sample, row + 2 * i, 2);
      bytes_[i] = static_cast<uint8_t>(sample >> 8);
    }
  } else if (bits_ == 12) {  // two samples in three bytes
    for (size_t i = 0; i < count; ++i) {
      const uint8_t* at = row + i / 2 * 3;
      bytes_[i] = i % 2 ? static_cast<uint8_t>(at[1] << 4 | at[2] >> 4) : at[0];
    }
  } else {
    unpack(row, bits_, count, bytes_.data());
  }
  return bytes_.data();
}

void TiffSamples::plane_to_rgb(const uint8_t* bytes, int width, int plane, uint8_t* rgb) const {
  if (plane < 3) {
    for (int x = 0; x < width; ++x) rgb[3 * x + plane] = level_[bytes[x]];
    return;
  }
  for (int x = 0; x < width; ++x, rgb += 3) {  // black, after the three inks
    const int light = 255 - level_[bytes[x]];
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>(light - product(rgb[c], light));
  }
}

void TiffSamples::to_rgb(const uint8_t* row, int width, int plane, uint8_t* rgb) {
  const uint8_t* pixel = bytes_of(row, width);
  if (planes_ && colors_ > 1) return plane_to_rgb(pixel, width, plane, rgb);
  if (stride_ == 1) return palette_.to_rgb(pixel, static_cast<size_t>(width), rgb);
  if (stride_ == 3 && colors_ == 3 && bits_ >= 8) {
    std::memcpy(rgb, pixel, size_t{3} * width);
    return;
  }
  for (int x = 0; x < width; ++x, rgb += 3, pixel += stride_) {
    if (colors_ == 1) {
      palette_.to_rgb(pixel, 1, rgb);
    } else if (kind_ == Kind::kRgb) {
      for (int c = 0; c < 3; ++c) rgb[c] = level_[pixel[c]];
    } else {
      const int light = 255 - level_[pixel[3]];
      for (int c = 0; c < 3; ++c) {
        rgb[c] = static_cast<uint8_t>(light - product(level_[pixel[c]], light));
      }
    }
    if (multiplied_) {
      for (int c = 0; c < 3; ++c) rgb[c] = undone(rgb[c], level_[pixel[colors_]]);
    }
  }
}

}  // namespace leat::image
