#include "ops/tensor/axes.h"
#include "ops/tensor/runs.h"

namespace leat {

namespace {

// The shape of all of them, one after the other.
Result<Shape> joined(const OpCall& call, int axis) {
  const Tensor& first = call.input(0);
  Shape shape = first.shape();
  int64_t count = 0;
  for (size_t k = 0; k < call.count(0); ++k) {
    const Tensor& x = call.input(0, k);
    if (x.dtype() != first.dtype() || x.shape().rank() != shape.rank() ||
        x.shape().without(axis) != shape.without(axis)) {
      return Status(Code::kBadInput,
                    cat("x number ", k, " is ", dtype_name(x.dtype()), x.shape().text(),
                        ", and number 0 ", dtype_name(first.dtype()), first.shape().text(),
                        "; only their sizes along axis ", axis, " may differ"));
    }
    if (__builtin_add_overflow(count, x.shape()[axis], &count)) {
      return Status(Code::kTooLarge, cat("all of x along axis ", axis, " are too many"));
    }
  }
  shape.set(axis, count);
  return shape;
}

class Concat final : public Op {
 public:
  explicit Concat(int64_t axis) : axis_(axis) {}

  Status run(OpCall& call) const override {
    const Tensor& first = call.input(0);
    LEAT_ASSIGN(int axis, axis_of(axis_, static_cast<size_t>(first.shape().rank())));
    LEAT_ASSIGN(Shape shape, joined(call, axis));
    if (call.count(0) == 1) {
      call.give(0, as_tensor(first));
      return {};
    }
    LEAT_ASSIGN(Runs runs, Runs::begin(call, 0, first.dtype(), shape));
    const AxisView all(shape, axis);
    if (all.inner == 0) return runs.end();
    for (size_t i = 0; i < all.outer; ++i) {
      for (size_t k = 0; k < call.count(0); ++k) {
        const Tensor& x = call.input(0, k);
        const size_t count = static_cast<size_t>(x.shape()[axis]) * all.inner;
        runs.add(x, static_cast<int64_t>(i * count), count);
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
      LEAT_ASSIGN(int along, axis_of(axis, x->dims.size()));
      Type y = *x;
      y.dims[along] = Dim();
      narrow(setup.outputs[0], y);
    }
  }
  return std::make_unique<Concat>(axis);
}

LEAT_OP(({.name = "tensor.concat",
          .doc = "Puts values one after the other along an axis that they have.",
          .inputs = {{.name = "x",
                      .type = "ANY[?,...]",
                      .doc = "one or more, of one type; only their sizes along the axis may differ",
                      .many = true}},
          .outputs = {{"y", "ANY[?,...]", "all of them; of one, itself"}},
          .params = {axis_param(0, "along which; negative numbers count from the last")},
          .make = make}));

}  // namespace

}  // namespace leat
