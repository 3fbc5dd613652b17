// Resampling of RGB pictures into tensors, in one pass over the source.
//
// The result is what Pillow computes, to the last bit: resize() of an 8-bit picture, with each
// filter but HAMMING, and convert("L") after that where one channel is asked for. Elements of a
// floating-point type are made of these bytes.
#pragma once

#include <cstdint>

#include "ops/image/axis.h"
#include "ops/image/canvas.h"

namespace leat {

// The pixels of a dense RGB picture, UINT8.
struct Pixels {
  const uint8_t* data;
  int width;
  int height;
  // Where the picture ends, in pixels: the last column and the last row of a reduced picture may
  // stand for less than a whole pixel. 0: at width, and at height.
  double right = 0;
  double bottom = 0;
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

}  // namespace leat
