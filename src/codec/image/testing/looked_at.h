// Which pixels of a decoded picture somebody looks at.
#pragma once

#include <cstring>

#include "codec/image/image.h"

namespace leat::image {

// Are two versions of a picture, of `size`, the same wherever one of the needs (none: all) looks?
inline bool same_where_looked_at(std::span<const ImageNeed> needs, ImageSize full, ImageSize size,
                                 const uint8_t* one, const uint8_t* other) {
  int by = 1;
  while (by < 8 && (full.width + by - 1) / by != size.width) by *= 2;
  const auto in_sight = [&](int x, int y) {  // any of what the pixel stands for
    for (const ImageNeed& need : needs) {
      const ImageBox part = need.part_of(full.width, full.height);
      if ((x + 1) * by > part.left && x * by < part.right && (y + 1) * by > part.top &&
          y * by < part.bottom) {
        return true;
      }
    }
    return needs.empty();
  };
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x, one += 3, other += 3) {
      if (std::memcmp(one, other, 3) != 0 && in_sight(x, y)) return false;
    }
  }
  return true;
}

}  // namespace leat::image
