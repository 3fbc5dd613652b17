// The tensor that a picture goes into: its elements, its layout, and the place in it.
#pragma once

#include <cstddef>

#include "leat/tensor.h"

namespace leat {

// How a picture's values become elements of a tensor: pixel * multiply + add, in its own type.
// UINT8 is rounded and saturates.
struct PixelFormat {
  DType dtype = DType::kUint8;    // or FP16, FP32
  bool planar = false;            // [channels, height, width], not [height, width, channels]
  bool grey = false;              // one channel, the luma of ITU-R 601, instead of three
  bool bgr = false;               // three channels, blue first
  float multiply[3] = {1, 1, 1};  // by channel of the tensor
  float add[3] = {0, 0, 0};

  int channels() const { return grey ? 1 : 3; }
};

// A rectangle of pixels in a tensor of `width` x `height` pixels.
struct Canvas {
  std::byte* data;
  int width;
  int height;
  struct {
    int x, y, width, height;
  } part;
};

// Fills the canvas except for canvas.part. `value`: by channel of the tensor, as elements (no
// multiplication or addition).
void fill_around(const Canvas& canvas, const PixelFormat& format, const float value[3]);

}  // namespace leat
