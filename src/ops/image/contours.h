// The outlines of the areas of a mask.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/image/mask.h"

namespace leat {

struct Contours {
  struct Point {
    int x, y;  // of a pixel that belongs to the mask
  };
  std::vector<Point> points;    // of all contours, one after another
  std::vector<size_t> lengths;  // of each, in points
};

// The outer border of every area (of pixels that touch, if only at their corners) that lies in no
// hole of another: counter-clockwise on the screen from its upper left pixel, corners only. They
// come in the order of their first pixels, row by row.
Status outer_contours(const Mask& mask, Contours& out);

}  // namespace leat
