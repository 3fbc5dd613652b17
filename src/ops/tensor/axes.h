// Axes of tensors as parameters say them: counted from 0, or negative and counted from the last.
#pragma once

#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "leat/op.h"

namespace leat {

inline ParamSpec axis_param(int64_t fallback, std::string doc) {
  return {.name = "axis",
          .type = ParamType::kInt,
          .fallback = fallback,
          .min = -Shape::kMaxRank,
          .max = Shape::kMaxRank - 1,
          .doc = std::move(doc)};
}

// 0 to rank - 1, or kBadInput. `of`: the name of what has so many dimensions.
inline Result<int> axis_of(int64_t axis, size_t rank, std::string_view of = "x") {
  const auto most = static_cast<int64_t>(rank);
  if (axis >= -most && axis < most) return static_cast<int>(axis < 0 ? axis + most : axis);
  if (rank == 0) return Status(Code::kBadInput, cat("axis is ", axis, ", but ", of, " has none"));
  return Status(Code::kBadInput, cat("axis is ", axis, ", but ", of, " has ", rank,
                                     rank == 1 ? " dimension; " : " dimensions; ", -most, " to ",
                                     most - 1, " are allowed"));
}

// Several, none of them twice, in the order that they are given in.
inline Result<std::vector<int>> axes_of(std::span<const int64_t> axes, size_t rank) {
  std::vector<int> out;
  bool seen[Shape::kMaxRank] = {};
  for (int64_t axis : axes) {
    LEAT_ASSIGN(int one, axis_of(axis, rank));
    if (seen[one]) return Status(Code::kBadInput, cat("axis ", axis, " is there twice"));
    seen[one] = true;
    out.push_back(one);
  }
  return out;
}

// The numbers of a list (ParamType::kFloats) that must be whole; none when it is not given.
inline Result<std::vector<int64_t>> integers_of(const Params& params, const std::string& name) {
  std::vector<int64_t> out;
  if (!params.has(name)) return out;
  for (double number : params.reals(name)) {
    if (number != std::trunc(number) || std::fabs(number) > 0x1p53) {
      return Status(Code::kBadInput, cat(name, ": ", number, " found, whole numbers wanted"));
    }
    out.push_back(static_cast<int64_t>(number));
  }
  return out;
}

// One number for each of `axes` axes: one stands for all of them.
inline Result<std::vector<int64_t>> for_each_axis(std::vector<int64_t> numbers, size_t axes,
                                                  std::string_view name) {
  if (numbers.size() == axes) return numbers;
  if (numbers.size() == 1) return std::vector<int64_t>(axes, numbers[0]);
  return Status(Code::kBadInput, cat(name, " has ", numbers.size(), " numbers for ", axes,
                                     axes == 1 ? " axis" : " axes"));
}

// A shape as seen from one axis: `outer` times `count` elements that are `inner` apart.
struct AxisView {
  size_t outer = 1, count = 1, inner = 1;

  AxisView(const Shape& shape, int axis) {
    for (int i = 0; i < shape.rank(); ++i) {
      (i < axis ? outer : i == axis ? count : inner) *= static_cast<size_t>(shape[i]);
    }
  }
};

// A value that exists already, as one that is no picture.
inline Tensor as_tensor(Tensor x) {
  x.set_full_size({});
  return x;
}
inline Type as_tensor(Type type) {
  type.image = false;
  return type;
}

// What make() knows of an output beside its signature: its element type is one of `dtypes`, and
// `to` is its type, whatever is known of that.
inline void narrow(Type& output, uint16_t dtypes) {
  if ((output.dtypes & dtypes) != 0) output.dtypes &= dtypes;
}
inline void narrow(Type& output, const Type& to) {
  narrow(output, to.dtypes);
  if (to.open && to.dims.size() < output.dims.size()) return;
  output.open = to.open;
  output.dims = to.dims;
}
inline uint16_t only(DType type) { return static_cast<uint16_t>(1 << static_cast<int>(type)); }

}  // namespace leat
