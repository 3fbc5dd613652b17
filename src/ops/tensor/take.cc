#include "ops/tensor/axes.h"
#include "ops/tensor/runs.h"

namespace leat {

namespace {

Status check_rank(size_t x, size_t indices) {
  if (x + indices <= Shape::kMaxRank + 1) return {};
  return Status(Code::kBadInput, cat("x has ", x, " dimensions and indices ", indices,
                                     "; what is taken would have more than ", Shape::kMaxRank));
}

class Take final : public Op {
 public:
  explicit Take(int64_t axis) : axis_(axis) {}

  Status run(OpCall& call) const override {
    const Tensor &x = call.input(0), &indices = call.input(1);
    LEAT_ASSIGN(int axis, axis_of(axis_, static_cast<size_t>(x.shape().rank())));
    LEAT_TRY(check_rank(static_cast<size_t>(x.shape().rank()),
                        static_cast<size_t>(indices.shape().rank())));
    thread_local std::vector<int64_t> places;
    LEAT_TRY(read(indices, x.shape()[axis], places));
    Shape shape = x.shape().without(axis);
    for (int i = 0; i < indices.shape().rank(); ++i) {
      shape = shape.with(axis + i, indices.shape()[i]);
    }
    LEAT_ASSIGN(Runs runs, Runs::begin(call, 0, x.dtype(), shape));
    const AxisView from(x.shape(), axis);
    if (places.empty() || from.inner == 0) return runs.end();
    for (size_t i = 0; i < from.outer; ++i) {
      for (int64_t place : places) {
        const size_t first = (i * from.count + static_cast<size_t>(place)) * from.inner;
        runs.add(x, static_cast<int64_t>(first), from.inner);
      }
    }
    return runs.end();
  }

 private:
  static Status read(const Tensor& indices, int64_t size, std::vector<int64_t>& places) {
    places.clear();
    places.reserve(static_cast<size_t>(indices.shape().elements()));
    const auto add = [&](auto values) -> Status {
      for (int64_t index : values) {
        if (index < -size || index >= size) {
          return Status(Code::kBadInput, size == 0
                                             ? cat("indices: number ", places.size(), " is ", index,
                                                   ", but there is "
                                                   "nothing to take from")
                                             : cat("indices: number ", places.size(), " is ", index,
                                                   "; ", -size, " to ", size - 1, " are allowed"));
        }
        places.push_back(index < 0 ? index + size : index);
      }
      return {};
    };
    return indices.dtype() == DType::kInt32 ? add(indices.values<int32_t>())
                                            : add(indices.values<int64_t>());
  }

  int64_t axis_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const int64_t axis = setup.params.integer("axis");
  const auto &x = setup.inputs[0], &indices = setup.inputs[1];
  if (x) narrow(setup.outputs[0], x->dtypes);
  if (x && !x->open) {
    LEAT_ASSIGN(int along, axis_of(axis, x->dims.size()));
    if (indices && !indices->open) {
      LEAT_TRY(check_rank(x->dims.size(), indices->dims.size()));
      Type y = *x;
      y.dims.erase(y.dims.begin() + along);
      y.dims.insert(y.dims.begin() + along, indices->dims.begin(), indices->dims.end());
      narrow(setup.outputs[0], y);
    }
  }
  return std::make_unique<Take>(axis);
}

LEAT_OP(({.name = "tensor.take",
          .doc = "The elements of an axis that indices name, in their order; any may be named "
                 "again. One that is not there is an error.",
          .inputs = {{"x", "ANY[?,...]", "any value"},
                     {"indices", "INT32|INT64[...]",
                      "from 0; negative numbers count from the end: -1 is the last"}},
          .outputs = {{"y", "ANY[...]",
                       "the shape of x, with that of indices in the axis's place"}},
          .params = {axis_param(0, "along which; negative numbers count from the last")},
          .make = make}));

}  // namespace

}  // namespace leat
