// Weighted sums of pixels, 16 or as many as a vector has lanes at once, with an Axis's weights:
// each lane holds four neighbouring pixels in 32 bits, which are multiplied with the same four
// weights. A weight has more bits than the multiply-add instructions take, so it comes in digits,
// one sum for each. Sums may wrap around: the whole result, modulo 2^32, is right.
#include <hwy/highway.h>

#include "ops/image/axis.h"

// Compiled once for each instruction set: Highway's guard, which lets it in again for the next one.
#if defined(LEAT_OPS_IMAGE_WEIGHTED_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LEAT_OPS_IMAGE_WEIGHTED_SUM_INL_H_
#undef LEAT_OPS_IMAGE_WEIGHTED_SUM_INL_H_
#else
#define LEAT_OPS_IMAGE_WEIGHTED_SUM_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace leat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::CappedTag<int32_t, 16>;
using DF = hn::Rebind<float, D32>;
using D16 = hn::Repartition<int16_t, D32>;
constexpr int kLanes = hn::MaxLanes(D32());
using V32 = hn::Vec<D32>;

HWY_INLINE V32 load(const uint32_t* at) {
  return hn::LoadU(D32(), reinterpret_cast<const int32_t*>(at));
}

HWY_INLINE V32 same(uint32_t word) { return hn::Set(D32(), static_cast<int32_t>(word)); }

// What a weighted sum starts with, so that it is rounded and not cut.
constexpr int kHalf = 1 << (kWeightBits - 1);

#if HWY_TARGET <= HWY_AVX3_DL
// Weights in bytes: VNNI multiplies four at a time.
constexpr bool kBytes = true;

struct Weights {
  V32 low, middle, high;
  HWY_INLINE explicit Weights(const uint32_t* words)
      : low(same(words[0])), middle(same(words[1])), high(same(words[2])) {}
};

// One instruction, for which Highway has no name and the compiler no leave.
HWY_INLINE V32 multiply_add(V32 pixels, V32 weights, V32 sum) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(pixels.raw), "v"(weights.raw));
  return sum;
}

struct Sum {
  V32 low, middle, high;

  HWY_INLINE Sum() : low(hn::Set(D32(), kHalf)), middle(hn::Zero(D32())), high(hn::Zero(D32())) {}
  HWY_INLINE void add(V32 pixels, const Weights& weights) {
    low = multiply_add(pixels, weights.low, low);
    middle = multiply_add(pixels, weights.middle, middle);
    high = multiply_add(pixels, weights.high, high);
  }
  HWY_INLINE V32 whole() const {
    return hn::Add(hn::Add(low, hn::ShiftLeft<8>(middle)), hn::ShiftLeft<16>(high));
  }
};
#else
constexpr bool kBytes = false;

struct Weights {
  hn::Vec<D16> low_even, low_odd, high_even, high_odd;
  HWY_INLINE explicit Weights(const uint32_t* words)
      : low_even(hn::BitCast(D16(), same(words[0]))),
        low_odd(hn::BitCast(D16(), same(words[1]))),
        high_even(hn::BitCast(D16(), same(words[2]))),
        high_odd(hn::BitCast(D16(), same(words[3]))) {}
};

struct Sum {
  V32 low, high;

  HWY_INLINE Sum() : low(hn::Set(D32(), kHalf)), high(hn::Zero(D32())) {}
  HWY_INLINE void add(V32 pixels, const Weights& weights) {
    const D32 d;
    const hn::Repartition<uint16_t, D32> words;
    const auto even = hn::And(hn::BitCast(D16(), pixels), hn::Set(D16(), 0x00FF));
    const auto odd = hn::BitCast(D16(), hn::ShiftRight<8>(hn::BitCast(words, pixels)));
    V32 unused = hn::Zero(d);
    low = hn::ReorderWidenMulAccumulate(d, even, weights.low_even, low, unused);
    low = hn::ReorderWidenMulAccumulate(d, odd, weights.low_odd, low, unused);
    high = hn::ReorderWidenMulAccumulate(d, even, weights.high_even, high, unused);
    high = hn::ReorderWidenMulAccumulate(d, odd, weights.high_odd, high, unused);
  }
  HWY_INLINE V32 whole() const { return hn::Add(low, hn::ShiftLeft<16>(high)); }
};
#endif

// The sum as a byte, in 32 bits.
HWY_INLINE V32 rounded(const Sum& sum) {
  const D32 d;
  return hn::Min(hn::Max(hn::ShiftRight<kWeightBits>(sum.whole()), hn::Zero(d)), hn::Set(d, 255));
}

}  // namespace HWY_NAMESPACE
}  // namespace leat
HWY_AFTER_NAMESPACE();
#endif
