// The idea. Pillow's arithmetic: first across, then down, with weights of 22 bits, and rounded to
// bytes after each. Where pixels are multiplied, four that are neighbours on the axis lie in one
// 32-bit word, and the words of 16 rows, or of as many columns, side by side: one weight for all
// lanes, no shuffles, no gathers, whatever the factor.
//
// 1. A block of 16 source rows is turned: for four neighbouring pixels and a channel, the words of
//    all 16 rows lie together.
// 2. Across: a word of weights is multiplied with the block's words and added up. The 16 bytes of a
//    result are four words of four rows each, and so, turned again, what step 3 wants.
// 3. Down, as soon as the rows are there that a row of the result needs. What step 2 gave lies in a
//    ring of as many rows as are needed at once, small enough for a near cache.
// 4. The bytes, still in 32 bits, become floats, are normalised, converted and stored where they
//    belong.
#include "ops/image/resample.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/image/resample.cc"
// SSE4 brings nothing here beyond SSSE3.
#define HWY_DISABLED_TARGETS HWY_SSE4
#define HWY_WANT_AVX3_DL         // not attained by default
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// after foreach_target
#include <hwy/highway.h>

#include "ops/image/convert-inl.h"
#include "ops/image/weighted_sum-inl.h"

#ifndef LEAT_OPS_IMAGE_RESAMPLE_SHARED_
#define LEAT_OPS_IMAGE_RESAMPLE_SHARED_
namespace leat {

constexpr int kRows = 16;                       // of the source, in one block
constexpr int kTile = 64;                       // pixels of the result converted at once
constexpr size_t kGroup = 3 * kRows;            // words of four pixels of a block: [channel][row]
constexpr size_t kRingWords = size_t{1} << 20;  // beyond which the result is made in strips
constexpr int kTail = 32;                       // bytes, at least two groups of pixels and 16

// What grows, and is zero at first: weights of 0 are multiplied with what lies there.
class Words {
 public:
  uint32_t* room_for(size_t count) {
    if (count > capacity_) {
      count = (count * 5 / 4 + 15) / 16 * 16;
      words_.reset(static_cast<uint32_t*>(std::aligned_alloc(64, count * sizeof(uint32_t))));
      if (!words_) throw std::bad_alloc();
      std::memset(words_.get(), 0, count * sizeof(uint32_t));
      capacity_ = count;
    }
    return words_.get();
  }

 private:
  std::unique_ptr<uint32_t, void (*)(void*)> words_{nullptr, std::free};
  size_t capacity_ = 0;
};

// What a thread keeps between calls.
struct Scratch {
  alignas(64) uint8_t tails[kRows * kTail];
  alignas(64) float tile[3 * kTile];           // [channel][x]
  alignas(64) std::byte typed[3 * kTile * 4];  // the same in the tensor's type
  alignas(64) std::byte mixed[3 * kTile * 4];  // the same with channels interleaved
  Words block;                                 // [group of 4 pixels][channel][row]
  Words ring;                                  // [group of 4 rows][channel][x]
  std::vector<const uint32_t*> rows;           // of the ring
};

// One call, as the kernel sees it.
struct Job {
  const Pixels& source;
  const Axis& across;
  const Axis& down;
  const PixelFormat& format;
  const Canvas& canvas;
  Scratch& scratch;
};

// The part of a job that is made at once: columns [x, x + width) of the result.
struct Strip {
  int x, width;
  int begin, end;  // groups of source pixels
  size_t stride;   // words of a row and channel in the ring
  size_t mask;     // the ring has mask + 1 groups of rows
  const uint8_t* rows[kRows];
  uint32_t* block;
  uint32_t* ring;
};

}  // namespace leat
#endif

HWY_BEFORE_NAMESPACE();
namespace leat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

static_assert(kRows % kLanes == 0);

