// tensor.normalize: by mean and standard deviation, those of training or one's own.
#include <cmath>

#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

struct Options {
  int64_t axis = -1;
  bool given = false;  // mean and std are; otherwise they are those of the values along the axis
  std::vector<double> mean, std;  // one number, or one for each element of the axis
  double epsilon = 0;
};

DType result_type(DType type) {
  const bool real = type == DType::kFp16 || type == DType::kBf16 || type == DType::kFp64;
  return real ? type : DType::kFp32;
}

class Normalize final : public Op {
 public:
  explicit Normalize(Options options) : o_(std::move(options)) {}

  // `size`: of the axis, -1: not known.
  Status expect(int64_t size) const {
    for (const auto& [name, numbers] : {std::pair("mean", &o_.mean), std::pair("std", &o_.std)}) {
      const auto count = static_cast<int64_t>(numbers->size());
      if (count <= 1 || size < 0 || count == size) continue;
      return Status(Code::kBadInput, cat(name, " has ", count, " numbers, but the axis ", size,
                                         " elements; one number, or one for each is wanted"));
    }
    return {};
  }

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(int along, axis_of(o_.axis, static_cast<size_t>(x.shape().rank())));
    LEAT_TRY(expect(x.shape()[along]));
    const DType type = result_type(x.dtype());
    LEAT_ASSIGN(Tensor * y, call.output(0, type, x.shape()));
    if (x.byte_size() == 0) return {};
    const AxisView axis(x.shape(), along);
    visit_number(x.dtype(), [&]<typename T>() {
      using To = std::conditional_t<is_real<T>, T, float>;
      const T* from = x.values<T>().data();
      To* to = y->mutable_values<To>().data();
      o_.given ? by_given(from, to, axis) : by_measured(from, to, axis);
    });
    return {};
  }

 private:
  template <typename T, typename To>
  void by_given(const T* from, To* to, const AxisView& axis) const {
    for (size_t i = 0; i < axis.outer * axis.count; ++i) {
      const size_t k = i % axis.count;
      const double mean = o_.mean.size() == 1 ? o_.mean[0] : o_.mean[k];
      const double std = o_.std.size() == 1 ? o_.std[0] : o_.std[k];
      for (size_t j = 0; j < axis.inner; ++j) {
        *to++ = real_element<To>((static_cast<double>(wide(*from++)) - mean) / std);
      }
    }
  }

  template <typename T, typename To>
  void by_measured(const T* from, To* to, const AxisView& axis) const {
    thread_local std::vector<double> mean, deviation;  // of the lines side by side
    const auto count = static_cast<double>(axis.count);
    const size_t block = axis.count * axis.inner;
    for (size_t i = 0; i < axis.outer; ++i, from += block, to += block) {
      mean.assign(axis.inner, 0);
      deviation.assign(axis.inner, 0);
      // From the first one's, so that of equal values it is exactly theirs.
      const auto first = [from](size_t j) { return static_cast<double>(wide(from[j])); };
      for (size_t at = 0; at < block; ++at) {
        const size_t j = at % axis.inner;
        mean[j] += (static_cast<double>(wide(from[at])) - first(j)) / count;
      }
      for (size_t j = 0; j < axis.inner; ++j) mean[j] += first(j);
      for (size_t at = 0; at < block; ++at) {
        const double off = static_cast<double>(wide(from[at])) - mean[at % axis.inner];
        deviation[at % axis.inner] += off * off / count;
      }
      for (double& one : deviation) {
        one = std::sqrt(one);
        if (one < o_.epsilon) one = o_.epsilon;  // NaN stays
      }
      for (size_t at = 0; at < block; ++at) {
        const size_t j = at % axis.inner;
        to[at] = real_element<To>((static_cast<double>(wide(from[at])) - mean[j]) / deviation[j]);
      }
    }
  }

  Options o_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const Params& params = setup.params;
  Options o{.axis = params.integer("axis"),
            .given = params.has("mean") || params.has("std"),
            .mean = {0},
            .std = {1},
            .epsilon = params.real("epsilon")};
  for (const auto& [name, to] : {std::pair("mean", &o.mean), std::pair("std", &o.std)}) {
    if (!params.has(name)) continue;
    *to = params.reals(name);
    if (to->empty()) return Status(Code::kBadInput, cat(name, ": an empty list"));
  }
  auto op = std::make_unique<Normalize>(std::move(o));
  const auto& x = setup.inputs[0];
  if (!x) return op;
  Type y = *x;
  y.dtypes = 0;
  for (int i = 0; i < kDTypes; ++i) {
    const auto type = static_cast<DType>(i);
    if (type == DType::kBytes || !x->allows(type)) continue;
    y.dtypes |= only(result_type(type));
  }
  narrow(setup.outputs[0], y);
  if (x->open) return op;
  LEAT_ASSIGN(int along, axis_of(params.integer("axis"), x->dims.size()));
  LEAT_TRY(op->expect(x->dims[along].size));
  return op;
}

LEAT_OP(({.name = "tensor.normalize",
          .doc = "Shifts and scales numbers: (x - mean) / std. With numbers of training or, where "
                 "neither is given, with the mean "
                 "and standard deviation of the values along the axis themselves.",
          .inputs = {{"x", "NUMBER[?,...]", "numbers"}},
          .outputs = {{"y", "FP16|BF16|FP32|FP64[?,...]",
                       "the same shape, of the type of x, or FP32 for whole numbers"}},
          .params = {axis_param(-1, "along which; negative numbers count from the last"),
                     {.name = "mean",
                      .type = ParamType::kFloats,
                      .doc = "one number, or one for each element of the axis; 0 when only std is "
                             "given"},
                     {.name = "std",
                      .type = ParamType::kFloats,
                      .min = 1e-300,
                      .doc = "likewise; 1 when only mean is given"},
                     {.name = "epsilon",
                      .type = ParamType::kFloat,
                      .fallback = 1e-12,
                      .min = 1e-300,
                      .max = 1e300,
                      .doc = "what is divided by instead of a measured standard deviation that is "
                             "smaller, so that equal values become 0"}},
          .make = make}));

}  // namespace

}  // namespace leat
