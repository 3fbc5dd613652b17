// Pictures: from JPEG, PNG, WebP, GIF, BMP and TIFF bytes to RGB, and back to JPEG, PNG and WebP.
//
// A decoded picture is UINT8 [height, width, 3], RGB, rows densely packed, upright: the EXIF
// orientation has been applied. "Upright" sizes are those that a person sees; "stored" sizes are
// those in the file.
//
// Values are those of Pillow's open(), exif_transpose() and convert("RGB"): alpha is dropped, its
// colour kept; palettes and grey are expanded; CMYK of a JPEG is taken as Adobe writes it,
// inverted. Of an animation, the first frame on its canvas; of several pages, the first.
// Differences: of 16-bit samples, grey ones included, the high byte is taken; white is 0 where a
// TIFF says so, at any depth; a local palette of a GIF counts even if it is a ramp of greys.
//
// Threads: all functions may be called from any thread at once; codec state is kept per thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "leat/op.h"
#include "leat/status.h"

namespace leat::image {

using Bytes = std::span<const uint8_t>;

enum class Format : uint8_t { kJpeg, kPng, kWebp, kGif, kBmp, kTiff };
std::string_view format_name(Format format);  // "JPEG"

// By content. kBadMedia for anything else, saying what it seems to be.
Result<Format> sniff(Bytes bytes);

struct Header {
  Format format = Format::kJpeg;
  ImageSize size;  // upright, full
  // EXIF's or TIFF's: 1 to 8. From 5 on, width and height are stored the other way round.
  int orientation = 1;
  // Of a decoded picture: the part of it, above 0 and up to 1, that is as it was stored. 1 only if
  // the file is sound.
  double intact = 1;
};

// Reads no pixels. kBadMedia when the header cannot be read.
Result<Header> read_header(Bytes bytes);

struct DecodeOptions {
  // A picture of more pixels (upright, full) is refused with kTooLarge before memory is taken.
  int64_t max_pixels = 100'000'000;
  // What the picture is for. Not empty: a JPEG may be decoded at 1/2, 1/4 or 1/8, if on both axes
  // that leaves at least `oversample` times what each of the needs asks for, and pixels that none
  // of them looks at may be left unwritten. Those that are looked at are the same for it.
  std::span<const ImageNeed> needs{};
  // At 2 a prepared picture differs from that of a full decode by under half a level on average;
  // at 1 by one to two levels, and models notice.
  double oversample = 2;
  // Of a file that is cut short or damaged, give what can be read of it, and Header::intact. What
  // cannot be read is grey, kLostLevel, or what the damaged data say. If nothing can be read the
  // decoding fails all the same.
  bool recover = false;
  // Read on behind the last pixel that is looked at, so that it is known whether the file is sound.
  // Otherwise damage there may go unnoticed.
  bool to_the_end = true;
};
inline constexpr uint8_t kLostLevel = 128;

// Where a picture goes.
class Canvas {
 public:
  virtual ~Canvas() = default;
  // Called once, when the size is known: memory for width * height * 3 bytes, to be written in any
  // order. After an error its contents are undefined.
  virtual Result<uint8_t*> memory(int width, int height) = 0;
  // Asked now and then: true ends the decoding with kCancelled.
  virtual bool abandoned() const { return false; }
};

// Decodes into the canvas, every byte of it that is looked at, or fails: kBadMedia for what cannot
// be read, is damaged or is cut short (but see DecodeOptions::recover); kTooLarge; whatever the
// canvas says. Harmless oddities are let pass.
Result<Header> decode(Bytes bytes, const DecodeOptions& options, Canvas& canvas);

// A picture in memory: RGB, rows densely packed.
struct View {
  const uint8_t* pixels;
  int width;
  int height;
};

// They replace the contents of `out`. JPEG and WebP: quality 1 to 100, 4:2:0; a lossless WebP is
// exact. kTooLarge for a side that the format cannot hold (JPEG 65500, WebP 16383).
Status encode_jpeg(View picture, int quality, std::vector<uint8_t>& out);
Status encode_png(View picture, std::vector<uint8_t>& out);
Status encode_webp(View picture, int quality, std::vector<uint8_t>& out);
Status encode_webp_lossless(View picture, std::vector<uint8_t>& out);

}  // namespace leat::image