// Each block of 16 bytes of `v` to to[block] + at.
template <typename V>
HWY_INLINE void store_blocks(V v, uint32_t* const* to, size_t at) {
  using D = hn::DFromV<V>;
  if constexpr (hn::MaxLanes(D()) == 4) {
    hn::Store(v, D(), reinterpret_cast<int32_t*>(*to + at));
  } else {
    const hn::Half<D> half;
    store_blocks(hn::LowerHalf(half, v), to, at);
    store_blocks(hn::UpperHalf(half, v), to + hn::MaxLanes(half) / 4, at);
  }
}

// Blocks of 16 bytes, of row 0 and, if vectors are long enough, row 4.
using Turn32 = hn::CappedTag<int32_t, 8>;
constexpr int kTurnRows = hn::MaxLanes(Turn32());

// Step 1 for `count` groups of pixels, which lie at rows[r] + from.
HWY_INLINE void turn(const uint8_t* const* rows, size_t from, int count, uint32_t* out) {
  const Turn32 d32;
  const hn::Repartition<int64_t, Turn32> d64;
  const hn::Repartition<uint8_t, Turn32> d8;
  const hn::FixedTag<uint8_t, 16> block;
  // RGBRGBRGBRGB---- to RRRRGGGGBBBB----
  alignas(32) static constexpr uint8_t kSort[32] = {0,  3,  6, 9, 1,  4,  7, 10, 2, 5, 8,
                                                    11, 2,  5, 8, 11, 0,  3, 6,  9, 1, 4,
                                                    7,  10, 2, 5, 8,  11, 2, 5,  8, 11};
  const auto sort = hn::Load(d8, kSort);
  for (int group = 0; group < kRows; group += kTurnRows) {
    const uint8_t* at[kTurnRows];
    for (int r = 0; r < kTurnRows; ++r) at[r] = rows[group + r] + from;
    for (int p = 0; p < count; ++p) {
      const auto row = [&](int r) {
#if HWY_MAX_BYTES >= 32
        const auto v =
            hn::Combine(d8, hn::LoadU(block, at[r + 4] + p * 12), hn::LoadU(block, at[r] + p * 12));
#else
        const auto v = hn::LoadU(block, at[r] + p * 12);
#endif
        return hn::BitCast(d32, hn::TableLookupBytes(v, sort));
      };
      const auto r0 = row(0), r1 = row(1), r2 = row(2), r3 = row(3);
      const auto rg01 = hn::BitCast(d64, hn::InterleaveLower(d32, r0, r1));
      const auto rg23 = hn::BitCast(d64, hn::InterleaveLower(d32, r2, r3));
      const auto b01 = hn::BitCast(d64, hn::InterleaveUpper(d32, r0, r1));
      const auto b23 = hn::BitCast(d64, hn::InterleaveUpper(d32, r2, r3));
      auto* to = reinterpret_cast<int32_t*>(out) + static_cast<size_t>(p) * kGroup + group;
      hn::Store(hn::BitCast(d32, hn::InterleaveLower(d64, rg01, rg23)), d32, to);
      hn::Store(hn::BitCast(d32, hn::InterleaveUpper(d64, rg01, rg23)), d32, to + kRows);
      hn::Store(hn::BitCast(d32, hn::InterleaveLower(d64, b01, b23)), d32, to + 2 * kRows);
    }
  }
}

// Step 1: the strip's part of 16 rows. No byte behind a row's end is read.
HWY_INLINE void turn_block(const Job& job, Strip& strip) {
  const size_t row_bytes = static_cast<size_t>(job.source.width) * 3;
  const size_t from = static_cast<size_t>(strip.begin) * 12;
  const int whole = row_bytes < 16 ? 0 : static_cast<int>((row_bytes - 16) / 12 + 1);
  const int safe = std::clamp(whole - strip.begin, 0, strip.end - strip.begin);
  turn(strip.rows, from, safe, strip.block);
  const int rest = strip.end - strip.begin - safe;  // 0, 1 or 2
  if (rest == 0) return;
  const uint8_t* rows[kRows];
  const size_t at = from + static_cast<size_t>(safe) * 12;
  const size_t count = std::min<size_t>(row_bytes - at, kTail);
  for (int r = 0; r < kRows; ++r) {
    uint8_t* tail = job.scratch.tails + r * kTail;
    std::memcpy(tail, strip.rows[r] + at, count);
    rows[r] = tail;
  }
  turn(rows, 0, rest, strip.block + static_cast<size_t>(safe) * kGroup);
}

