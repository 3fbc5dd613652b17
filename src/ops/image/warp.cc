#include "ops/image/warp.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace leat {

namespace {

// The weights of the pixels at -1, 0, 1 and 2 for a point at `t`, 0 <= t < 1.
std::array<float, 4> cubic(float t) {
  constexpr float a = -0.75f;
  const float u = 1 - t;
  return {a * t * u * u, ((a + 2) * t - (a + 3)) * t * t + 1, ((a + 2) * u - (a + 3)) * u * u + 1,
          a * u * t * t};
}

// One coordinate of a point: the pixel whose middle is at it or before, and how far behind that.
struct Place {
  int pixel;
  float behind;

  Place(double at, int length) {
    // Further away only the outermost pixel counts. A NaN ends here too.
    const double middle = at - 0.5 > -2 ? std::min(at - 0.5, length + 1.0) : -2;
    const double whole = std::floor(middle);
    pixel = static_cast<int>(whole);
    behind = static_cast<float>(middle - whole);
  }
};

void sample(const Pixels& source, Place x, Place y, uint8_t* out) {
  const std::array<float, 4> across = cubic(x.behind), down = cubic(y.behind);
  const bool inside = x.pixel >= 1 && x.pixel + 2 < source.width;
  const auto first = static_cast<size_t>(x.pixel - 1);
  float column[12] = {};  // of four pixels
  for (int r = 0; r < 4; ++r) {
    const auto row = static_cast<size_t>(std::clamp(y.pixel - 1 + r, 0, source.height - 1));
    const uint8_t* from = source.data + row * static_cast<size_t>(source.width) * 3;
    uint8_t copy[12];
    if (inside) {
      from += first * 3;
    } else {
      for (int i = 0; i < 4; ++i) {
        const int at = std::clamp(x.pixel - 1 + i, 0, source.width - 1);
        std::memcpy(copy + i * 3, from + static_cast<size_t>(at) * 3, 3);
      }
      from = copy;
    }
    const float weight = down[static_cast<size_t>(r)];
    for (int i = 0; i < 12; ++i) column[i] += weight * static_cast<float>(from[i]);
  }
  for (int c = 0; c < 3; ++c) {
    const float value = across[0] * column[c] + across[1] * column[c + 3] +
                        across[2] * column[c + 6] + across[3] * column[c + 9];
    out[c] = static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
  }
}

}  // namespace

Status warp(const Pixels& source, const Projection& projection, std::optional<Colour> outside,
            ImageSize size, std::byte* out, const OpCall& call) {
  const Projection& m = projection;
  auto* to = reinterpret_cast<uint8_t*>(out);
  for (int row = 0; row < size.height; ++row) {
    if (row % 64 == 0 && call.abandoned()) {
      return Status(Code::kCancelled, "nobody waits for the picture any more");
    }
    const double y = row + 0.5;
    for (int column = 0; column < size.width; ++column, to += 3) {
      const double x = column + 0.5;
      const double depth = m[6] * x + m[7] * y + m[8];
      const double across = (m[0] * x + m[1] * y + m[2]) / depth;
      const double down = (m[3] * x + m[4] * y + m[5]) / depth;
      // As far as the arithmetic is off, a point on the border lies inside.
      const auto within = [](double at, int length) { return at >= -1e-6 && at <= length + 1e-6; };
      if (outside && !(within(across, source.width) && within(down, source.height))) {
        std::memcpy(to, outside->data(), 3);
      } else {
        sample(source, {across, source.width}, {down, source.height}, to);
      }
    }
  }
  return {};
}

}  // namespace leat
