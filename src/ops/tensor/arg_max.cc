#include <cmath>

#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

// By columns, so that memory is read in its order whatever the axis.
template <typename T>
void arg_max(const T* from, const AxisView& axis, T* best, int64_t* index) {
  const auto nan = [](T x) {
    if constexpr (is_real<T>) return std::isnan(wide(x));
    return false;
  };
  for (size_t i = 0; i < axis.outer; ++i, best += axis.inner, index += axis.inner) {
    for (size_t j = 0; j < axis.inner; ++j) {
      best[j] = from[j];
      index[j] = 0;
    }
    from += axis.inner;
    for (size_t k = 1; k < axis.count; ++k, from += axis.inner) {
      for (size_t j = 0; j < axis.inner; ++j) {
        const T x = from[j];
        if (wide(x) > wide(best[j]) || (nan(best[j]) && !nan(x))) {
          best[j] = x;
          index[j] = static_cast<int64_t>(k);
        }
      }
    }
  }
}

class ArgMax final : public Op {
 public:
  ArgMax(int64_t axis, bool keep) : axis_(axis), keep_(keep) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(int along, axis_of(axis_, static_cast<size_t>(x.shape().rank())));
    if (x.shape()[along] == 0) {
      return Status(Code::kBadInput,
                    cat("x has the shape ", x.shape().text(), ": of none, none is the greatest"));
    }
    Shape shape = x.shape().without(along);
    if (keep_) shape = shape.with(along, 1);
    LEAT_ASSIGN(Tensor * index, call.output(0, DType::kInt64, shape));
    LEAT_ASSIGN(Tensor * value, call.output(1, x.dtype(), shape));
    if (x.byte_size() == 0) return {};
    visit_number(x.dtype(), [&]<typename T>() {
      arg_max(x.values<T>().data(), AxisView(x.shape(), along), value->mutable_values<T>().data(),
              index->mutable_values<int64_t>().data());
    });
    return {};
  }

 private:
  int64_t axis_;
  bool keep_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const int64_t axis = setup.params.integer("axis");
  const bool keep = setup.params.flag("keep");
  if (setup.inputs[0]) {
    Type y = *setup.inputs[0];
    narrow(setup.outputs[1], y.dtypes);
    if (!y.open) {
      LEAT_ASSIGN(int along, axis_of(axis, y.dims.size()));
      if (y.dims[along].size == 0) {
        return Status(Code::kBadInput, cat("x is ", y.text(), ": of none, none is the greatest"));
      }
      y.dims.erase(y.dims.begin() + along);
      if (keep) y.dims.insert(y.dims.begin() + along, Dim{1, ""});
      for (Type& output : setup.outputs) narrow(output, y);
    }
  }
  return std::make_unique<ArgMax>(axis, keep);
}

LEAT_OP(({.name = "tensor.arg_max",
          .doc = "Where along an axis the greatest value is; of equal ones, the first. NaN is less "
                 "than any number (numpy's argmax gives the first NaN): where all are NaN, 0.",
          .inputs = {{"x", "NUMBER[?,...]", "scores, at least one along the axis"}},
          .outputs = {{"index", "INT64[...]", "counted from 0; the shape of x without the axis"},
                      {"value", "NUMBER[...]", "the greatest, of the type of x"}},
          .params = {axis_param(-1, "along which; negative numbers count from the last"),
                     {.name = "keep",
                      .type = ParamType::kBool,
                      .fallback = false,
                      .doc = "the axis stays, with the size 1"}},
          .make = make}));

}  // namespace

}  // namespace leat
