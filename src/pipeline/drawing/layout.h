// Where the parts of a drawing lie on a page, in pixels: layers from top to bottom, every arrow
// downwards, every loop a frame around its boxes.
#pragma once

#include <vector>

#include "pipeline/drawing/drawing.h"

namespace leat {

struct Point {
  double x = 0;
  double y = 0;
};

struct Rect {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  bool holds(const Rect& other) const {
    return other.x >= x && other.y >= y && other.x + other.width <= x + width &&
           other.y + other.height <= y + height;
  }
  bool touches(const Rect& other) const {
    return other.x < x + width && x < other.x + other.width && other.y < y + height &&
           y < other.y + other.height;
  }
};

struct Layout {
  std::vector<Rect> boxes;
  std::vector<Rect> loops;                 // loops[0] is the page
  std::vector<std::vector<Point>> arrows;  // from the lower edge of a box to the upper of another
  std::vector<Point> labels;               // their middle
};

struct Sizes {
  std::vector<Point> boxes;    // width and height of each
  std::vector<double> labels;  // width of each arrow's label; 0: it has none
  double label_height = 0;
  double title_height = 0;  // of a loop, inside its frame
};

Layout lay_out(const Drawing& drawing, const Sizes& sizes);

}  // namespace leat
