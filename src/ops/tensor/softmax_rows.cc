// One code for both layouts: `Lane` is a vector of either neighbours in a row or of as many rows.
// What does not fill a vector goes through a padded copy (of a row) or is done again together with
// its neighbours (of rows side by side).
#include "ops/tensor/softmax_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

// The order matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/tensor/softmax_rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace leat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
void row(const T* from, T* to, size_t count) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  constexpr T kLowest = -std::numeric_limits<T>::infinity();
  const size_t whole = count / lanes * lanes;
  const size_t rest = count - whole;
  HWY_ALIGN T tail[HWY_MAX_BYTES / sizeof(T)];
  std::fill_n(tail, lanes, kLowest);
  std::copy_n(from + whole, rest, tail);

  auto most = hn::Load(d, tail);
  auto nan = hn::IsNaN(most);
  for (size_t i = 0; i < whole; i += lanes) {
    auto x = hn::LoadU(d, from + i);
    most = hn::Max(most, x);
    nan = hn::Or(nan, hn::IsNaN(x));
  }
  T greatest = hn::GetLane(hn::MaxOfLanes(d, most));
  if (!hn::AllFalse(d, nan) || !std::isfinite(greatest)) {
    std::fill_n(to, count, std::numeric_limits<T>::quiet_NaN());
    return;
  }
  const auto shift = hn::Set(d, greatest);
  auto sum = hn::Exp(d, hn::Sub(hn::Load(d, tail), shift));
  hn::Store(sum, d, tail);
  for (size_t i = 0; i < whole; i += lanes) {
    auto e = hn::Exp(d, hn::Sub(hn::LoadU(d, from + i), shift));
    hn::StoreU(e, d, to + i);
    sum = hn::Add(sum, e);
  }
  const auto factor = hn::Set(d, T{1} / hn::GetLane(hn::SumOfLanes(d, sum)));
  for (size_t i = 0; i < whole; i += lanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, to + i), factor), d, to + i);
  }
  hn::Store(hn::Mul(hn::Load(d, tail), factor), d, tail);
  std::copy_n(tail, rest, to + whole);
}

// Rows from, from + 1, ... of a layout with `across` of them, a vector's lanes in all.
template <typename T, class D>
HWY_INLINE void lane_columns(D d, const T* from, T* to, size_t count, size_t across) {
  auto most = hn::LoadU(d, from);
  auto nan = hn::IsNaN(most);
  for (size_t i = 1; i < count; ++i) {
    auto x = hn::LoadU(d, from + i * across);
    most = hn::Max(most, x);
    nan = hn::Or(nan, hn::IsNaN(x));
  }
  nan = hn::Or(nan, hn::Not(hn::IsFinite(most)));
  auto sum = hn::Zero(d);
  for (size_t i = 0; i < count; ++i) {
    auto e = hn::Exp(d, hn::Sub(hn::LoadU(d, from + i * across), most));
    hn::StoreU(e, d, to + i * across);
    sum = hn::Add(sum, e);
  }
  const auto bad = hn::Set(d, std::numeric_limits<T>::quiet_NaN());
  const auto factor = hn::IfThenElse(nan, bad, hn::Div(hn::Set(d, T{1}), sum));
  for (size_t i = 0; i < count; ++i) {
    hn::StoreU(hn::Mul(hn::LoadU(d, to + i * across), factor), d, to + i * across);
  }
}

template <typename T>
void columns(const T* from, T* to, size_t count, size_t across) {
  if (count == 0) return;
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  if (across >= lanes) {
    size_t j = 0;
    for (; j + lanes <= across; j += lanes) lane_columns(d, from + j, to + j, count, across);
    j = across - lanes;
    lane_columns(d, from + j, to + j, count, across);
    return;
  }
  const hn::CappedTag<T, 1> one;
  for (size_t j = 0; j < across; ++j) lane_columns(one, from + j, to + j, count, across);
}

// Function templates cannot be exported.
void row32(const float* from, float* to, size_t count) { row(from, to, count); }
void row64(const double* from, double* to, size_t count) { row(from, to, count); }
void columns32(const float* from, float* to, size_t count, size_t across) {
  columns(from, to, count, across);
}
void columns64(const double* from, double* to, size_t count, size_t across) {
  columns(from, to, count, across);
}

}  // namespace HWY_NAMESPACE
}  // namespace leat
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leat {
HWY_EXPORT(row32);
HWY_EXPORT(row64);
HWY_EXPORT(columns32);
HWY_EXPORT(columns64);

template <>
void softmax_row(const float* from, float* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(row32)(from, to, count);
}
template <>
void softmax_row(const double* from, double* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(row64)(from, to, count);
}
template <>
void softmax_columns(const float* from, float* to, size_t count, size_t across) {
  HWY_DYNAMIC_DISPATCH(columns32)(from, to, count, across);
}
template <>
void softmax_columns(const double* from, double* to, size_t count, size_t across) {
  HWY_DYNAMIC_DISPATCH(columns64)(from, to, count, across);
}

}  // namespace leat
#endif  // HWY_ONCE
