#include "ops/image/placement.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace leat {

namespace {

constexpr int64_t kMost = std::numeric_limits<int>::max() / 4;

int within(double length) {
  return static_cast<int>(std::clamp(length, 1.0, static_cast<double>(kMost)));
}

// length * numerator / denominator rounded down, at least 1.
int scaled(int length, int numerator, int denominator) {
  return within(static_cast<double>(static_cast<int64_t>(length) * numerator / denominator));
}

// The same to the nearest, half to even.
int nearest(int length, int numerator, int denominator) {
  return within(std::nearbyint(static_cast<double>(length) * numerator / denominator));
}

int enlarged(int length, double crop) { return static_cast<int>(std::lround(length / crop)); }

}  // namespace

Placement place(ImageSize full, int width, int height, Fit fit, double crop, Align align) {
  const int64_t across = static_cast<int64_t>(width) * full.height;  // width : full.width
  const int64_t down = static_cast<int64_t>(height) * full.width;    // height : full.height
  switch (fit) {
    case Fit::kStretch:
      break;
    case Fit::kLetterbox: {
      int w = width, h = height;
      if (across < down) {
        h = std::min(height, scaled(full.height, width, full.width));
      } else {
        w = std::min(width, scaled(full.width, height, full.height));
      }
      const bool center = align == Align::kCenter;
      return {w, h, 0, 0, center ? (width - w) / 2 : 0, center ? (height - h) / 2 : 0, w, h};
    }
    case Fit::kCover: {
      int w = enlarged(width, crop), h = enlarged(height, crop);
      if (static_cast<int64_t>(w) * full.height > static_cast<int64_t>(h) * full.width) {
        h = std::max(h, nearest(full.height, w, full.width));
      } else {
        w = std::max(w, nearest(full.width, h, full.height));
      }
      return {w, h, (w - width) / 2, (h - height) / 2, 0, 0, width, height};
    }
  }
  return {width, height, 0, 0, 0, 0, width, height};
}

ImageNeed need_of(int width, int height, Fit fit, double crop) {
  if (fit != Fit::kCover) return {width, height, fit};
  return {enlarged(width, crop), enlarged(height, crop), fit, crop};
}

std::array<float, 6> transform_of(const Placement& to, ImageSize full) {
  const double across = static_cast<double>(full.width) / to.scaled_width;
  const double down = static_cast<double>(full.height) / to.scaled_height;
  return {static_cast<float>(across),
          static_cast<float>(down),
          static_cast<float>((to.cut_x - to.x) * across),
          static_cast<float>((to.cut_y - to.y) * down),
          static_cast<float>(full.width),
          static_cast<float>(full.height)};
}

}  // namespace leat
