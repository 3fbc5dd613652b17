// Pictures whose rows come one after the other, as stored.
#pragma once

#include <cstring>

#include "codec/image/formats.h"
#include "codec/image/upright.h"

namespace leat::image {

// Calls `Status read(int y, uint8_t* row)` for the stored rows in order, each to be written as
// width * 3 bytes, and turns them upright into `out`. After the first that fails none is asked for;
// if the options say that what there is shall be recovered, it and the rest are kLostLevel, and
// header.intact tells the part before it. If that is none the failure stands.
template <typename Read>
Status read_rows(Header& header, int orientation, uint8_t* out, const DecodeOptions& options,
                 const Canvas& canvas, Read read) {
  int width = header.size.width, height = header.size.height, good = 0;
  if (orientation >= 5) std::swap(width, height);
  UprightRows upright(out, width, height, orientation);
  Status failure;
  for (int first = 0, count; first < height; first += count) {
    if (canvas.abandoned()) return abandoned();
    count = upright.band(first);
    for (int y = first; y < first + count; ++y) {
      if (failure.ok()) failure = read(y, upright.row(y));
      if (failure.ok()) {
        ++good;
        continue;
      }
      if (!options.recover || good == 0 || failure.code() != Code::kBadMedia) return failure;
      std::memset(upright.row(y), kLostLevel, size_t{3} * width);
    }
    upright.settle(first, count);
  }
  header.intact = double{1} * good / height;
  return {};
}

}  // namespace leat::image
