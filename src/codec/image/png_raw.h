// The pixels of a plain PNG, faster than by libspng and zlib: all of it is inflated at one go by
// libdeflate, and filters of pixels of 3 and 4 bytes are undone with SSE.
//
// Source of format and filters: the PNG specification (W3C), chapters 5, 7 and 9.
#pragma once

#include "codec/image/image.h"

namespace leat::image {

// Grey or colour, with alpha or without, 8 bits a sample, not interlaced, and in every respect as
// it should be. Anything else is left to libspng, which also says what is wrong.
class PngRaw {
 public:
  // False: it is not of that kind. The header has been read, and its size is allowed.
  bool open(Bytes bytes);
  int width() const { return width_; }
  int height() const { return height_; }
  // Rows come in order, each once, as RGB: width() * 3 bytes.
  void row(uint8_t* rgb);

 private:
  bool read_header(Bytes payload);
  bool inflate(Bytes stream);

  int width_ = 0, height_ = 0;
  size_t samples_ = 0;         // of a pixel: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA
  size_t stride_ = 0;          // bytes of a row, without its filter
  Tensor raw_;                 // rows, each with its filter first
  uint8_t* at_ = nullptr;      // the next row
  uint8_t* before_ = nullptr;  // pixels of the last; null before the first
};

}  // namespace leat::image
