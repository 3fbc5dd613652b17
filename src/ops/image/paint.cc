#include "ops/image/paint.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/image/font.h"

namespace leat {

namespace {

// The nearest whole number; far outside of every picture there is nothing to tell apart.
int whole(double at) { return static_cast<int>(std::floor(std::clamp(at, -1e9, 1e9) + 0.5)); }

// What a shape covers of a row.
struct Span {
  double from = std::numeric_limits<double>::infinity();
  double to = -from;

  void add(double a, double b) {
    from = std::min(from, a);
    to = std::max(to, b);
  }
  void add_disc(Spot middle, double radius, double y) {
    const double off = std::abs(y - middle.y);
    if (off > radius) return;
    const double half = std::sqrt(radius * radius - off * off);
    add(middle.x - half, middle.x + half);
  }
  void add_side(Spot a, Spot b, double y) {
    if (std::min(a.y, b.y) > y || std::max(a.y, b.y) < y || a.y == b.y) return;
    const double x = a.x + (b.x - a.x) * ((y - a.y) / (b.y - a.y));
    add(x, x);
  }
};

}  // namespace

void Paint::fill(int left, int top, int right, int bottom, Colour colour) {
  left = std::max(left, 0);
  right = std::min(right, size_.width);
  bottom = std::min(bottom, size_.height);
  if (left >= right) return;
  for (int y = std::max(top, 0); y < bottom; ++y) {
    uint8_t* to = pixels_ + (int64_t{y} * size_.width + left) * 3;
    for (int x = left; x < right; ++x, to += 3) std::copy(colour.begin(), colour.end(), to);
  }
}

void Paint::frame(Spot from, Spot to, int thickness, Colour colour) {
  const int left = whole(from.x), top = whole(from.y);
  const int right = std::max(whole(to.x), left + 1), bottom = std::max(whole(to.y), top + 1);
  fill(left, top, right, std::min(top + thickness, bottom), colour);
  fill(left, std::max(bottom - thickness, top), right, bottom, colour);
  fill(left, top, std::min(left + thickness, right), bottom, colour);
  fill(std::max(right - thickness, left), top, right, bottom, colour);
}

void Paint::line(Spot from, Spot to, double thickness, Colour colour) {
  // The shape is convex: two discs, and the rectangle between them.
  const double radius = thickness / 2;
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  const double across = length > 0 ? (from.y - to.y) / length * radius : 0;
  const double down = length > 0 ? (to.x - from.x) / length * radius : 0;
  const Spot corners[] = {{from.x + across, from.y + down},
                          {to.x + across, to.y + down},
                          {to.x - across, to.y - down},
                          {from.x - across, from.y - down}};
  const int top = std::max(whole(std::min(from.y, to.y) - radius) - 1, 0);
  const int bottom = std::min(whole(std::max(from.y, to.y) + radius) + 1, size_.height);
  for (int row = top; row < bottom; ++row) {
    const double y = row + 0.5;
    Span span;
    span.add_disc(from, radius, y);
    span.add_disc(to, radius, y);
    for (size_t i = 0; i < 4; ++i) span.add_side(corners[i], corners[(i + 1) % 4], y);
    if (span.from > span.to) continue;
    // Pixels whose middles lie within.
    const double right = std::min(std::floor(span.to + 0.5), static_cast<double>(size_.width));
    const double left = std::max(std::ceil(span.from - 0.5), 0.0);
    if (left < right) {
      fill(static_cast<int>(left), row, static_cast<int>(right), row + 1, colour);
    }
  }
}

void Paint::label(Spot at, std::string_view text, int scale, Colour colour) {
  const auto continues = [](char c) { return (c & 0xC0) == 0x80; };  // a letter of UTF-8
  const auto letters = std::ranges::count_if(text, [&](char c) { return !continues(c); });
  const int64_t wide = (letters * (kLetterWidth + 1) + 1) * scale;
  const int width = static_cast<int>(std::min<int64_t>(wide, size_.width));
  const int height = (kLetterHeight + 2) * scale;
  int x = std::clamp(whole(at.x), 0, size_.width - width);
  int y = whole(at.y);
  if (y >= height) y -= height;
  y = std::clamp(y, 0, std::max(size_.height - height, 0));
  fill(x, y, x + width, y + height, colour);
  const bool bright = 2 * colour[0] + 5 * colour[1] + colour[2] > 4 * 255;
  const Colour ink = bright ? Colour{0, 0, 0} : Colour{255, 255, 255};
  x += scale;
  y += scale;
  for (size_t i = 0; i < text.size() && x < size_.width; ++i) {
    if (continues(text[i])) continue;
    for (int row = 0; row < kLetterHeight; ++row) {
      for (int column = 0; column < kLetterWidth; ++column) {
        if (!letter_dot(text[i], column, row)) continue;
        const int left = x + column * scale, top = y + row * scale;
        fill(left, top, left + scale, top + scale, ink);
      }
    }
    x += (kLetterWidth + 1) * scale;
  }
}

Colour distinct_colour(uint64_t number) {
  // Steps of the golden ratio around the circle of hues do not come near one another soon.
  const double hue = std::fmod(static_cast<double>(number % 65536) * 0.6180339887498949, 1.0) * 6;
  Colour colour;
  for (size_t c = 0; c < 3; ++c) {
    const double off = std::abs(std::remainder(hue - 2.0 * static_cast<double>(c), 6.0));
    const double part = std::clamp(2 - off, 0.0, 1.0);
    colour[c] = static_cast<uint8_t>((number % 2 ? 20 + 160 * part : 60 + 195 * part) + 0.5);
  }
  return colour;
}

}  // namespace leat
