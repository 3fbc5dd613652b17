#include <numeric>

#include "ops/tensor/axes.h"
#include "ops/tensor/strided.h"

namespace leat {

namespace {

// The axes of the input in the order of the output.
Result<std::vector<int>> order(const std::vector<int64_t>& axes, size_t rank) {
  if (axes.empty()) {
    std::vector<int> reversed(rank);
    std::iota(reversed.rbegin(), reversed.rend(), 0);
    return reversed;
  }
  if (axes.size() == rank) return axes_of(axes, rank);
  return Status(Code::kBadInput, cat("axes names ", axes.size(), " axes, but x has ", rank,
                                     "; all are to be named"));
}

class Transpose final : public Op {
 public:
  explicit Transpose(std::vector<int64_t> axes) : axes_(std::move(axes)) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(std::vector<int> axes, order(axes_, static_cast<size_t>(x.shape().rank())));
    const Strides of = Strides::of(x.shape());
    Strides strides;
    Shape shape;
    for (int i = 0; i < x.shape().rank(); ++i) {
      strides.step[i] = of.step[axes[i]];
      shape = shape.with(i, x.shape()[axes[i]]);
    }
    return give_strided(call, 0, x, shape, strides);
  }

 private:
  std::vector<int64_t> axes_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  LEAT_ASSIGN(std::vector<int64_t> axes, integers_of(setup.params, "axes"));
  if (const auto& x = setup.inputs[0]) {
    narrow(setup.outputs[0], x->dtypes);
    if (!x->open) {
      LEAT_ASSIGN(std::vector<int> by, order(axes, x->dims.size()));
      Type y = *x;
      for (size_t i = 0; i < by.size(); ++i) y.dims[i] = x->dims[by[i]];
      narrow(setup.outputs[0], y);
    }
  }
  return std::make_unique<Transpose>(std::move(axes));
}

LEAT_OP(({.name = "tensor.transpose",
          .doc = "Puts the axes in another order: of [3,224,224], axes: [1, 2, 0] make "
                 "[224,224,3].",
          .inputs = {{"x", "ANY[...]", "any value"}},
          .outputs = {{"y", "ANY[...]", "axis i of it is axis axes[i] of x"}},
          .params = {{.name = "axes",
                      .type = ParamType::kFloats,
                      .min = -Shape::kMaxRank,
                      .max = Shape::kMaxRank - 1,
                      .doc = "all axes of x, each once; negative numbers count from the last. Left "
                             "out: the order is turned round"}},
          .make = make}));

}  // namespace

}  // namespace leat
