// Pictures seen through a projective map: every pixel of the result is looked up in the source.
//
// Between pixels the source is interpolated by cubic convolution over 4 x 4 of them, with the
// kernel of OpenCV's INTER_CUBIC (a = -0.75); beyond its border it goes on as its outermost pixels.
// There is no antialiasing: a result much smaller than what it shows is made of too few pixels.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "leat/op.h"
#include "ops/image/picture.h"

namespace leat {

// The point (x, y) of the result shows the source's
// (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]) / (m[6] x + m[7] y + m[8]). Points count from
// the upper left edge, so that the first pixel's middle is (0.5, 0.5).
using Projection = std::array<double, 9>;

// Writes width x height pixels to `out`. With `outside`, pixels whose middle shows none of the
// source have that colour. kCancelled when nobody waits for it any more.
Status warp(const Pixels& source, const Projection& projection, std::optional<Colour> outside,
            ImageSize size, std::byte* out, const OpCall& call);

}  // namespace leat
