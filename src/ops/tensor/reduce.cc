#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"
#include "ops/tensor/strided.h"

namespace leat {

namespace {

enum class By : uint8_t { kSum, kMean, kMin, kMax };

// Of an element's type: what sums and means of it are given as.
DType result_type(By by, DType type) {
  const bool real =
      type == DType::kFp16 || type == DType::kBf16 || type == DType::kFp32 || type == DType::kFp64;
  if (by == By::kMin || by == By::kMax || real) return type;
  return by == By::kSum ? DType::kInt64 : DType::kFp64;
}

// `axes` of `shape` have the size 1, or are left out.
Shape reduced(const Shape& shape, const std::vector<int>& axes, bool keep) {
  Shape out;
  for (int i = 0; i < shape.rank(); ++i) {
    const bool gone = std::ranges::count(axes, i) > 0;
    if (!gone || keep) out = out.with(out.rank(), gone ? 1 : shape[i]);
  }
  return out;
}

Result<std::vector<int>> axes_or_all(const std::vector<int64_t>& axes, bool all, size_t rank) {
  if (!all) return axes_of(axes, rank);
  std::vector<int> out(rank);
  std::iota(out.begin(), out.end(), 0);
  return out;
}

// Where each element of `shape` goes to, in the order of memory: element(result's place).
template <typename Element>
void walk(const Shape& shape, const std::vector<int>& axes, Element&& element) {
  const Strides to = Strides::of(reduced(shape, axes, true));
  int64_t step[Shape::kMaxRank], at[Shape::kMaxRank] = {};
  for (int i = 0; i < shape.rank(); ++i) {
    step[i] = std::ranges::count(axes, i) > 0 ? 0 : to.step[i];
  }
  const int last = shape.rank() - 1;
  int64_t place = 0;
  while (true) {
    const int64_t count = last < 0 ? 1 : shape[last];
    for (int64_t i = 0; i < count; ++i) element(place + (last < 0 ? 0 : i * step[last]));
    int axis = last - 1;
    while (axis >= 0 && ++at[axis] == shape[axis]) {
      place -= step[axis] * (shape[axis] - 1);
      at[axis--] = 0;
    }
    if (axis < 0) return;
    place += step[axis];
  }
}

template <typename T>
void extreme(bool most, std::span<const T> from, std::span<T> to, const Shape& shape,
             const std::vector<int>& axes) {
  thread_local std::vector<uint8_t> begun;
  begun.assign(to.size(), 0);
  const T* next = from.data();
  walk(shape, axes, [&](int64_t place) {
    const T x = *next++;
    T& best = to[static_cast<size_t>(place)];
    bool better = !std::exchange(begun[static_cast<size_t>(place)], 1);
    if constexpr (is_real<T>) better = better || (std::isnan(wide(x)) && !std::isnan(wide(best)));
    if (better || (most ? wide(x) > wide(best) : wide(x) < wide(best))) best = x;
  });
}

// Sums, or means, in doubles.
template <typename T, typename To>
void sum(bool mean, std::span<const T> from, std::span<To> to, const Shape& shape,
         const std::vector<int>& axes) {
  thread_local std::vector<double> sums;
  sums.assign(to.size(), 0);
  const T* next = from.data();
  walk(shape, axes, [&](int64_t place) {
    sums[static_cast<size_t>(place)] += static_cast<double>(wide(*next++));
  });
  const auto count = static_cast<double>(from.size() / to.size());
  for (size_t i = 0; i < to.size(); ++i) {
    to[i] = real_element<To>(mean ? sums[i] / count : sums[i]);
  }
}

__extension__ using Exact = __int128;  // a sum of any whole numbers

template <typename T>
Status whole_sum(std::span<const T> from, std::span<int64_t> to, const Shape& shape,
                 const std::vector<int>& axes) {
  thread_local std::vector<Exact> sums;
  sums.assign(to.size(), 0);
  const T* next = from.data();
  walk(shape, axes, [&](int64_t place) { sums[static_cast<size_t>(place)] += wide(*next++); });
  bool over = false;
  for (size_t i = 0; i < to.size(); ++i) {
    to[i] = static_cast<int64_t>(sums[i]);
    over |= to[i] != sums[i];
  }
  if (!over) return {};
  return Status(Code::kBadInput, "the sum is more than an INT64 holds; cast x to FP64 before");
}

class Reduce final : public Op {
 public:
  Reduce(By by, std::vector<int64_t> axes, bool all, bool keep)
      : by_(by), axes_(std::move(axes)), all_(all), keep_(keep) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    const Shape& shape = x.shape();
    LEAT_ASSIGN(std::vector<int> axes, axes_or_all(axes_, all_, static_cast<size_t>(shape.rank())));
    LEAT_ASSIGN(Tensor * y,
                call.output(0, result_type(by_, x.dtype()), reduced(shape, axes, keep_)));
    if (y->byte_size() == 0) return {};
    if (x.byte_size() == 0) {
      if (by_ == By::kSum) {
        std::fill_n(y->mutable_data(), y->byte_size(), std::byte{0});
        return {};
      }
      return Status(Code::kBadInput, cat("x has the shape ", shape.text(),
                                         ": of no elements only the sum is known, which is 0"));
    }
    return visit_number(x.dtype(), [&]<typename T>() -> Status {
      auto from = x.values<T>();
      if (by_ == By::kMin || by_ == By::kMax) {
        extreme(by_ == By::kMax, from, y->mutable_values<T>(), shape, axes);
        return {};
      }
      if constexpr (is_real<T>) {
        sum(by_ == By::kMean, from, y->mutable_values<T>(), shape, axes);
      } else if (by_ == By::kMean) {
        sum(true, from, y->mutable_values<double>(), shape, axes);
      } else {
        return whole_sum(from, y->mutable_values<int64_t>(), shape, axes);
      }
      return {};
    });
  }

