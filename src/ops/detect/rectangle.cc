#include "ops/detect/rectangle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace leat {

namespace {

// Twice the area of the triangle; positive for a turn to the right (y points down).
int64_t turn(Pixel a, Pixel b, Pixel c) {
  return (int64_t{b.x} - a.x) * (int64_t{c.y} - a.y) - (int64_t{b.y} - a.y) * (int64_t{c.x} - a.x);
}

// Andrew's monotone chain. `pixels` may hold the same one twice.
void convex_hull(std::span<const Pixel> pixels, std::vector<Pixel>& hull) {
  hull.clear();
  const auto walk = [&](Pixel next, size_t least) {
    while (hull.size() > least && turn(hull[hull.size() - 2], hull.back(), next) <= 0) {
      hull.pop_back();
    }
    hull.push_back(next);
  };
  for (Pixel pixel : pixels) walk(pixel, 1);
  const size_t half = hull.size();
  for (size_t i = pixels.size() - 1; i-- > 0;) walk(pixels[i], half);
  if (hull.size() > 1) hull.pop_back();  // the first again
}

}  // namespace

Rectangle Rectangle::around(std::span<const Pixel> pixels) {
  thread_local std::vector<Pixel> hull;
  convex_hull(pixels, hull);
  const Pixel first = hull[0];
  Rectangle best{{static_cast<double>(first.x), static_cast<double>(first.y)}, {1, 0}, 0, 0};
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < hull.size(); ++i) {
    const Pixel a = hull[i], b = hull[(i + 1) % hull.size()];
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    if (length == 0) continue;
    const Point u{(b.x - a.x) / length, (b.y - a.y) / length};
    double begin = 0, end = 0, depth = 0;  // along u from a, and away from the side
    for (Pixel p : hull) {
      const double x = p.x - a.x, y = p.y - a.y;
      begin = std::min(begin, x * u.x + y * u.y);
      end = std::max(end, x * u.x + y * u.y);
      depth = std::max(depth, y * u.x - x * u.y);
    }
    if ((end - begin) * depth >= least) continue;
    least = (end - begin) * depth;
    const double middle = (begin + end) / 2;
    best = {{a.x + u.x * middle - u.y * depth / 2, a.y + u.y * middle + u.x * depth / 2},
            u,
            end - begin,
            depth};
  }
  return best;
}

std::array<Point, 4> Rectangle::corners() const {
  const Point u{along.x * length / 2, along.y * length / 2};
  const Point v{-along.y * width / 2, along.x * width / 2};
  return {Point{center.x - u.x - v.x, center.y - u.y - v.y},
          Point{center.x + u.x - v.x, center.y + u.y - v.y},
          Point{center.x + u.x + v.x, center.y + u.y + v.y},
          Point{center.x - u.x + v.x, center.y - u.y + v.y}};
}

std::pair<double, double> Rectangle::cut(double y) const {
  // |(x - center) . axis| <= half, for both axes, is an interval of x each.
  double begin = -std::numeric_limits<double>::infinity(), end = -begin;
  const struct {
    double x, y, half;
  } axes[] = {{along.x, along.y, length / 2}, {-along.y, along.x, width / 2}};
  for (const auto& axis : axes) {
    const double rest = (y - center.y) * axis.y;
    if (std::abs(axis.x) < 1e-9) {  // the row runs along the other axis
      if (std::abs(rest) > axis.half + 1e-6) return {1, 0};
      continue;
    }
    const double a = (-axis.half - rest) / axis.x, b = (axis.half - rest) / axis.x;
    begin = std::max(begin, std::min(a, b));
    end = std::min(end, std::max(a, b));
  }
  return {center.x + begin, center.x + end};
}

}  // namespace leat
