// The idea. Both axes are separable, so: first down, then across.
//
// 1. Down, for 16 rows of the result and a strip of columns at a time, narrow enough that the
// source
//    rows under it stay in the nearest cache while each is used for two or more rows of the result.
//    Two source rows are multiplied and added at once, on bytes as they lie, whatever their
//    channel. The sums become int16 with 7 fractional bits.
// 2. These 16 rows are turned: for a pair of neighbouring pixels and a channel, the pair's values
// of
//    all 16 rows lie side by side.
// 3. Across: a pixel of the result is a sum over pairs, for 16 rows at once, with one weight for
// all
//    lanes: no shuffles, no gathers, whatever the factor.
// 4. The 32-bit sums become floats, are normalised, turned back, converted and stored where they
//    belong, a tile of 64 pixels at a time.
//
// Going down first makes the part that needs shuffling as small as the result is low. No number
// overflows: weights sum to 1.0 at `bits`, at most 22 down (255 << 22) and 16 across (32640 << 16).
#include "ops/image/resample.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "ops/image/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/image/resample.cc"
// SSE4 brings nothing here beyond SSSE3.
#define HWY_DISABLED_TARGETS HWY_SSE4
#define HWY_WANT_AVX3_DL         // not attained by default
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// after foreach_target
#include <hwy/highway.h>

#ifndef LEAT_OPS_IMAGE_RESAMPLE_SHARED_
#define LEAT_OPS_IMAGE_RESAMPLE_SHARED_
namespace leat {

constexpr int kRows = 16;     // of the result, in one block
constexpr int kTile = 64;     // pixels of the result converted at once
constexpr int kFraction = 7;  // bits between down and across
constexpr int kStrip = 1024;
constexpr int kPad = 64;  // elements in front of and behind a row of `strip`
constexpr int kStripStride = kPad + kStrip * 3 + kPad;
constexpr size_t kPairStride = 3 * kRows;  // int32 (two int16) for one pair of pixels
constexpr size_t kTurned = kTile * kRows;  // floats of one channel of a turned tile

// What a thread keeps between calls.
struct Scratch {
  alignas(64) int16_t strip[kRows * kStripStride];
  alignas(64) float turned[3 * kTurned];       // [channel][x][row]
  alignas(64) float tile[kRows * 3 * kTile];   // [row][channel][x]
  alignas(64) std::byte typed[3 * kTile * 4];  // one row of a tile, in the tensor's type
  alignas(64) std::byte mixed[3 * kTile * 4];  // the same with channels interleaved
  std::vector<const uint8_t*> rows;
  std::unique_ptr<int32_t, void (*)(void*)> pairs{nullptr, std::free};
  size_t pairs_capacity = 0;

  int32_t* room_for_pairs(size_t count) {
    size_t size = count * kPairStride;
    if (size > pairs_capacity) {
      size = (size * 5 / 4 + 15) / 16 * 16;
      pairs.reset(static_cast<int32_t*>(std::aligned_alloc(64, size * sizeof(int32_t))));
      std::memset(pairs.get(), 0, size * sizeof(int32_t));
      pairs_capacity = size;
    }
    return pairs.get();
  }
};

// One call, as the kernel sees it.
struct Job {
  const Pixels& source;
  const Axis& across;
  const Axis& down;
  const PixelFormat& format;
  const Canvas& canvas;
  float multiply[3];  // with the fixed point taken out
  Scratch& scratch;
};

}  // namespace leat
#endif

HWY_BEFORE_NAMESPACE();
namespace leat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::CappedTag<int32_t, kRows>;
using DF = hn::Rebind<float, D32>;
using D16 = hn::Repartition<int16_t, D32>;
constexpr size_t kLanes = hn::MaxLanes(D32());
constexpr size_t kVectors = kRows / kLanes;  // that hold 16 rows
using V32 = hn::Vec<D32>;
using V16 = hn::Vec<D16>;

