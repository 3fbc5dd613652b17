#include <algorithm>
#include <numeric>
#include <utility>

#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

struct Options {
  std::vector<int64_t> axes;
  bool all = true;                                     // axes
  std::vector<int64_t> before, after, size, multiple;  // of each, or one for all; empty: not given
  double value = 0;
};

struct Border {
  int64_t before = 0, after = 0;
};

// How `value` is written as an element of the type; nothing when it has no such number.
std::optional<uint64_t> element_of(double value, DType type) {
  return visit_number(type, [&]<typename T>() -> std::optional<uint64_t> {
    T element{};
    if constexpr (is_real<T>) {
      element = real_element<T>(value);
    } else if constexpr (std::same_as<T, BoolElement>) {
      if (value != 0 && value != 1) return std::nullopt;
      element.byte = value != 0;
    } else {
      // The bounds of 64 bits as doubles are those bounds, or one more, which no double is.
      constexpr double kEnd = static_cast<double>(std::numeric_limits<T>::max() / 2 + 1) * 2;
      if (value != std::trunc(value) || value >= kEnd) return std::nullopt;
      if (value < static_cast<double>(std::numeric_limits<T>::min())) return std::nullopt;
      element = static_cast<T>(value);
    }
    uint64_t bits = 0;
    __builtin_memcpy(&bits, &element, sizeof element);
    return bits;
  });
}

template <typename T>
void pad(const T* from, T* to, const Shape& shape, const Shape& result,
         std::span<const Border> borders, T fill) {
  std::fill_n(to, static_cast<size_t>(result.elements()), fill);
  if (std::ranges::count(shape.dims(), 0) > 0) return;
  // The last axis in one piece.
  const int last = shape.rank() - 1;
  int64_t at[Shape::kMaxRank] = {};
  while (true) {
    int64_t place = 0;
    for (int i = 0; i <= last; ++i) place = place * result[i] + at[i] + borders[i].before;
    std::copy_n(from, shape[last], to + place);
    from += shape[last];
    int axis = last - 1;
    while (axis >= 0 && ++at[axis] == shape[axis]) at[axis--] = 0;
    if (axis < 0) return;
  }
}

class Pad final : public Op {
 public:
  explicit Pad(Options options) : o_(std::move(options)) {}

  // By axis of `shape`, in which -1 is a size that is not known.
  Result<std::vector<Border>> borders(const Shape& shape) const {
    const auto rank = static_cast<size_t>(shape.rank());
    std::vector<int> axes(rank);
    std::iota(axes.begin(), axes.end(), 0);
    if (!o_.all) {
      LEAT_ASSIGN(axes, axes_of(o_.axes, rank));
    }
    std::vector<Border> out(rank);
    for (size_t i = 0; i < axes.size(); ++i) {
      LEAT_ASSIGN(out[axes[i]], border(i, axes.size(), shape[axes[i]]));
    }
    return out;
  }

  // Of a size that is not known it says what is known all the same: -1, or the result's.
  Result<Shape> result(const Shape& shape) const {
    LEAT_ASSIGN(std::vector<Border> around, borders(shape));
    Shape out = shape;
    for (int i = 0; i < shape.rank(); ++i) {
      if (shape[i] < 0) continue;
      int64_t size = shape[i];
      if (__builtin_add_overflow(size, around[i].before, &size) ||
          __builtin_add_overflow(size, around[i].after, &size)) {
        return Status(Code::kTooLarge,
                      cat("axis ", i, " of ", shape.text(), " with ", around[i].before,
                          " before and ", around[i].after, " after is too large"));
      }
      out.set(i, size);
    }
    return out;
  }

