// An operator in a shared library.
#include "leat/op.h"

namespace {

using namespace leat;

class Scale final : public Op {
 public:
  explicit Scale(double by) : by_(static_cast<float>(by)) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(Tensor * y, call.output(0, DType::kFp32, x.shape()));
    auto from = x.values<float>();
    auto to = y->mutable_values<float>();
    for (size_t i = 0; i < from.size(); ++i) to[i] = from[i] * by_;
    return {};
  }

 private:
  const float by_;
};

LEAT_OP(({.name = "mine.scale",
          .doc = "Multiplies every element.",
          .inputs = {{"x", "FP32[...]", "values"}},
          .outputs = {{"y", "FP32[...]", "the same shape"}},
          .params = {{.name = "by",
                      .type = ParamType::kFloat,
                      .fallback = 1.0,
                      .min = -1e6,
                      .max = 1e6,
                      .doc = "the factor"}},
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            if (setup.inputs[0]) setup.outputs[0] = *setup.inputs[0];
            return std::make_unique<Scale>(setup.params.real("by"));
          }}));

}  // namespace
