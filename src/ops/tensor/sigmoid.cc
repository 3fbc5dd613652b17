#include <cmath>

#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

// The exponential of what is positive could be too large.
template <typename Real>
Real sigmoid(Real x) {
  const Real e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

class Sigmoid final : public Op {
 public:
  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(Tensor * y, call.output(0, x.dtype(), x.shape()));
    visit_real(x.dtype(), [&]<typename T>() {
      auto from = x.values<T>();
      T* to = y->mutable_values<T>().data();
      for (size_t i = 0; i < from.size(); ++i) to[i] = real_element<T>(sigmoid(wide(from[i])));
    });
    return {};
  }
};

LEAT_OP(({.name = "tensor.sigmoid",
          .doc = "Turns scores into probabilities one by one: 1 / (1 + exp(-x)). NaN stays NaN.",
          .inputs = {{"x", "FP16|BF16|FP32|FP64[...]", "scores"}},
          .outputs = {{"y", "FP16|BF16|FP32|FP64[...]", "the same type and shape, from 0 to 1"}},
          .params = {},
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            if (setup.inputs[0]) narrow(setup.outputs[0], *setup.inputs[0]);
            return std::make_unique<Sigmoid>();
          }}));

}  // namespace

}  // namespace leat
