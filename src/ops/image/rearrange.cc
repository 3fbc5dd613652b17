#include "ops/image/rearrange.h"

#include <algorithm>
#include <cstring>

namespace leat {

void rearrange(const Pixels& source, Order order, std::byte* out) {
  const ptrdiff_t stride = ptrdiff_t{source.width} * 3;
  const int width = order.swap ? source.height : source.width;
  const int height = order.swap ? source.width : source.height;
  ptrdiff_t right = order.swap ? stride : 3, down = order.swap ? 3 : stride;  // steps in the source
  const uint8_t* first = source.data;
  if (order.mirror) {
    first += (width - 1) * right;
    right = -right;
  }
  if (order.flip) {
    first += (height - 1) * down;
    down = -down;
  }
  constexpr int kTile = 64;  // so that columns of the source stay in the cache
  for (int top = 0; top < height; top += kTile) {
    for (int left = 0; left < width; left += kTile) {
      const int end = std::min(left + kTile, width);
      for (int y = top; y < std::min(top + kTile, height); ++y) {
        std::byte* to = out + (ptrdiff_t{y} * width + left) * 3;
        const uint8_t* from = first + y * down + left * right;
        for (int x = left; x < end; ++x, to += 3, from += right) std::memcpy(to, from, 3);
      }
    }
  }
}

}  // namespace leat