// Step 2 for one pixel of the result and kLanes rows: the bytes of each channel, in 32 bits.
HWY_INLINE void blend_across(const Axis& across, const Axis::Reach& reach, const uint32_t* at,
                             V32* out) {
  const uint32_t* words = across.weights.data() + reach.weights;
  Sum red, green, blue;
  for (int k = 0; k < reach.groups; ++k, at += kGroup, words += Axis::words(kBytes)) {
    const Weights weights(words);
    red.add(load(at), weights);
    green.add(load(at + kRows), weights);
    blue.add(load(at + 2 * kRows), weights);
  }
  out[0] = rounded(red);
  out[1] = rounded(green);
  out[2] = rounded(blue);
}

// Step 2: the block becomes four groups of rows in the ring, from group `first` on.
HWY_INLINE void narrow_block(const Job& job, const Strip& strip, size_t first) {
  const hn::Repartition<uint8_t, D32> d8;
  // In blocks of 16 bytes: four rows of a byte of four pixels each, to four pixels of four rows.
  alignas(64) static constexpr uint8_t kTurn[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                    2, 6, 10, 14, 3, 7, 11, 15};
  const auto order = hn::LoadDup128(d8, kTurn);
  constexpr int kBlocks = kLanes / 4;
  for (int v = 0; v < kRows; v += kLanes) {
    uint32_t* to[kBlocks];
    for (int g = 0; g < kBlocks; ++g) {
      const size_t group = first + static_cast<size_t>(v / 4 + g);
      to[g] = strip.ring + (group & strip.mask) * 3 * strip.stride;
    }
    for (int x = 0; x < strip.width; x += 4) {
      V32 pixel[4][3];
      for (int i = 0; i < 4; ++i) {
        const int from = strip.x + std::min(x + i, strip.width - 1);
        const Axis::Reach& reach = job.across.reach[static_cast<size_t>(from)];
        const auto group = static_cast<size_t>(reach.first - strip.begin);
        blend_across(job.across, reach, strip.block + group * kGroup + v, pixel[i]);
      }
      for (size_t c = 0; c < 3; ++c) {
        const V32 low = hn::Or(pixel[0][c], hn::ShiftLeft<8>(pixel[1][c]));
        const V32 high = hn::Or(pixel[2][c], hn::ShiftLeft<8>(pixel[3][c]));
        const V32 all = hn::Or(low, hn::ShiftLeft<16>(high));
        const auto turned = hn::BitCast(D32(), hn::TableLookupBytes(hn::BitCast(d8, all), order));
        store_blocks(turned, to, c * strip.stride + static_cast<size_t>(x));
      }
    }
  }
}

