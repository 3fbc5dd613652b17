// tensor.cast: elements of another type.
#include <cmath>
#include <limits>
#include <optional>

#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

// The nearest number that `To` has when `x`, a whole number or infinite, is out of its range;
// nothing when it is not.
template <typename To, typename From>
std::optional<To> nearest_end(From x) {
  using Limits = std::numeric_limits<To>;
  if constexpr (std::floating_point<From>) {
    // 2 to the number of bits, which any floating point type holds, is the first that is too large.
    const From end = std::ldexp(From{1}, Limits::digits);
    if (x >= end) return Limits::max();
    if (x < (Limits::is_signed ? -end : From{0})) return Limits::min();
  } else {
    if (std::cmp_greater(x, Limits::max())) return Limits::max();
    if (std::cmp_less(x, Limits::min())) return Limits::min();
  }
  return std::nullopt;
}

// The place of the first element that `To` does not have, when that is to be refused.
template <typename To, typename From>
std::optional<size_t> cast(std::span<const From> from, To* to, bool saturate) {
  for (size_t i = 0; i < from.size(); ++i) {
    const auto x = wide(from[i]);
    if constexpr (std::same_as<To, BoolElement>) {
      to[i] = {static_cast<uint8_t>(x != 0)};
    } else if constexpr (is_real<To>) {
      to[i] = real_element<To>(x);
    } else {
      auto whole = x;
      if constexpr (is_real<From>) {
        if (std::isnan(x)) {
          if (!saturate) return i;
          to[i] = 0;
          continue;
        }
        whole = std::trunc(x);
      }
      const std::optional<To> end = nearest_end<To>(whole);
      if (end && !saturate) return i;
      to[i] = end ? *end : static_cast<To>(whole);
    }
  }
  return std::nullopt;
}

class Cast final : public Op {
 public:
  Cast(DType to, bool saturate) : to_(to), saturate_(saturate) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    if (x.dtype() == to_) {
      call.give(0, as_tensor(x));
      return {};
    }
    LEAT_ASSIGN(Tensor * y, call.output(0, to_, x.shape()));
    return visit_number(x.dtype(), [&]<typename From>() {
      return visit_number(to_, [&]<typename To>() -> Status {
        auto from = x.values<From>();
        auto bad = cast(from, y->mutable_values<To>().data(), saturate_);
        if (!bad) return {};
        return Status(Code::kBadInput,
                      cat("element ", *bad, " is ", wide(from[*bad]), ", which ", dtype_name(to_),
                          " cannot hold; with out_of_range: saturate it becomes the nearest"));
      });
    });
  }

 private:
  DType to_;
  bool saturate_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  LEAT_ASSIGN(DType to, parse_dtype(setup.params.text("to")));
  if (to == DType::kBytes) {
    return Status(Code::kBadInput, "to: BYTES found, which are texts; a type of numbers is wanted");
  }
  if (setup.inputs[0]) narrow(setup.outputs[0], *setup.inputs[0]);
  setup.outputs[0].dtypes = only(to);
  return std::make_unique<Cast>(to, setup.params.text("out_of_range") == "saturate");
}

LEAT_OP((
    {.name = "tensor.cast",
     .doc = "The same numbers as another type. To a type of whole numbers, fractions are cut off "
            "towards 0, as numpy's astype does; of a number that is out of its range astype gives "
            "whatever comes, wrapped around or not: here it is refused, or becomes the nearest. To "
            "a floating point type numbers are rounded to the nearest, ties to even, and become "
            "infinite when they are too large. To BOOL everything but 0 is true, NaN too.",
     .inputs = {{"x", "NUMBER[...]", "numbers"}},
     .outputs = {{"y", "NUMBER[...]", "the same shape; x itself when that is of the type"}},
     .params = {{.name = "to", .type = ParamType::kDType, .required = true, .doc = "the type"},
                {.name = "out_of_range",
                 .type = ParamType::kChoice,
                 .fallback = "refuse",
                 .choices = {"refuse", "saturate"},
                 .doc = "of a number that a type of whole numbers cannot hold: refuse is an error; "
                        "saturate gives the nearest it has, and 0 for NaN"}},
     .make = make}));

}  // namespace

}  // namespace leat