 private:
  By by_;
  std::vector<int64_t> axes_;
  bool all_, keep_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const Params& params = setup.params;
  const std::string& name = params.text("by");
  const By by = name == "sum"    ? By::kSum
                : name == "mean" ? By::kMean
                : name == "min"  ? By::kMin
                                 : By::kMax;
  const bool all = !params.has("axes"), keep = params.flag("keep");
  LEAT_ASSIGN(std::vector<int64_t> axes, integers_of(params, "axes"));
  if (const auto& x = setup.inputs[0]) {
    Type y;
    y.open = true;
    if (!x->open) {
      LEAT_ASSIGN(std::vector<int> along, axes_or_all(axes, all, x->dims.size()));
      y.open = false;
      for (size_t i = 0; i < x->dims.size(); ++i) {
        const bool gone = std::ranges::count(along, static_cast<int>(i)) > 0;
        if (!gone || keep) y.dims.push_back(gone ? Dim{1, ""} : x->dims[i]);
      }
    }
    for (int i = 0; i < kDTypes; ++i) {
      const auto type = static_cast<DType>(i);
      if (type == DType::kBytes || !x->allows(type)) continue;
      y.dtypes |= only(result_type(by, type));
    }
    narrow(setup.outputs[0], y);
  }
  return std::make_unique<Reduce>(by, std::move(axes), all, keep);
}

LEAT_OP((
    {.name = "tensor.reduce",
     .doc = "Sums, means, least or greatest values along some axes. NaN makes what it goes into "
            "NaN. Of no elements the sum is 0; the others are an error.",
     .inputs = {{"x", "NUMBER[...]", "numbers"}},
     .outputs = {{"y", "NUMBER[...]",
                  "of the type of x; but sums of whole numbers are INT64, an error when they are "
                  "more than that holds, and their means FP64"}},
     .params = {{.name = "by",
                 .type = ParamType::kChoice,
                 .required = true,
                 .choices = {"sum", "mean", "min", "max"},
                 .doc = "what becomes of the elements; sums and means are computed in FP64"},
                {.name = "axes",
                 .type = ParamType::kFloats,
                 .min = -Shape::kMaxRank,
                 .max = Shape::kMaxRank - 1,
                 .doc = "along which; negative numbers count from the last. Left out: all of them"},
                {.name = "keep",
                 .type = ParamType::kBool,
                 .fallback = false,
                 .doc = "the axes stay, with the size 1"}},
     .make = make}));

}  // namespace

}  // namespace leat
