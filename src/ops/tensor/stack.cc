#include "ops/tensor/axes.h"
#include "ops/tensor/runs.h"

namespace leat {

namespace {

// The new axis among those of the result.
Result<int> new_axis(int64_t axis, size_t rank) {
  if (rank < Shape::kMaxRank) return axis_of(axis, rank + 1, "what is stacked");
  return Status(Code::kBadInput,
                cat("x has ", rank, " dimensions, and with one more it would have more than ",
                    Shape::kMaxRank));
}

class Stack final : public Op {
 public:
  explicit Stack(int64_t axis) : axis_(axis) {}

  Status run(OpCall& call) const override {
    const Tensor& first = call.input(0);
    LEAT_ASSIGN(int axis, new_axis(axis_, static_cast<size_t>(first.shape().rank())));
    for (size_t k = 1; k < call.count(0); ++k) {
      const Tensor& x = call.input(0, k);
      if (x.dtype() == first.dtype() && x.shape() == first.shape()) continue;
      return Status(
          Code::kBadInput,
          cat("x number ", k, " is ", dtype_name(x.dtype()), x.shape().text(), ", and number 0 ",
              dtype_name(first.dtype()), first.shape().text(), "; they must be alike"));
    }
    const Shape shape = first.shape().with(axis, static_cast<int64_t>(call.count(0)));
    LEAT_ASSIGN(Runs runs, Runs::begin(call, 0, first.dtype(), shape));
    const AxisView all(shape, axis);
    if (all.inner == 0) return runs.end();
    for (size_t i = 0; i < all.outer; ++i) {
      for (size_t k = 0; k < all.count; ++k) {
        runs.add(call.input(0, k), static_cast<int64_t>(i * all.inner), all.inner);
      }
    }
    return runs.end();
  }

 private:
  int64_t axis_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const int64_t axis = setup.params.integer("axis");
  if (const auto& x = setup.inputs[0]) {
    narrow(setup.outputs[0], x->dtypes);
    if (!x->open) {
      LEAT_ASSIGN(int at, new_axis(axis, x->dims.size()));
      Type y = *x;
      y.dims.insert(y.dims.begin() + at, Dim());
      narrow(setup.outputs[0], y);
    }
  }
  return std::make_unique<Stack>(axis);
}

LEAT_OP(({.name = "tensor.stack",
          .doc = "Puts values beside one another, along an axis that is new.",
          .inputs = {{.name = "x",
                      .type = "ANY[...]",
                      .doc = "one or more, of one type and shape",
                      .many = true}},
          .outputs = {{"y", "ANY[?,...]", "all of them"}},
          .params = {axis_param(0,
                                "where the new axis is, in the result; negative numbers count "
                                "from its last")},
          .make = make}));

}  // namespace

}  // namespace leat
