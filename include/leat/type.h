// The type of a port: which element types it takes and what is known of the shape.
//
// Written as in pipeline files and operator signatures:
//   FP32[3,224,224]   exact           FP32[n,4]    n: any size, the same wherever this signature
//   UINT8[?,?,3]      ?: any size                  says n
//   FP32[...]         any rank        FP32|FP16[...]  either
//   BYTES             rank 0          ANY[...]     every element type; NUMBER: all but BYTES
//   IMAGE             UINT8[?,?,3]: height, width, RGB, upright
// In `FP32[n,...]` the rank is at least that of what stands before the dots.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "leat/tensor.h"

namespace leat {

struct Dim {
  int64_t size = -1;  // -1: not known
  std::string name;   // of a symbolic dimension; empty for ?
  bool operator==(const Dim&) const = default;
};

struct Type {
  uint16_t dtypes = 0;  // bit i: DType i is allowed
  bool open = false;    // more dimensions may follow those in `dims`
  bool image = false;   // came as IMAGE: an RGB picture
  std::vector<Dim> dims;

  static constexpr uint16_t kAny = (1 << kDTypes) - 1;

  // kBadInput with the place inside `text` on a mistake.
  static Result<Type> parse(std::string_view text);
  // For texts in source code: asserts that they parse.
  static Type of(std::string_view text);
  static Type exactly(DType type, const Shape& shape);  // -1 becomes ?
  static Type anything() { return Type{kAny, true, false, {}}; }

  bool allows(DType type) const { return dtypes >> static_cast<int>(type) & 1; }
  std::optional<DType> dtype() const;  // when there is but one
  bool fixed() const;                  // one element type, every dimension known
  Shape shape() const;                 // -1 where not known. Requires !open.

  // Why a value of type `given` can never be taken where this type is wanted, as "a of b, c
  // wanted" without a full stop; empty when it may fit. Names are not unified here.
  std::string mismatch(const Type& given) const;
  // The same for a tensor at hand: empty exactly when it fits (names apart).
  std::string mismatch(DType type, const Shape& shape) const;

  std::string text() const;
  bool operator==(const Type&) const = default;
};

}  // namespace leat