// Step 3 for pixels [x, x + kLanes) of the strip's row: normalised floats, channel by channel of
// the tensor.
HWY_INLINE void blend_down(const Job& job, const Strip& strip, const Axis::Reach& reach, int x,
                           hn::Vec<DF>* out) {
  const D32 d32;
  const DF df;
  const uint32_t* words = job.down.weights.data() + reach.weights;
  const uint32_t* const* rows = job.scratch.rows.data();
  Sum red, green, blue;
  for (int k = 0; k < reach.groups; ++k, words += Axis::words(kBytes)) {
    const Weights weights(words);
    const uint32_t* at = rows[k] + x;
    red.add(load(at), weights);
    green.add(load(at + strip.stride), weights);
    blue.add(load(at + 2 * strip.stride), weights);
  }
  V32 r = rounded(red), g = rounded(green), b = rounded(blue);
  const auto real = [&](V32 v, int c) {
    return hn::MulAdd(hn::ConvertTo(df, v), hn::Set(df, job.format.multiply[c]),
                      hn::Set(df, job.format.add[c]));
  };
  if (job.format.grey) {  // Pillow's luma
    const V32 luma =
        hn::Add(hn::Add(hn::Mul(r, hn::Set(d32, 19595)), hn::Set(d32, 0x8000)),
                hn::Add(hn::Mul(g, hn::Set(d32, 38470)), hn::Mul(b, hn::Set(d32, 7471))));
    out[0] = real(hn::ShiftRight<16>(luma), 0);
    return;
  }
  if (job.format.bgr) std::swap(r, b);
  out[0] = real(r, 0);
  out[1] = real(g, 1);
  out[2] = real(b, 2);
}

// Step 4 for a tile: [channel][kTile] floats to where they belong.
template <typename T>
HWY_INLINE void emit_row(const Job& job, int x, int y, int count) {
  const float* tile = job.scratch.tile;
  const size_t channels = static_cast<size_t>(job.format.channels());
  const size_t n = static_cast<size_t>(count);
  const size_t width = static_cast<size_t>(job.canvas.width);
  const size_t place = static_cast<size_t>(job.canvas.part.y + y) * width +
                       static_cast<size_t>(job.canvas.part.x + x);
  T* out = reinterpret_cast<T*>(job.canvas.data);
  T* typed = reinterpret_cast<T*>(job.scratch.typed);
  for (size_t c = 0; c < channels; ++c) {
    for (size_t i = 0; i < n; i += 16) convert16(tile + c * kTile + i, typed + c * kTile + i);
  }
  if (job.format.planar || channels == 1) {
    const size_t plane = width * static_cast<size_t>(job.canvas.height);
    for (size_t c = 0; c < channels; ++c) {
      std::memcpy(out + c * plane + place, typed + c * kTile, n * sizeof(T));
    }
  } else {
    T* mixed = reinterpret_cast<T*>(job.scratch.mixed);
    interleave<kTile>(typed, mixed);
    std::memcpy(out + place * 3, mixed, n * 3 * sizeof(T));
  }
}

// Steps 3 and 4 for a row: FP32 in planes is stored at once.
HWY_INLINE void make_row(const Job& job, const Strip& strip, int y) {
  const DF df;
  const Axis::Reach reach = job.down.reach[static_cast<size_t>(y)];
  for (int k = 0; k < reach.groups; ++k) {
    const auto group = static_cast<size_t>(reach.first + k) & strip.mask;
    job.scratch.rows[static_cast<size_t>(k)] = strip.ring + group * 3 * strip.stride;
  }
  const PixelFormat& format = job.format;
  const size_t channels = static_cast<size_t>(format.channels());
  const bool direct = format.dtype == DType::kFp32 && (format.planar || format.grey);
  const size_t width = static_cast<size_t>(job.canvas.width);
  const size_t plane = width * static_cast<size_t>(job.canvas.height);
  float* place = reinterpret_cast<float*>(job.canvas.data) +
                 static_cast<size_t>(job.canvas.part.y + y) * width +
                 static_cast<size_t>(job.canvas.part.x + strip.x);
  hn::Vec<DF> real[3] = {hn::Zero(df), hn::Zero(df), hn::Zero(df)};
  for (int begin = 0; begin < strip.width; begin += kTile) {
    const int end = std::min(begin + kTile, strip.width);
    int x = begin;
    if (direct) {
      for (; x + kLanes <= end; x += kLanes) {
        blend_down(job, strip, reach, x, real);
        for (size_t c = 0; c < channels; ++c) hn::StoreU(real[c], df, place + c * plane + x);
      }
    }
    const int rest = x;
    for (; x < end; x += kLanes) {
      blend_down(job, strip, reach, x, real);
      for (size_t c = 0; c < channels; ++c) {
        hn::Store(real[c], df, job.scratch.tile + c * kTile + (x - rest));
      }
    }
    const int count = end - rest;
    if (count == 0) continue;
    switch (format.dtype) {
      case DType::kUint8:
        emit_row<uint8_t>(job, strip.x + rest, y, count);
        break;
      case DType::kFp16:
        emit_row<uint16_t>(job, strip.x + rest, y, count);
        break;
      default:
        emit_row<float>(job, strip.x + rest, y, count);
        break;
    }
  }
}

