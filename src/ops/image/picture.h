// What the operators on pictures share.
#pragma once

#include <array>

#include "leat/op.h"
#include "ops/image/resample.h"

namespace leat {

// How many pixels of the full picture one pixel of a version of it stands for. A decoder reduces by
// exactly 2, 4 or 8 and rounds the size up; where that is not what happened, the sizes say it.
struct Reduction {
  double across, down;
};
Reduction reduction(ImageSize size, ImageSize full);

// The pixels of an image tensor; kBadInput when there are none.
Result<Pixels> pixels_of(const Tensor& image);

using Colour = std::array<uint8_t, 3>;  // red, green, blue

// The luma of ITU-R 601 with weights of 16 bits, as Pillow has it.
inline uint8_t luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 0x8000) >> 16);
}

// kBadInput when a result of so many pixels is more than this picture may become: 32768 each way,
// and four times its pixels, or 16 Mi where that is more.
Status check_result_size(const Pixels& source, double width, double height);

// A parameter that is a colour: its declaration, and its value.
ParamSpec color_param(const char* name, std::vector<double> fallback, const char* doc);
Result<Colour> color_of(const Params& params, const char* name);

// The parameter `filter`: its declaration, and its value.
ParamSpec filter_param();
Filter filter_of(const Params& params);

}  // namespace leat
