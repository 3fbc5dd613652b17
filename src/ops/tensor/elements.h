// Code for elements of every type, written once: visit_number(type, [&]<typename T>() { ... }).
#pragma once

#include <bit>
#include <cassert>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/half.h"
#include "leat/tensor.h"

namespace leat {

struct HalfElement {
  uint16_t bits;
};
struct BrainElement {
  uint16_t bits;
};
struct BoolElement {
  uint8_t byte;  // whatever is not 0 is true
};

template <typename T>
inline constexpr bool is_real =
    std::same_as<T, HalfElement> || std::same_as<T, BrainElement> || std::floating_point<T>;

// The number that an element stands for, as a type that C++ computes with and that holds it
// exactly.
inline float wide(HalfElement x) { return half_to_float(x.bits); }
inline float wide(BrainElement x) { return brain_to_float(x.bits); }
inline uint8_t wide(BoolElement x) { return x.byte != 0; }
template <typename T>
  requires std::is_arithmetic_v<T>
T wide(T x) {
  return x;
}
template <typename T>
using Wide = decltype(wide(T{}));

// To the nearest float, but if that is not exact, to the neighbour whose last bit is set: what is
// made of it by rounding again to 16 bits is as if it had been rounded once.
template <typename From>
float to_odd(From value) {
  auto near = static_cast<float>(value);
  if constexpr (sizeof(From) > 2 && !std::same_as<From, float>) {
    using Exact = std::conditional_t<std::floating_point<From>, double, __int128>;
    const auto back = static_cast<Exact>(near), exact = static_cast<Exact>(value);
    if (back != exact && !std::isnan(near) && std::bit_cast<uint32_t>(near) % 2 == 0) {
      constexpr float kInfinity = std::numeric_limits<float>::infinity();
      near = std::nextafter(near, back > exact ? -kInfinity : kInfinity);
    }
  }
  return near;
}

// An element of a floating point type, rounded to nearest, ties to even.
template <typename T, typename From>
  requires is_real<T>
T real_element(From value) {
  if constexpr (std::same_as<T, HalfElement>) {
    return {float_to_half(to_odd(value))};
  } else if constexpr (std::same_as<T, BrainElement>) {
    return {float_to_brain(to_odd(value))};
  } else {
    return static_cast<T>(value);
  }
}

// Calls `f` with the type of an element of a type that is no BYTES.
template <typename F>
auto visit_number(DType type, F&& f) {
  switch (type) {
    case DType::kBool:
      return f.template operator()<BoolElement>();
    case DType::kUint8:
      return f.template operator()<uint8_t>();
    case DType::kUint16:
      return f.template operator()<uint16_t>();
    case DType::kUint32:
      return f.template operator()<uint32_t>();
    case DType::kUint64:
      return f.template operator()<uint64_t>();
    case DType::kInt8:
      return f.template operator()<int8_t>();
    case DType::kInt16:
      return f.template operator()<int16_t>();
    case DType::kInt32:
      return f.template operator()<int32_t>();
    case DType::kInt64:
      return f.template operator()<int64_t>();
    case DType::kFp16:
      return f.template operator()<HalfElement>();
    case DType::kBf16:
      return f.template operator()<BrainElement>();
    case DType::kFp32:
      return f.template operator()<float>();
    default:
      assert(type == DType::kFp64);
      return f.template operator()<double>();
  }
}

// The same of FP16, BF16, FP32 and FP64.
inline constexpr const char* kReals = "FP16|BF16|FP32|FP64";
template <typename F>
auto visit_real(DType type, F&& f) {
  switch (type) {
    case DType::kFp16:
      return f.template operator()<HalfElement>();
    case DType::kBf16:
      return f.template operator()<BrainElement>();
    case DType::kFp32:
      return f.template operator()<float>();
    default:
      assert(type == DType::kFp64);
      return f.template operator()<double>();
  }
}

// For moving elements about: with any type that is as large.
template <typename F>
auto visit_size(size_t size, F&& f) {
  switch (size) {
    case 1:
      return f.template operator()<uint8_t>();
    case 2:
      return f.template operator()<uint16_t>();
    case 4:
      return f.template operator()<uint32_t>();
    default:
      assert(size == 8);
      return f.template operator()<uint64_t>();
  }
}

}  // namespace leat