// Calls f(0) ... f(kCount - 1) with constants, so that arrays of vectors stay in registers.
template <typename F, size_t... kI>
HWY_INLINE void unrolled(std::index_sequence<kI...>, F&& f) {
  (f(std::integral_constant<size_t, kI>()), ...);
}
template <size_t kCount, typename F>
HWY_INLINE void unrolled(F&& f) {
  unrolled(std::make_index_sequence<kCount>(), f);
}

// sum + a[2i] * b[2i] + a[2i+1] * b[2i+1]
HWY_INLINE V32 multiply_add(V16 a, V16 b, V32 sum) {
#if HWY_TARGET <= HWY_AVX3_DL
  // One instruction of VNNI, for which Highway has no name and the compiler no leave.
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
#else
  V32 unused = hn::Zero(D32());
  return hn::ReorderWidenMulAccumulate(D32(), a, b, sum, unused);
#endif
}

// Two vectors of bytes in blocks of 16: the first 8 results of each block, and the last 8.
HWY_INLINE void store_in_order(V32 lower, V32 upper, int16_t* to) {
  const D32 d;
  auto* words = reinterpret_cast<int32_t*>(to);
  if constexpr (kLanes == 4) {
    hn::StoreU(lower, d, words);
    hn::StoreU(upper, d, words + kLanes);
  } else {
    V32 first = hn::ConcatLowerLower(d, upper, lower);
    V32 second = hn::ConcatUpperUpper(d, upper, lower);
    if constexpr (kLanes == 16) {
      alignas(64) static constexpr int32_t kOrder[16] = {0, 1, 2, 3, 8,  9,  10, 11,
                                                         4, 5, 6, 7, 12, 13, 14, 15};
      const auto order = hn::SetTableIndices(d, kOrder);
      first = hn::TableLookupLanes(first, order);
      second = hn::TableLookupLanes(second, order);
    }
    hn::StoreU(first, d, words);
    hn::StoreU(second, d, words + kLanes);
  }
}

// Step 1 for one row of the result: bytes [from, to) of the source rows.
HWY_INLINE void blend_rows(const uint8_t* const* rows, const uint32_t* weights, int pairs, int bits,
                           size_t from, size_t to, bool may_step_back, int16_t* out) {
  const D32 d32;
  const D16 d16;
  const hn::Repartition<uint16_t, D16> du16;
  const hn::Repartition<uint8_t, D16> du8;
  constexpr size_t kStep = hn::MaxLanes(du8);
  const int shift = bits - kFraction;
  const V32 half = hn::Set(d32, 1 << (shift - 1));
  const auto low_byte = hn::Set(du16, 0x00FF);

  size_t at = from;
  while (at < to) {
    if (at + kStep > to) {
      if (!may_step_back) break;
      at = to - kStep;
    }
    V32 even_lower = half, odd_lower = half, even_upper = half, odd_upper = half;
    for (int i = 0; i < pairs; ++i) {
      const V16 weight = hn::BitCast(d16, hn::Set(d32, static_cast<int32_t>(weights[i])));
      const auto a = hn::BitCast(du16, hn::LoadU(du8, rows[2 * i] + at));
      const auto b = hn::BitCast(du16, hn::LoadU(du8, rows[2 * i + 1] + at));
      const auto lower = hn::InterleaveLower(du16, a, b);
      const auto upper = hn::InterleaveUpper(du16, a, b);
      const auto even = [&](auto v) { return hn::BitCast(d16, hn::And(v, low_byte)); };
      const auto odd = [&](auto v) { return hn::BitCast(d16, hn::ShiftRight<8>(v)); };
      even_lower = multiply_add(even(lower), weight, even_lower);
      odd_lower = multiply_add(odd(lower), weight, odd_lower);
      even_upper = multiply_add(even(upper), weight, even_upper);
      odd_upper = multiply_add(odd(upper), weight, odd_upper);
    }
    const auto join = [&](V32 even, V32 odd) {
      return hn::Or(hn::ShiftRightSame(even, shift),
                    hn::ShiftLeft<16>(hn::ShiftRightSame(odd, shift)));
    };
    store_in_order(join(even_lower, odd_lower), join(even_upper, odd_upper), out + at - from);
    at += kStep;
  }
  for (; at < to; ++at) {  // a picture that is narrower than a vector
    int32_t sum = 1 << (shift - 1);
    for (int i = 0; i < pairs; ++i) {
      sum += rows[2 * i][at] * static_cast<int16_t>(weights[i] & 0xFFFF);
      sum += rows[2 * i + 1][at] * static_cast<int16_t>(weights[i] >> 16);
    }
    out[at - from] = static_cast<int16_t>(sum >> shift);
  }
}

