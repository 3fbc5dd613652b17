#include <cmath>

#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

template <typename T>
void l2_normalize(const T* from, T* to, const AxisView& axis, double epsilon) {
  // In which the square of an element is never too large or too small.
  using Sum = std::conditional_t<std::same_as<T, double>, long double, double>;
  thread_local std::vector<Sum> sums;
  for (size_t i = 0; i < axis.outer; ++i) {
    sums.assign(axis.inner, 0);
    const T* next = from;
    for (size_t k = 0; k < axis.count; ++k) {
      for (Sum& sum : sums) {
        const Sum x = wide(*next++);
        sum += x * x;
      }
    }
    for (Sum& sum : sums) {
      const Sum length = std::sqrt(sum);
      sum = length < epsilon ? Sum{epsilon} : length;  // NaN stays
    }
    for (size_t k = 0; k < axis.count; ++k) {
      for (const Sum length : sums) {
        *to++ = real_element<T>(static_cast<double>(Sum{wide(*from++)} / length));
      }
    }
  }
}

class L2Normalize final : public Op {
 public:
  L2Normalize(int64_t axis, double epsilon) : axis_(axis), epsilon_(epsilon) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(int along, axis_of(axis_, static_cast<size_t>(x.shape().rank())));
    LEAT_ASSIGN(Tensor * y, call.output(0, x.dtype(), x.shape()));
    if (x.byte_size() == 0) return {};
    visit_real(x.dtype(), [&]<typename T>() {
      l2_normalize(x.values<T>().data(), y->mutable_values<T>().data(), AxisView(x.shape(), along),
                   epsilon_);
    });
    return {};
  }

 private:
  int64_t axis_;
  double epsilon_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const int64_t axis = setup.params.integer("axis");
  if (const auto& x = setup.inputs[0]) {
    if (!x->open) LEAT_TRY(axis_of(axis, x->dims.size()).status());
    narrow(setup.outputs[0], *x);
  }
  return std::make_unique<L2Normalize>(axis, setup.params.real("epsilon"));
}

LEAT_OP(({.name = "tensor.l2_normalize",
          .doc = "Makes vectors along an axis as long as 1: x / max(length, epsilon). NaN makes "
                 "all of its vector NaN; of infinity becomes NaN, and what stands beside it 0.",
          .inputs = {{"x", "FP16|BF16|FP32|FP64[?,...]", "vectors, such as embeddings"}},
          .outputs = {{"y", "FP16|BF16|FP32|FP64[?,...]", "the same type and shape"}},
          .params = {axis_param(-1, "along which; negative numbers count from the last"),
                     {.name = "epsilon",
                      .type = ParamType::kFloat,
                      .fallback = 1e-12,
                      .min = 1e-300,
                      .max = 1e300,
                      .doc = "what a shorter vector is divided by, so that 0 stays 0"}},
          .make = make}));

}  // namespace

}  // namespace leat
