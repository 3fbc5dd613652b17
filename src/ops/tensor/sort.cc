#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

template <typename T>
void sort_lines(const T* from, T* values, int64_t* indices, const AxisView& axis, bool descending) {
  thread_local std::vector<int64_t> order;
  order.resize(axis.count);
  const size_t block = axis.count * axis.inner;
  for (size_t line = 0; line < axis.outer * axis.inner; ++line) {
    const size_t first = line / axis.inner * block + line % axis.inner;
    const auto at = [&](int64_t i) {
      return wide(from[first + static_cast<size_t>(i) * axis.inner]);
    };
    std::iota(order.begin(), order.end(), 0);
    auto end = order.end();
    if constexpr (is_real<T>) {
      end =
          std::stable_partition(order.begin(), end, [&](int64_t i) { return !std::isnan(at(i)); });
    }
    std::stable_sort(order.begin(), end, [&](int64_t a, int64_t b) {
      return descending ? at(a) > at(b) : at(a) < at(b);
    });
    for (size_t i = 0; i < axis.count; ++i) {
      const size_t to = first + i * axis.inner;
      values[to] = from[first + static_cast<size_t>(order[i]) * axis.inner];
      indices[to] = order[i];
    }
  }
}

class Sort final : public Op {
 public:
  Sort(int64_t axis, bool descending) : axis_(axis), descending_(descending) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(int along, axis_of(axis_, static_cast<size_t>(x.shape().rank())));
    LEAT_ASSIGN(Tensor * values, call.output(0, x.dtype(), x.shape()));
    LEAT_ASSIGN(Tensor * indices, call.output(1, DType::kInt64, x.shape()));
    if (x.byte_size() == 0) return {};
    visit_number(x.dtype(), [&]<typename T>() {
      sort_lines(x.values<T>().data(), values->mutable_values<T>().data(),
                 indices->mutable_values<int64_t>().data(), AxisView(x.shape(), along),
                 descending_);
    });
    return {};
  }

 private:
  int64_t axis_;
  bool descending_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const int64_t axis = setup.params.integer("axis");
  if (const auto& x = setup.inputs[0]) {
    if (!x->open) LEAT_TRY(axis_of(axis, x->dims.size()).status());
    for (Type& output : setup.outputs) narrow(output, *x);
  }
  return std::make_unique<Sort>(axis, setup.params.flag("descending"));
}

LEAT_OP(({.name = "tensor.sort",
          .doc = "Sorts along an axis. Equal values keep their order; NaN comes last either way.",
          .inputs = {{"x", "NUMBER[?,...]", "numbers"}},
          .outputs = {{"values", "NUMBER[?,...]", "the same type and shape"},
                      {"indices", "INT64[?,...]", "where along the axis of x each of them was"}},
          .params = {axis_param(-1, "along which; negative numbers count from the last"),
                     {.name = "descending",
                      .type = ParamType::kBool,
                      .fallback = false,
                      .doc = "the greatest first"}},
          .make = make}));

}  // namespace

}  // namespace leat
