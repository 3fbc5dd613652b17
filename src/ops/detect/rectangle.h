// Rectangles at any angle: what a line of text lies in.
#pragma once

#include <array>
#include <span>

#include "ops/detect/components.h"

namespace leat {

struct Point {
  double x, y;
};

struct Rectangle {
  Point center;
  Point along;    // unit vector of one pair of sides
  double length;  // of these sides
  double width;   // of the others

  // The smallest by area that holds all of `pixels` (their middles), which are one or more and
  // ordered by row, and in a row by column. One of its sides lies on a side of their convex hull.
  static Rectangle around(std::span<const Pixel> pixels);

  // Each side moved outwards.
  Rectangle grown(double by) const { return {center, along, length + 2 * by, width + 2 * by}; }
  // In the order of a walk around it.
  std::array<Point, 4> corners() const;
  // Of row y, the part [first, second] that lies inside, the border included; empty: first >
  // second.
  std::pair<double, double> cut(double y) const;
};

}  // namespace leat