void run_strip(const Job& job, Strip& strip) {
  const Pixels& source = job.source;
  const size_t row_bytes = static_cast<size_t>(source.width) * 3;
  int ready = 0;  // groups of source rows before this one are in the ring
  for (int y = 0; y < job.canvas.part.height; ++y) {
    const Axis::Reach& reach = job.down.reach[static_cast<size_t>(y)];
    ready = std::max(ready, reach.first);  // rows that nothing needs are left out
    for (; ready < reach.first + reach.groups; ready += 4) {
      for (int r = 0; r < kRows; ++r) {
        const int row = std::min(ready * 4 + r, source.height - 1);
        strip.rows[r] = source.data + static_cast<size_t>(row) * row_bytes;
      }
      turn_block(job, strip);
      narrow_block(job, strip, static_cast<size_t>(ready));
    }
    make_row(job, strip, y);
  }
}

void run(const Pixels& source, const Scaling& scaling, const PixelFormat& format,
         const Canvas& canvas) {
  thread_local auto scratch = std::make_unique<Scratch>();
  const Axis& across = axis_for({.in = source.width,
                                 .out = scaling.width,
                                 .begin = scaling.x,
                                 .count = canvas.part.width,
                                 .filter = scaling.filter,
                                 .even = true,
                                 .bytes = kBytes,
                                 .length = source.right});
  const Axis& down = axis_for({.in = source.height,
                               .out = scaling.height,
                               .begin = scaling.y,
                               .count = canvas.part.height,
                               .filter = scaling.filter,
                               .even = false,
                               .bytes = kBytes,
                               .length = source.bottom});
  const Job job{source, across, down, format, canvas, *scratch};
  const auto most = static_cast<size_t>(down.most_groups);
  if (scratch->rows.size() < most) scratch->rows.resize(most);

  Strip strip;
  const size_t groups = std::bit_ceil(most + 4);  // a block is written while a row's are kept
  strip.mask = groups - 1;
  const auto fits = std::max<size_t>(kRingWords / (3 * groups) / kTile, 1) * kTile;
  for (strip.x = 0; strip.x < canvas.part.width; strip.x += strip.width) {
    strip.width = std::min(canvas.part.width - strip.x, static_cast<int>(fits));
    strip.stride = (static_cast<size_t>(strip.width) + kRows - 1) / kRows * kRows;
    strip.begin = across.reach[static_cast<size_t>(strip.x)].first;
    const Axis::Reach& last = across.reach[static_cast<size_t>(strip.x + strip.width - 1)];
    strip.end = std::min(last.first + last.groups, (source.width + 3) / 4);
    const auto length = static_cast<size_t>(last.first + last.groups - strip.begin);
    strip.block = scratch->block.room_for(length * kGroup);
    strip.ring = scratch->ring.room_for(groups * 3 * strip.stride);
    run_strip(job, strip);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace leat
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leat {

HWY_EXPORT(run);

void resample(const Pixels& source, const Scaling& scaling, const PixelFormat& format,
              const Canvas& canvas) {
  HWY_DYNAMIC_DISPATCH(run)(source, scaling, format, canvas);
}

}  // namespace leat
#endif
