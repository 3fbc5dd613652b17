#include "ops/image/canvas.h"

#include <algorithm>

#include "ops/image/half.h"

namespace leat {

namespace {

template <typename T>
void fill_run(T* out, size_t count, size_t channels, const T* value) {
  if (channels == 1) {
    std::fill_n(out, count, value[0]);
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < 3; ++c) out[3 * i + c] = value[c];
  }
}

template <typename T>
void fill_rest(const Canvas& canvas, const PixelFormat& format, const T value[3]) {
  const size_t planes = format.planar ? static_cast<size_t>(format.channels()) : 1;
  const size_t channels = format.planar ? 1 : static_cast<size_t>(format.channels());
  const size_t width = static_cast<size_t>(canvas.width);
  const size_t left = static_cast<size_t>(canvas.part.x);
  const size_t right = left + static_cast<size_t>(canvas.part.width);
  T* row = reinterpret_cast<T*>(canvas.data);
  for (size_t p = 0; p < planes; ++p) {
    for (int y = 0; y < canvas.height; ++y, row += width * channels) {
      if (y < canvas.part.y || y >= canvas.part.y + canvas.part.height) {
        fill_run(row, width, channels, value + p);
      } else {
        fill_run(row, left, channels, value + p);
        fill_run(row + right * channels, width - right, channels, value + p);
      }
    }
  }
}

}  // namespace

void fill_around(const Canvas& canvas, const PixelFormat& format, const float value[3]) {
  switch (format.dtype) {
    case DType::kUint8: {
      uint8_t bytes[3];
      for (int c = 0; c < 3; ++c) {
        bytes[c] = static_cast<uint8_t>(std::clamp(value[c], 0.0f, 255.0f) + 0.5f);
      }
      return fill_rest(canvas, format, bytes);
    }
    case DType::kFp16: {
      uint16_t halves[3];
      for (int c = 0; c < 3; ++c) halves[c] = half_bits(value[c]);
      return fill_rest(canvas, format, halves);
    }
    default:
      return fill_rest(canvas, format, value);
  }
}

}  // namespace leat
