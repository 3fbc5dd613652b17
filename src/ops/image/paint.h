// Shapes and letters onto a picture. What lies outside of it is left out.
#pragma once

#include <string_view>

#include "ops/image/picture.h"

namespace leat {

struct Spot {
  double x, y;  // in pixels of this picture, from its upper left edge
};

class Paint {
 public:
  // Of `size` pixels of three bytes.
  Paint(uint8_t* pixels, ImageSize size) : pixels_(pixels), size_(size) {}

  ImageSize size() const { return size_; }

  // The pixels [left, right) x [top, bottom).
  void fill(int left, int top, int right, int bottom, Colour colour);
  // A frame whose outer edges are the nearest to these; at least one pixel is seen.
  void frame(Spot from, Spot to, int thickness, Colour colour);
  // Every pixel whose middle is within thickness / 2 of the way from one spot to the other.
  void line(Spot from, Spot to, double thickness, Colour colour);
  // `text` on a strip of `colour`, every dot of a letter `scale` pixels large. The strip stands on
  // `at`, or hangs from it where there is no room above; it is moved left where it would leave the
  // picture. UTF-8; letters that are not ASCII are frames.
  void label(Spot at, std::string_view text, int scale, Colour colour);

 private:
  uint8_t* pixels_;
  ImageSize size_;
};

// A colour for a number, unlike those of the numbers around it.
Colour distinct_colour(uint64_t number);

}  // namespace leat
