#include "base/half.h"
#include "ops/tensor/axes.h"
#include "ops/tensor/softmax_rows.h"

namespace leat {

namespace {

template <typename T>
void softmax(const T* from, T* to, const AxisView& axis) {
  size_t block = axis.count * axis.inner;
  for (size_t i = 0; i < axis.outer; ++i, from += block, to += block) {
    if (axis.inner == 1) {
      softmax_row(from, to, axis.count);
    } else {
      softmax_columns(from, to, axis.count, axis.inner);
    }
  }
}

void softmax_halves(std::span<const uint16_t> from, std::span<uint16_t> to, const AxisView& axis) {
  thread_local std::vector<float> wide, result;
  wide.resize(from.size());
  result.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i) wide[i] = half_to_float(from[i]);
  softmax(wide.data(), result.data(), axis);
  for (size_t i = 0; i < from.size(); ++i) to[i] = float_to_half(result[i]);
}

class Softmax final : public Op {
 public:
  explicit Softmax(int64_t axis) : axis_(axis) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(int along, axis_of(axis_, static_cast<size_t>(x.shape().rank())));
    LEAT_ASSIGN(Tensor * y, call.output(0, x.dtype(), x.shape()));
    if (x.byte_size() == 0) return {};
    const AxisView axis(x.shape(), along);
    if (x.dtype() == DType::kFp32) {
      softmax(x.values<float>().data(), y->mutable_values<float>().data(), axis);
    } else if (x.dtype() == DType::kFp64) {
      softmax(x.values<double>().data(), y->mutable_values<double>().data(), axis);
    } else {
      softmax_halves(x.values<uint16_t>(), y->mutable_values<uint16_t>(), axis);
    }
    return {};
  }

 private:
  int64_t axis_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  int64_t axis = setup.params.integer("axis");
  if (const auto& x = setup.inputs[0]) {
    if (!x->open) LEAT_TRY(axis_of(axis, x->dims.size()).status());
    narrow(setup.outputs[0], *x);
  }
  return std::make_unique<Softmax>(axis);
}

LEAT_OP(({.name = "tensor.softmax",
          .doc = "Turns scores into probabilities: exp(x) over the sum of exp(x) along one axis. "
                 "NaN or +infinity in a row makes all of it NaN.",
          .inputs = {{"x", "FP16|FP32|FP64[?,...]", "scores"}},
          .outputs = {{"y", "FP16|FP32|FP64[?,...]", "the same type and shape; sums to 1"}},
          .params = {axis_param(-1, "along which; negative numbers count from the last")},
          .make = make}));

}  // namespace

}  // namespace leat
