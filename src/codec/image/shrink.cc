#include "codec/image/shrink.h"

#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

namespace leat::image {

namespace {

// Which source positions a target position covers: the whole of (first, last), and of the two at
// the ends a part each. The parts of all add up to 1.
struct Cover {
  int first, last;
  float first_part, inner_part, last_part;

  float part(int at) const {
    return at == first ? first_part : at == last ? last_part : inner_part;
  }
};

Cover cover(int target, int target_size, int source_size) {
  double ratio = static_cast<double>(source_size) / target_size;
  double from = target * ratio, to = std::min<double>((target + 1) * ratio, source_size);
  int first = static_cast<int>(from);
  int last = std::min(static_cast<int>(to), source_size - 1);
  if (last > first && to - last < 1e-6) --last;
  float part = static_cast<float>(1 / ratio);
  if (first == last) return {first, last, 1, 1, 1};
  return {first, last, static_cast<float>((first + 1 - from) / ratio), part,
          static_cast<float>((to - last) / ratio)};
}

// sums += part * row
void add_row(const uint8_t* row, float part, size_t samples, float* sums) {
  namespace hn = hwy::HWY_NAMESPACE;
  constexpr hn::FixedTag<float, 4> kFloats;
  constexpr hn::FixedTag<int32_t, 4> kInts;
  constexpr hn::FixedTag<uint8_t, 4> kBytes;
  const auto parts = hn::Set(kFloats, part);
  size_t i = 0;
  for (; i + 4 <= samples; i += 4) {
    auto values = hn::ConvertTo(kFloats, hn::PromoteTo(kInts, hn::LoadU(kBytes, row + i)));
    hn::StoreU(hn::MulAdd(values, parts, hn::LoadU(kFloats, sums + i)), kFloats, sums + i);
  }
  for (; i < samples; ++i) sums[i] += part * row[i];
}

}  // namespace

void shrink(View from, int width, int height, uint8_t* to) {
  assert(width >= 1 && width <= from.width && height >= 1 && height <= from.height);
  const size_t samples = size_t{3} * from.width;
  thread_local std::vector<float> sums;  // a row of the source's width
  thread_local std::vector<Cover> columns;
  sums.resize(samples);
  columns.resize(static_cast<size_t>(width));
  for (int x = 0; x < width; ++x) columns[x] = cover(x, width, from.width);

  for (int y = 0; y < height; ++y) {
    Cover rows = cover(y, height, from.height);
    std::ranges::fill(sums, 0.0f);
    for (int s = rows.first; s <= rows.last; ++s) {
      add_row(from.pixels + samples * s, rows.part(s), samples, sums.data());
    }
    for (const Cover& column : columns) {
      float rgb[3] = {0.5f, 0.5f, 0.5f};  // rounds to nearest
      for (int s = column.first; s <= column.last; ++s) {
        const float part = column.part(s);
        for (int c = 0; c < 3; ++c) rgb[c] += part * sums[size_t{3} * s + c];
      }
      for (float value : rgb) *to++ = static_cast<uint8_t>(std::min(value, 255.0f));
    }
  }
}

}  // namespace leat::image
