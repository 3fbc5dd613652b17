// tensor.slice: x[begin:end:step] along some axes, by Python's rules.
#include <algorithm>
#include <optional>

#include "ops/tensor/axes.h"
#include "ops/tensor/strided.h"

namespace leat {

namespace {

struct Options {
  std::vector<int64_t> axes;
  std::vector<int64_t> begin, end;  // by axis of `axes`, as is step; empty: as far as it goes
  std::vector<int64_t> step;
};

struct Cut {
  int64_t begin, step, count;
};

// Along an axis of `size`. Bounds beyond it are as far as it goes.
Cut cut(std::optional<int64_t> begin, std::optional<int64_t> end, int64_t step, int64_t size) {
  const int64_t least = step > 0 ? 0 : -1, most = step > 0 ? size : size - 1;
  const auto bound = [&](std::optional<int64_t> given, int64_t otherwise) {
    if (!given) return otherwise;
    return std::clamp(*given < 0 ? *given + size : *given, least, most);
  };
  const int64_t from = bound(begin, step > 0 ? least : most);
  const int64_t to = bound(end, step > 0 ? most : least);
  const int64_t way = step > 0 ? to - from : from - to;
  const int64_t pace = step > 0 ? step : -step;
  return {from, step, way <= 0 ? 0 : (way - 1) / pace + 1};
}

class Slice final : public Op {
 public:
  explicit Slice(Options options) : o_(std::move(options)) {}

  // Of axis number i of those that are named.
  Cut along(size_t i, int64_t size) const {
    const auto of = [i](const std::vector<int64_t>& all) {
      return all.empty() ? std::nullopt : std::optional(all[i]);
    };
    return cut(of(o_.begin), of(o_.end), o_.step[i], size);
  }

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(std::vector<int> axes, axes_of(o_.axes, static_cast<size_t>(x.shape().rank())));
    Shape shape = x.shape();
    Strides strides = Strides::of(shape);
    // Those that are cut and before which there is but one element.
    int cuts = 0;
    std::optional<std::pair<int, Cut>> rows;
    for (size_t i = 0; i < axes.size(); ++i) {
      const int64_t size = x.shape()[axes[i]];
      const Cut part = along(i, size);
      shape.set(axes[i], part.count);
      if (part.count == size && part.step == 1) continue;
      ++cuts;
      const auto before = x.shape().dims().subspan(0, static_cast<size_t>(axes[i]));
      if (part.step == 1 && std::ranges::all_of(before, [](int64_t d) { return d == 1; })) {
        rows = {axes[i], part};
      }
      if (part.count == 0) continue;
      strides.start += part.begin * strides.step[axes[i]];
      strides.step[axes[i]] *= part.step;
    }
    if (cuts == 0) {
      call.give(0, as_tensor(x));
    } else if (cuts == 1 && rows) {
      const auto [axis, part] = *rows;
      const auto from_axis = x.shape().dims().subspan(static_cast<size_t>(axis));
      call.give(
          0,
          x.reshaped(Shape(from_axis)).rows(part.begin, part.begin + part.count).reshaped(shape));
    } else {
      return give_strided(call, 0, x, shape, strides);
    }
    return {};
  }

 private:
  Options o_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  Options o;
  LEAT_ASSIGN(o.axes, integers_of(setup.params, "axes"));
  const size_t count = o.axes.size();
  if (count == 0) return Status(Code::kBadInput, "axes: none found, one or more wanted");
  const auto list = [&](const char* name, std::vector<int64_t>& to) -> Status {
    LEAT_ASSIGN(to, integers_of(setup.params, name));
    if (setup.params.has(name)) {
      LEAT_ASSIGN(to, for_each_axis(std::move(to), count, name));
    }
    return {};
  };
  LEAT_TRY(list("begin", o.begin));
  LEAT_TRY(list("end", o.end));
  LEAT_TRY(list("step", o.step));
  if (std::ranges::count(o.step, 0) > 0) {
    return Status(Code::kBadInput, "step: 0 found; it is 1 or more, or -1 or less");
  }
  const std::optional<Type> x = setup.inputs[0];
  std::vector<int> axes;
  if (x && !x->open) {
    LEAT_ASSIGN(axes, axes_of(o.axes, x->dims.size()));
  }
  auto op = std::make_unique<Slice>(std::move(o));
  if (x) narrow(setup.outputs[0], x->dtypes);
  if (!x || x->open) return op;
  narrow(setup.outputs[0], *x);
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = setup.outputs[0].dims[axes[i]];
    dim = dim.size < 0 ? Dim() : Dim{op->along(i, dim.size).count, ""};
  }
  return op;
}

ParamSpec bound_param(const char* name, const char* doc) {
  return {.name = name, .type = ParamType::kFloats, .min = -0x1p53, .max = 0x1p53, .doc = doc};
}

LEAT_OP((
    {.name = "tensor.slice",
     .doc = "A part of a value along one axis or several: x[begin:end:step]. As in Python, bounds "
            "beyond the axis mean as far as it goes. What lies together in memory, such as rows of "
            "axis 0, is not copied.",
     .inputs = {{"x", "ANY[?,...]", "any value"}},
     .outputs = {{"y", "ANY[?,...]", "the part, with all axes; it may be empty"}},
     .params = {{.name = "axes",
                 .type = ParamType::kFloats,
                 .fallback = std::vector<double>{0},
                 .min = -Shape::kMaxRank,
                 .max = Shape::kMaxRank - 1,
                 .doc = "along which; negative numbers count from the last. For each of them there "
                        "is a number in begin, end and step, or one for all"},
                bound_param("begin",
                            "the first element; negative numbers count from the end. Left "
                            "out: from where it goes, which is the last for a negative "
                            "step"),
                bound_param("end",
                            "the first element that is not taken any more, likewise. Left "
                            "out: all the way"),
                {.name = "step",
                 .type = ParamType::kFloats,
                 .fallback = std::vector<double>{1},
                 .min = -0x1p53,
                 .max = 0x1p53,
                 .doc = "from one element to the next; negative: backwards"}},
     .make = make}));

}  // namespace

}  // namespace leat