// Vectors of one or two blocks of 16 bytes, for turning: the second block does for four rows
// further down what the first one does.
using Turn32 = hn::CappedTag<int32_t, 8>;
using TurnF = hn::Rebind<float, Turn32>;
constexpr int kTurnRows = hn::MaxLanes(Turn32());

HWY_INLINE hn::Vec<Turn32> load_blocks(const int16_t* at, size_t stride) {
  const hn::FixedTag<int32_t, 4> block;
  const auto load = [&](size_t r) {
    return hn::LoadU(block, reinterpret_cast<const int32_t*>(at + r * stride));
  };
#if HWY_MAX_BYTES >= 32
  return hn::Combine(Turn32(), load(4), load(0));
#else
  (void)stride;
  return load(0);
#endif
}

// Row r of `rows`, and row r + 4.
HWY_INLINE void store_blocks(hn::Vec<TurnF> v, int r, int rows, float* out, size_t stride) {
  const hn::FixedTag<float, 4> block;
#if HWY_MAX_BYTES >= 32
  if (r + 4 < rows)
    hn::StoreU(hn::UpperHalf(block, v), block, out + static_cast<size_t>(r + 4) * stride);
  if (r < rows) hn::StoreU(hn::LowerHalf(block, v), block, out + static_cast<size_t>(r) * stride);
#else
  if (r < rows) hn::StoreU(v, block, out + static_cast<size_t>(r) * stride);
#endif
}

// Step 2: `count` pairs of pixels from 16 rows.
HWY_INLINE void turn_pairs(const int16_t* strip, int count, int32_t* out) {
  const Turn32 d32;
  const hn::Repartition<int64_t, Turn32> d64;
  const hn::Repartition<uint8_t, Turn32> d8;
  // RGBRGB-- to RR GG BB --
  alignas(32) static constexpr uint8_t kPairUp[32] = {0,  1, 6, 7,  2,  3,  8, 9, 4,  5, 10,
                                                      11, 4, 5, 10, 11, 0,  1, 6, 7,  2, 3,
                                                      8,  9, 4, 5,  10, 11, 4, 5, 10, 11};
  const auto pair_up = hn::Load(d8, kPairUp);
  for (int p = 0; p < count; ++p) {
    for (int group = 0; group < kRows; group += kTurnRows) {
      const int16_t* at = strip + group * kStripStride + p * 6;
      const auto row = [&](int r) {
        const auto blocks = load_blocks(at + r * kStripStride, kStripStride);
        return hn::BitCast(d32, hn::TableLookupBytes(hn::BitCast(d8, blocks), pair_up));
      };
      const auto r0 = row(0), r1 = row(1), r2 = row(2), r3 = row(3);
      const auto rg01 = hn::BitCast(d64, hn::InterleaveLower(d32, r0, r1));
      const auto rg23 = hn::BitCast(d64, hn::InterleaveLower(d32, r2, r3));
      const auto b01 = hn::BitCast(d64, hn::InterleaveUpper(d32, r0, r1));
      const auto b23 = hn::BitCast(d64, hn::InterleaveUpper(d32, r2, r3));
      int32_t* to = out + p * static_cast<int>(kPairStride) + group;
      hn::Store(hn::BitCast(d32, hn::InterleaveLower(d64, rg01, rg23)), d32, to);
      hn::Store(hn::BitCast(d32, hn::InterleaveUpper(d64, rg01, rg23)), d32, to + kRows);
      hn::Store(hn::BitCast(d32, hn::InterleaveLower(d64, b01, b23)), d32, to + 2 * kRows);
    }
  }
}