  Status check_value(DType type) const {
    if (element_of(o_.value, type)) return {};
    return Status(Code::kBadInput, cat("value is ", o_.value, ", which x, of type ",
                                       dtype_name(type), ", cannot hold"));
  }

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_TRY(check_value(x.dtype()));
    LEAT_ASSIGN(std::vector<Border> around, borders(x.shape()));
    LEAT_ASSIGN(Shape shape, result(x.shape()));
    if (shape == x.shape()) {
      call.give(0, as_tensor(x));
      return {};
    }
    LEAT_ASSIGN(Tensor * y, call.output(0, x.dtype(), shape));
    if (y->byte_size() == 0) return {};
    const uint64_t fill = *element_of(o_.value, x.dtype());
    visit_size(dtype_size(x.dtype()), [&]<typename T>() {
      pad(x.values<T>().data(), y->mutable_values<T>().data(), x.shape(), shape, around,
          static_cast<T>(fill));
    });
    return {};
  }

 private:
  // Of axis number i of `count`.
  Result<Border> border(size_t i, size_t count, int64_t length) const {
    const auto of = [&](const std::vector<int64_t>& all, std::string_view name) -> Result<int64_t> {
      if (all.empty()) return int64_t{0};
      LEAT_ASSIGN(auto each, for_each_axis(all, count, name));
      return each[i];
    };
    Border border;
    LEAT_ASSIGN(border.before, of(o_.before, "before"));
    LEAT_ASSIGN(border.after, of(o_.after, "after"));
    LEAT_ASSIGN(int64_t size, of(o_.size, "size"));
    LEAT_ASSIGN(int64_t multiple, of(o_.multiple, "multiple"));
    if (length < 0) return border;
    if (!o_.size.empty()) {
      if (length > size) {
        return Status(Code::kBadInput, cat("size: x has ", length, " elements along an axis, and ",
                                           size, " are asked for; tensor.slice cuts"));
      }
      border.after = size - length;
    }
    if (multiple > 0) border.after = (multiple - length % multiple) % multiple;
    return border;
  }

  Options o_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const Params& params = setup.params;
  Options o;
  o.all = !params.has("axes");
  o.value = params.real("value");
  LEAT_ASSIGN(o.axes, integers_of(params, "axes"));
  LEAT_ASSIGN(o.before, integers_of(params, "before"));
  LEAT_ASSIGN(o.after, integers_of(params, "after"));
  LEAT_ASSIGN(o.size, integers_of(params, "size"));
  LEAT_ASSIGN(o.multiple, integers_of(params, "multiple"));
  const bool border = !o.before.empty() || !o.after.empty();
  if (border + !o.size.empty() + !o.multiple.empty() != 1) {
    return Status(Code::kBadInput,
                  cat(border || !o.size.empty() ? "more than one is set" : "none is set",
                      " of: a border (before, after), size, multiple; set one"));
  }
  const bool sized = !o.size.empty();
  auto op = std::make_unique<Pad>(o);
  const auto& x = setup.inputs[0];
  if (!x) return op;
  if (auto type = x->dtype()) LEAT_TRY(op->check_value(*type));
  narrow(setup.outputs[0], x->dtypes);
  if (x->open) return op;
  LEAT_ASSIGN(Shape shape, op->result(x->shape()));
  Type y = Type::exactly(DType::kFp32, shape);
  y.dtypes = x->dtypes;
  if (sized) {  // whatever the size of x
    std::vector<int> axes(x->dims.size());
    std::iota(axes.begin(), axes.end(), 0);
    if (!o.all) {
      LEAT_ASSIGN(axes, axes_of(o.axes, x->dims.size()));
    }
    LEAT_ASSIGN(auto each, for_each_axis(o.size, axes.size(), "size"));
    for (size_t i = 0; i < axes.size(); ++i) y.dims[axes[i]] = Dim{each[i], ""};
  }
  narrow(setup.outputs[0], y);
  return op;
}

ParamSpec sizes_param(const char* name, double min, const char* doc) {
  return {.name = name, .type = ParamType::kFloats, .min = min, .max = 0x1p53, .doc = doc};
}

LEAT_OP((
    {.name = "tensor.pad",
     .doc = "Puts elements of one value around others. As many as are said, or so many that "
            "there is a given number of them along an axis, or a multiple of one.",
     .inputs = {{"x", "NUMBER[?,...]", "numbers"}},
     .outputs = {{"y", "NUMBER[?,...]", "of the same type; x itself when nothing is missing"}},
     .params = {{.name = "axes",
                 .type = ParamType::kFloats,
                 .min = -Shape::kMaxRank,
                 .max = Shape::kMaxRank - 1,
                 .doc = "along which; negative numbers count from the last. Left out: all of them. "
                        "The next four are lists with a number for each, or one number for all"},
                sizes_param("before", 0, "elements before the first"),
                sizes_param("after", 0, "elements after the last"),
                sizes_param("size", 0,
                            "elements there are to be, by more after the last; an axis with more "
                            "is an error"),
                sizes_param("multiple", 1, "of which their number is to be a multiple, likewise"),
                {.name = "value",
                 .type = ParamType::kFloat,
                 .fallback = 0.0,
                 .doc = "the elements that are put there; one that the type of x has"}},
     .make = make}));

}  // namespace

}  // namespace leat
