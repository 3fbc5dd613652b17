#include "codec/image/upright.h"

#include <hwy/highway.h>

#include <cstring>
#include <vector>

namespace leat::image {

namespace {

namespace hn = hwy::HWY_NAMESPACE;
constexpr hn::FixedTag<uint8_t, 16> kBytes;
constexpr hn::FixedTag<uint32_t, 4> kWords;

void reverse_row(uint8_t* row, int width) {
  alignas(16) static constexpr uint8_t kBackwards[] = {15, 14, 13, 12, 11, 10, 9, 8,
                                                       7,  6,  5,  4,  3,  2,  1, 0};
  const auto backwards = hn::Load(kBytes, kBackwards);
  uint8_t* a = row;
  uint8_t* b = row + size_t{3} * width;
  for (constexpr ptrdiff_t kBlock = 48; b - a >= 2 * kBlock; a += kBlock, b -= kBlock) {
    decltype(hn::Zero(kBytes)) left[3], right[3];
    hn::LoadInterleaved3(kBytes, a, left[0], left[1], left[2]);
    hn::LoadInterleaved3(kBytes, b - kBlock, right[0], right[1], right[2]);
    for (auto* side : {left, right}) {
      for (int c = 0; c < 3; ++c) side[c] = hn::TableLookupBytes(side[c], backwards);
    }
    hn::StoreInterleaved3(right[0], right[1], right[2], kBytes, a);
    hn::StoreInterleaved3(left[0], left[1], left[2], kBytes, b - kBlock);
  }
  for (b -= 3; a < b; a += 3, b -= 3) std::swap_ranges(a, a + 3, b);
}

// 4 x 4 pixels: row i of `from` becomes column i of `to`. Reads 16 bytes a row and writes 12.
void transpose_block(const uint8_t* from, ptrdiff_t from_step, uint8_t* to, ptrdiff_t to_step) {
  alignas(16) static constexpr uint8_t kSpread[] = {0, 1, 2, 0x80, 3, 4,  5,  0x80,
                                                    6, 7, 8, 0x80, 9, 10, 11, 0x80};
  alignas(16) static constexpr uint8_t kPack[] = {0,  1,  2,  4,  5,    6,    8,    9,
                                                  10, 12, 13, 14, 0x80, 0x80, 0x80, 0x80};
  const auto spread = hn::Load(kBytes, kSpread), pack = hn::Load(kBytes, kPack);
  auto row = [&](int i) {
    auto pixels = hn::LoadU(kBytes, from + i * from_step);
    return hn::BitCast(kWords, hn::TableLookupBytesOr0(pixels, spread));
  };
  const auto a = row(0), b = row(1), c = row(2), d = row(3);
  const auto ac_low = hn::InterleaveLower(kWords, a, c), bd_low = hn::InterleaveLower(kWords, b, d);
  const auto ac_high = hn::InterleaveUpper(kWords, a, c);
  const auto bd_high = hn::InterleaveUpper(kWords, b, d);
  auto column = [&](int i, auto pixels) {
    alignas(16) uint8_t packed[16];
    hn::Store(hn::TableLookupBytesOr0(hn::BitCast(kBytes, pixels), pack), kBytes, packed);
    std::memcpy(to + i * to_step, packed, 12);
  };
  column(0, hn::InterleaveLower(kWords, ac_low, bd_low));
  column(1, hn::InterleaveUpper(kWords, ac_low, bd_low));
  column(2, hn::InterleaveLower(kWords, ac_high, bd_high));
  column(3, hn::InterleaveUpper(kWords, ac_high, bd_high));
}

}  // namespace

UprightRows::UprightRows(uint8_t* out, int stored_width, int stored_height, int orientation,
                         StoredPart part)
    : out_(out),
      width_(stored_width),
      height_(stored_height),
      orientation_(orientation),
      part_(part),
      stride_(size_t{3} * stored_width) {
  if (orientation_ < 5) return;
  stride_ = size_t{3} * (part.right - part.left);
  // An odd number of cache lines, so that the rows of a column fall into different cache sets.
  stride_ = ((stride_ + 63) / 64 | 1) * 64;
  thread_local std::vector<uint8_t> band;
  const size_t size = stride_ * kBand + 16;  // a block's loads may pass the end by 4 bytes
  if (band.size() < size) band.resize(size);
  band_ = band.data();
}

uint8_t* UprightRows::row(int y) {
  if (band_) return band_ + stride_ * ((y - part_.top) % kBand);
  const bool upside_down = orientation_ == 3 || orientation_ == 4;
  const bool mirrored = orientation_ == 2 || orientation_ == 3;
  return out_ + stride_ * (upside_down ? height_ - 1 - y : y) +
         size_t{3} * (mirrored ? width_ - part_.right : part_.left);
}

void UprightRows::settle(int first, int count) {
  if (orientation_ == 1 || orientation_ == 4) return;
  const int width = part_.right - part_.left;
  if (!band_) {
    for (int y = first; y < first + count; ++y) reverse_row(row(y), width);
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
  uint8_t* const start =
      out_ + upright_stride * (flip_rows ? width_ - 1 - part_.left : part_.left) + size_t{3} * left;
  const ptrdiff_t down = flip_rows ? -static_cast<ptrdiff_t>(upright_stride) : upright_stride;
  for (int x = 0; x < width;) {
    const int columns = x + 4 <= width ? 4 : 1;
    for (int i = 0; i < count;) {
      const uint8_t* from = top + step * i + 3 * x;
      uint8_t* to = start + down * x + 3 * i;
      if (columns == 4 && i + 4 <= count) {
        transpose_block(from, step, to, down);
        i += 4;
      } else {
        for (int k = 0; k < columns; ++k) std::memcpy(to + down * k, from + 3 * k, 3);
        ++i;
      }
    }
    x += columns;
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