// Step 3: pixels [x, x + count) of the result for 16 rows, as normalised floats.
template <bool kGrey>
HWY_INLINE void blend_columns(const Job& job, const int32_t* pairs, int x, int count) {
  const D32 d32;
  const D16 d16;
  const DF df;
  float* turned = job.scratch.turned;
  // By source channel: where it goes, and how.
  hn::Vec<DF> multiply[3], add[3];
  float* place[3];
  for (size_t c = 0; c < 3; ++c) {
    const size_t o = job.format.bgr ? 2 - c : c;
    multiply[c] = hn::Set(df, job.multiply[o]);
    add[c] = hn::Set(df, job.format.add[o]);
    place[c] = turned + o * kTurned;
  }
  for (int i = 0; i < count; ++i) {
    const Axis::Reach reach = job.across.reach[static_cast<size_t>(x + i)];
    const uint32_t* weights = job.across.weights.data() + reach.weights;
    const int32_t* at =
        pairs + static_cast<size_t>(reach.first - job.across.begin) / 2 * kPairStride;
    V32 sum[3 * kVectors];  // channel by channel
    unrolled<3 * kVectors>([&](auto v) { sum[v] = hn::Zero(d32); });
    for (int k = 0; k < reach.pairs; ++k, at += kPairStride) {
      const V16 weight = hn::BitCast(d16, hn::Set(d32, static_cast<int32_t>(weights[k])));
      unrolled<3 * kVectors>([&](auto v) {
        const V16 values = hn::BitCast(d16, hn::Load(d32, at + v * kLanes));
        sum[v] = multiply_add(values, weight, sum[v]);
      });
    }
    const size_t to = static_cast<size_t>(i) * kRows;
    const auto real = [&](size_t v) { return hn::ConvertTo(df, sum[v]); };
    if constexpr (kGrey) {
      unrolled<kVectors>([&](auto v) {
        auto luma = hn::Mul(real(v), hn::Set(df, 0.299f));
        luma = hn::MulAdd(real(kVectors + v), hn::Set(df, 0.587f), luma);
        luma = hn::MulAdd(real(2 * kVectors + v), hn::Set(df, 0.114f), luma);
        hn::Store(hn::MulAdd(luma, multiply[0], add[0]), df, turned + to + v * kLanes);
      });
    } else {
      unrolled<3 * kVectors>([&](auto v) {
        constexpr size_t c = v / kVectors;
        hn::Store(hn::MulAdd(real(v), multiply[c], add[c]), df,
                  place[c] + to + v % kVectors * kLanes);
      });
    }
  }
}

// Step 4a: turned[x][16 rows] to rows of `count` floats. Writes whole groups of 4 where
// `whole_groups`, else exactly `count`.
HWY_INLINE void turn_back(const float* turned, int count, int rows, bool whole_groups, float* out,
                          size_t stride) {
  const TurnF d;
  const hn::Repartition<int64_t, Turn32> d64;
  int x = 0;
  for (; x + (whole_groups ? 1 : 4) <= count; x += 4) {
    for (int group = 0; group < rows; group += kTurnRows) {
      const float* at = turned + x * kRows + group;
      const auto x0 = hn::Load(d, at), x1 = hn::Load(d, at + kRows);
      const auto x2 = hn::Load(d, at + 2 * kRows), x3 = hn::Load(d, at + 3 * kRows);
      const auto r01a = hn::BitCast(d64, hn::InterleaveLower(d, x0, x1));
      const auto r01b = hn::BitCast(d64, hn::InterleaveLower(d, x2, x3));
      const auto r23a = hn::BitCast(d64, hn::InterleaveUpper(d, x0, x1));
      const auto r23b = hn::BitCast(d64, hn::InterleaveUpper(d, x2, x3));
      const auto store = [&](int r, auto v) {
        store_blocks(hn::BitCast(d, v), group + r, rows, out + x, stride);
      };
      store(0, hn::InterleaveLower(d64, r01a, r01b));
      store(1, hn::InterleaveUpper(d64, r01a, r01b));
      store(2, hn::InterleaveLower(d64, r23a, r23b));
      store(3, hn::InterleaveUpper(d64, r23a, r23b));
    }
  }
  for (; x < count; ++x) {
    for (int r = 0; r < rows; ++r) out[static_cast<size_t>(r) * stride + x] = turned[x * kRows + r];
  }
}

