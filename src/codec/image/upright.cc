#include "codec/image/upright.h"

#include <cstring>
#include <vector>

namespace leat::image {

namespace {

void reverse_row(uint8_t* row, int width) {
  for (uint8_t *a = row, *b = row + size_t{3} * (width - 1); a < b; a += 3, b -= 3) {
    std::swap_ranges(a, a + 3, b);
  }
}

}  // namespace

UprightRows::UprightRows(uint8_t* out, int stored_width, int stored_height, int orientation)
    : out_(out),
      width_(stored_width),
      height_(stored_height),
      orientation_(orientation),
      stride_(size_t{3} * stored_width) {
  if (orientation_ < 5) return;
  // An odd number of cache lines, so that the rows of a column fall into different cache sets.
  stride_ = ((stride_ + 63) / 64 | 1) * 64;
  thread_local std::vector<uint8_t> band;
  if (band.size() < stride_ * kBand) band.resize(stride_ * kBand);
  band_ = band.data();
}

uint8_t* UprightRows::row(int y) {
  if (band_) return band_ + stride_ * (y % kBand);
  bool upside_down = orientation_ == 3 || orientation_ == 4;
  return out_ + stride_ * (upside_down ? height_ - 1 - y : y);
}

void UprightRows::settle(int first, int count) {
  if (orientation_ == 1 || orientation_ == 4) return;
  if (!band_) {
    for (int y = first; y < first + count; ++y) reverse_row(row(y), width_);
    return;
  }
  // Stored (x, y) becomes upright row x (5, 6) or width - 1 - x (7, 8), and upright column y (5, 8)
  // or height - 1 - y (6, 7).
  bool flip_rows = orientation_ >= 7;
  bool flip_columns = orientation_ == 6 || orientation_ == 7;
  const size_t upright_stride = size_t{3} * height_;
  const int left = flip_columns ? height_ - first - count : first;
  const ptrdiff_t step = flip_columns ? -static_cast<ptrdiff_t>(stride_) : stride_;
  const uint8_t* top = band_ + (flip_columns ? stride_ * (count - 1) : 0);
  for (int x = 0; x < width_; ++x) {
    const uint8_t* from = top + size_t{3} * x;
    uint8_t* to = out_ + upright_stride * (flip_rows ? width_ - 1 - x : x) + size_t{3} * left;
    for (int i = 0; i < count; ++i, from += step, to += 3) std::memcpy(to, from, 3);
  }
}

void turn_upright(const uint8_t* stored, int stored_width, int stored_height, int orientation,
                  uint8_t* out) {
  UprightRows upright(out, stored_width, stored_height, orientation);
  const size_t row = size_t{3} * stored_width;
  for (int first = 0, count; first < stored_height; first += count) {
    count = upright.band(first);
    for (int y = first; y < first + count; ++y) {
      std::memcpy(upright.row(y), stored + row * y, row);
    }
    upright.settle(first, count);
  }
}

}  // namespace leat::image
