// Floats become elements of a tensor, and planes pixels.
#include <hwy/highway.h>

#include <cstring>

#include "ops/image/half.h"

// Compiled once for each instruction set: Highway's guard, which lets it in again for the next one.
#if defined(LEAT_OPS_IMAGE_CONVERT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LEAT_OPS_IMAGE_CONVERT_INL_H_
#undef LEAT_OPS_IMAGE_CONVERT_INL_H_
#else
#define LEAT_OPS_IMAGE_CONVERT_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace leat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 16 floats (aligned) to a type. FP32 stays as it is.
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

// in[channel][count] to out[count][channel]; aligned, and count a multiple of 16.
template <size_t count, typename T>
HWY_INLINE void interleave(const T* in, T* out) {
  const hn::FixedTag<T, 16 / sizeof(T)> d;
  for (size_t i = 0; i < count; i += hn::MaxLanes(d)) {
    hn::StoreInterleaved3(hn::Load(d, in + i), hn::Load(d, in + count + i),
                          hn::Load(d, in + 2 * count + i), d, out + 3 * i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace leat
HWY_AFTER_NAMESPACE();
#endif