// Step 4b: 16 floats (aligned) to a type. FP32 stays as it is.
HWY_INLINE void convert16(const float* in, float* out) { std::memcpy(out, in, 16 * sizeof(float)); }
HWY_INLINE void convert16(const float* in, uint8_t* out) {
  const hn::FixedTag<float, 4> df;
  const hn::FixedTag<int32_t, 4> d32;
  const hn::FixedTag<int16_t, 8> d16;
  const hn::FixedTag<int16_t, 4> d16h;
  const hn::FixedTag<uint8_t, 8> d8h;
  // Clamped first: a float outside of int32 has no nearest integer.
  const auto load = [&](int i) {
    const auto v = hn::Clamp(hn::Load(df, in + i), hn::Zero(df), hn::Set(df, 255.0f));
    return hn::DemoteTo(d16h, hn::ConvertTo(d32, hn::Add(v, hn::Set(df, 0.5f))));
  };
  for (int i = 0; i < 16; i += 8) {
    hn::StoreU(hn::DemoteTo(d8h, hn::Combine(d16, load(i + 4), load(i))), d8h, out + i);
  }
}
HWY_INLINE void convert16(const float* in, uint16_t* out) {  // FP16
#if HWY_TARGET <= HWY_AVX2
  const hn::FixedTag<float, 8> df;
  const hn::FixedTag<hwy::float16_t, 8> dh;
  const hn::FixedTag<uint16_t, 8> du;
  for (int i = 0; i < 16; i += 8) {
    hn::StoreU(hn::BitCast(du, hn::DemoteTo(dh, hn::Load(df, in + i))), du, out + i);
  }
#else
  for (int i = 0; i < 16; ++i) out[i] = half_bits(in[i]);
#endif
}

template <typename T>
HWY_INLINE void interleave(const T* in, T* out) {
  const hn::FixedTag<T, 16 / sizeof(T)> d;
  for (size_t i = 0; i < kTile; i += hn::MaxLanes(d)) {
    hn::StoreInterleaved3(hn::Load(d, in + i), hn::Load(d, in + kTile + i),
                          hn::Load(d, in + 2 * kTile + i), d, out + 3 * i);
  }
}

// Step 4b for one row of a tile: [channel][kTile] floats to where they belong.
template <typename T>
HWY_INLINE void emit_row(const Job& job, const float* tile, int x, int y, int count) {
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
    interleave(typed, mixed);
    std::memcpy(out + place * 3, mixed, n * 3 * sizeof(T));
  }
}

