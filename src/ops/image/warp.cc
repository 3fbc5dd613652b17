#include "ops/image/warp.h"

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace leat {

namespace {

namespace hn = hwy::HWY_NAMESPACE;  // what every machine has is enough
using D = hn::FixedTag<float, 4>;

HWY_INLINE hn::Vec<D> four(const uint8_t* bytes) {
  const hn::Rebind<uint8_t, D> d8;
  const hn::Rebind<int32_t, D> d32;
  return hn::ConvertTo(D(), hn::PromoteTo(d32, hn::LoadU(d8, bytes)));
}

// The weights of the pixels at -1, 0, 1 and 2 for a point at `t`, 0 <= t < 1: cubics of t.
struct Cubic {
  alignas(16) float weights[4];

  HWY_INLINE explicit Cubic(float t) {
    constexpr float a = -0.75f;
    alignas(16) static constexpr float k3[4] = {a, a + 2, -a - 2, -a};
    alignas(16) static constexpr float k2[4] = {-2 * a, -a - 3, 2 * a + 3, a};
    alignas(16) static constexpr float k1[4] = {a, 0, -a, 0};
    alignas(16) static constexpr float k0[4] = {0, 1, 0, 0};
    const D d;
    const auto v = hn::Set(d, t);
    auto sum = hn::MulAdd(v, hn::Load(d, k3), hn::Load(d, k2));
    sum = hn::MulAdd(v, sum, hn::Load(d, k1));
    hn::Store(hn::MulAdd(v, sum, hn::Load(d, k0)), d, weights);
  }
};

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

HWY_INLINE void sample(const Pixels& source, Place x, Place y, uint8_t* out) {
  const Cubic across(x.behind), down(y.behind);
  const bool inside = x.pixel >= 1 && x.pixel + 2 < source.width;
  const D d;
  // Four pixels, of which each row is added: their twelve values in turn.
  auto low = hn::Zero(d), middle = low, high = low;
  for (int r = 0; r < 4; ++r) {
    const int row = std::clamp(y.pixel - 1 + r, 0, source.height - 1);
    const uint8_t* from = source.data + int64_t{row} * source.width * 3;
    uint8_t copy[12];
    if (inside) {
      from += (x.pixel - 1) * 3;
    } else {
      for (int i = 0; i < 4; ++i) {
        std::memcpy(copy + i * 3, from + std::clamp(x.pixel - 1 + i, 0, source.width - 1) * 3, 3);
      }
      from = copy;
    }
    const auto weight = hn::Set(d, down.weights[r]);
    low = hn::MulAdd(weight, four(from), low);
    middle = hn::MulAdd(weight, four(from + 4), middle);
    high = hn::MulAdd(weight, four(from + 8), high);
  }
  // Pixel by pixel; the fourth lane is idle.
  auto sum = hn::MulAdd(hn::Set(d, across.weights[0]), low, hn::Set(d, 0.5f));
  sum = hn::MulAdd(hn::Set(d, across.weights[1]), hn::CombineShiftRightBytes<12>(d, middle, low),
                   sum);
  sum = hn::MulAdd(hn::Set(d, across.weights[2]), hn::CombineShiftRightBytes<8>(d, high, middle),
                   sum);
  sum =
      hn::MulAdd(hn::Set(d, across.weights[3]), hn::CombineShiftRightBytes<4>(d, high, high), sum);
  const auto whole = hn::ConvertTo(hn::Rebind<int32_t, D>(), hn::Max(sum, hn::Zero(d)));
  const hn::Rebind<uint8_t, D> d8;
  uint8_t bytes[4];
  hn::StoreU(hn::DemoteTo(d8, whole), d8, bytes);
  std::memcpy(out, bytes, 3);
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
