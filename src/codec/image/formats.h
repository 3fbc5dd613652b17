// What image.cc asks of each format. Inside this folder only.
#pragma once

#include "codec/image/image.h"

namespace leat::image {

// Bytes are those of the format (sniffed).
Result<Header> read_jpeg_header(Bytes bytes);
Result<Header> read_png_header(Bytes bytes);
Result<Header> read_webp_header(Bytes bytes);
Result<Header> read_gif_header(Bytes bytes);
Result<Header> read_bmp_header(Bytes bytes);
Result<Header> read_tiff_header(Bytes bytes);

Result<Header> decode_jpeg(Bytes bytes, const DecodeOptions& options, Canvas& canvas);
// The same, slower: what the first is compared with, and what it falls back to.
Result<Header> decode_jpeg_by_libjpeg(Bytes bytes, const DecodeOptions& options, Canvas& canvas);
Result<Header> decode_png(Bytes bytes, const DecodeOptions& options, Canvas& canvas);
Result<Header> decode_webp(Bytes bytes, const DecodeOptions& options, Canvas& canvas);
Result<Header> decode_gif(Bytes bytes, const DecodeOptions& options, Canvas& canvas);
Result<Header> decode_bmp(Bytes bytes, const DecodeOptions& options, Canvas& canvas);
Result<Header> decode_tiff(Bytes bytes, const DecodeOptions& options, Canvas& canvas);

// A header from what is stored in a file.
inline Header upright_header(Format format, int stored_width, int stored_height, int orientation) {
  ImageSize size{stored_width, stored_height};
  if (orientation >= 5) std::swap(size.width, size.height);
  return {format, size, orientation};
}

// kTooLarge, with the numbers.
Status check_pixels(const Header& header, const DecodeOptions& options);

// kBadMedia: "PNG is truncated: the data ends after 3 of 28 rows".
Status truncated(Format format, int64_t rows, int64_t of);

// kCancelled.
Status abandoned();

}  // namespace leat::image