HWY_INLINE void emit_tile(const Job& job, int x, int y, int count, int rows) {
  const PixelFormat& format = job.format;
  const Canvas& canvas = job.canvas;
  const size_t channels = static_cast<size_t>(format.channels());
  const bool planar = format.planar || format.grey;
  if (format.dtype == DType::kFp32 && planar) {  // straight into place
    const size_t width = static_cast<size_t>(canvas.width);
    const size_t plane = width * static_cast<size_t>(canvas.height);
    float* out = reinterpret_cast<float*>(canvas.data) +
                 static_cast<size_t>(canvas.part.y + y) * width +
                 static_cast<size_t>(canvas.part.x + x);
    for (size_t c = 0; c < channels; ++c) {
      turn_back(job.scratch.turned + c * kTurned, count, rows, false, out + c * plane, width);
    }
    return;
  }
  float* tile = job.scratch.tile;
  for (size_t c = 0; c < channels; ++c) {
    turn_back(job.scratch.turned + c * kTurned, count, rows, true, tile + c * kTile, 3 * kTile);
  }
  for (int r = 0; r < rows; ++r) {
    const float* row = tile + r * 3 * kTile;
    switch (format.dtype) {
      case DType::kUint8:
        emit_row<uint8_t>(job, row, x, y + r, count);
        break;
      case DType::kFp16:
        emit_row<uint16_t>(job, row, x, y + r, count);
        break;
      default:
        emit_row<float>(job, row, x, y + r, count);
        break;
    }
  }
}

void run(const Job& job) {
  Scratch& scratch = job.scratch;
  const Pixels& source = job.source;
  const size_t row_bytes = static_cast<size_t>(source.width) * 3;
  const int begin = job.across.begin;  // even
  const int end = job.across.end;
  const int pairs_across = (end - begin + 1) / 2;
  int32_t* pairs =
      scratch.room_for_pairs(static_cast<size_t>(pairs_across + job.across.most_pairs));
  constexpr size_t kStep = hn::MaxLanes(hn::Repartition<uint8_t, D32>());

  for (int y = 0; y < job.canvas.part.height; y += kRows) {
    const int rows = std::min(kRows, job.canvas.part.height - y);
    for (int left = begin; left < end; left += kStrip) {
      const size_t from = static_cast<size_t>(left) * 3;
      const size_t to = static_cast<size_t>(std::min(left + kStrip, end)) * 3;
      for (int r = 0; r < rows; ++r) {
        const Axis::Reach reach = job.down.reach[static_cast<size_t>(y + r)];
        const uint8_t** pointers = scratch.rows.data();
        for (int i = 0; i < 2 * reach.pairs; ++i) {
          pointers[i] =
              source.data +
              static_cast<size_t>(std::min(reach.first + i, source.height - 1)) * row_bytes;
        }
        blend_rows(pointers, job.down.weights.data() + reach.weights, reach.pairs, job.down.bits,
                   from, to, to >= kStep, scratch.strip + r * kStripStride + kPad);
      }
      turn_pairs(scratch.strip + kPad, static_cast<int>(to - from + 3) / 6,
                 pairs + static_cast<size_t>(left - begin) / 2 * kPairStride);
    }
    for (int x = 0; x < job.canvas.part.width; x += kTile) {
      const int count = std::min(kTile, job.canvas.part.width - x);
      if (job.format.grey) {
        blend_columns<true>(job, pairs, x, count);
      } else {
        blend_columns<false>(job, pairs, x, count);
      }
      emit_tile(job, x, y, count, rows);
    }
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
  thread_local auto scratch = std::make_unique<Scratch>();
  const Axis& across = axis_for({.in = source.width,
                                 .out = scaling.width,
                                 .begin = scaling.x,
                                 .count = canvas.part.width,
                                 .filter = scaling.filter,
                                 .most_bits = 16,
                                 .even = true,
                                 .length = source.right});
  const Axis& down = axis_for({.in = source.height,
                               .out = scaling.height,
                               .begin = scaling.y,
                               .count = canvas.part.height,
                               .filter = scaling.filter,
                               .most_bits = 22,
                               .even = false,
                               .length = source.bottom});
  scratch->rows.resize(std::max(scratch->rows.size(), static_cast<size_t>(down.most_pairs) * 2));
  Job job{source, across, down, format, canvas, {}, *scratch};
  const float unit = 1.0f / static_cast<float>(1 << (across.bits + kFraction));
  for (int c = 0; c < 3; ++c) job.multiply[c] = format.multiply[c] * unit;
  HWY_DYNAMIC_DISPATCH(run)(job);
}

}  // namespace leat
#endif
