// Resampling of RGB pictures into tensors, in one pass over the source.
//
// The result is what Pillow computes: within 1 of 255 for UINT8, and for floating point within 1.0
// of Pillow's rounded values, of which ours are the unrounded ones. Up to a reduction by 100 the
// fixed-point weights are off by no more than 0.1 of 255 from exact arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>

#include "leat/tensor.h"
#include "ops/image/axis.h"

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

// The pixels of a dense RGB picture, UINT8.
struct Pixels {
  const uint8_t* data;
  int width;
  int height;
};

// The whole picture is scaled to `width` x `height`; the window of that which begins at (x, y) and
// is as large as canvas.part goes there. The rest of the canvas is left as it is.
struct Scaling {
  int width;
  int height;
  int x = 0;
  int y = 0;
  Filter filter = Filter::kBilinear;
};

// No allocation beyond scratch that the thread keeps. Threads: any.
void resample(const Pixels& source, const Scaling& scaling, const PixelFormat& format,
              const Canvas& canvas);

// Fills the canvas except for canvas.part. `value`: by channel of the tensor, as elements (no
// multiplication or addition).
void fill_around(const Canvas& canvas, const PixelFormat& format, const float value[3]);

// IEEE 754 binary16, rounded to nearest, ties to even.
uint16_t half_bits(float value);

}  // namespace leat
