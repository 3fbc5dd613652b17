// Where a picture comes to lie in a tensor of a given size.
#pragma once

#include <array>

#include "leat/op.h"

namespace leat {

// The whole picture is scaled to scaled_width x scaled_height; of that, the window that begins at
// (cut_x, cut_y) and is width x height large lies at (x, y) in the target.
struct Placement {
  int scaled_width, scaled_height;
  int cut_x, cut_y;
  int x, y, width, height;
};

enum class Align : uint8_t { kTopLeft, kCenter };

// `full`: the picture's upright size; 1 or more each way, and so are width and height.
// kCover scales so that the target is `crop` (0 < crop <= 1) of what the shorter side becomes, and
// cuts the middle out: the shorter side becomes round(224 / crop), the longer one is rounded half
// to even, the cut's margin down. kLetterbox scales by the largest factor at which the picture
// fits, lengths rounded down.
Placement place(ImageSize full, int width, int height, Fit fit, double crop, Align align);

// What a decoder must provide for it.
ImageNeed need_of(int width, int height, Fit fit, double crop);

// {scale_x, scale_y, offset_x, offset_y, width, height}: x in the picture = x in the target *
// scale_x + offset_x, for edges of pixels (the target's left edge is 0.0), and the picture's size.
std::array<float, 6> transform_of(const Placement& placement, ImageSize full);

}  // namespace leat
