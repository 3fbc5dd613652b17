#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

// As a type that holds both the element and the bound.
template <typename T>
auto comparable(T x) {
  if constexpr (std::integral<decltype(wide(x))> && sizeof(T) == 8) {
    return static_cast<long double>(wide(x));
  } else {
    return static_cast<double>(wide(x));
  }
}

class Threshold final : public Op {
 public:
  Threshold(double bound, bool above, bool values)
      : bound_(bound), above_(above), values_(values) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(Tensor * y, call.output(0, values_ ? x.dtype() : DType::kBool, x.shape()));
    visit_number(x.dtype(), [&]<typename T>() {
      auto from = x.values<T>();
      auto passes = [this](T element) {
        return above_ ? comparable(element) > bound_ : comparable(element) >= bound_;
      };
      if (values_) {
        T* to = y->mutable_values<T>().data();
        for (size_t i = 0; i < from.size(); ++i) to[i] = passes(from[i]) ? from[i] : T{};
      } else {
        uint8_t* to = y->mutable_values<uint8_t>().data();
        for (size_t i = 0; i < from.size(); ++i) to[i] = passes(from[i]);
      }
    });
    return {};
  }

 private:
  double bound_;
  bool above_, values_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const bool values = setup.params.text("give") == "values";
  if (setup.inputs[0]) narrow(setup.outputs[0], *setup.inputs[0]);
  if (!values) setup.outputs[0].dtypes = only(DType::kBool);
  return std::make_unique<Threshold>(setup.params.real("value"),
                                     setup.params.text("when") == "above", values);
}

LEAT_OP(
    ({.name = "tensor.threshold",
      .doc = "Which elements are above a bound, or those alone. NaN never is.",
      .inputs = {{"x", "NUMBER[...]", "numbers"}},
      .outputs = {{"y", "NUMBER[...]", "the same shape; BOOL, or the type of x"}},
      .params = {{.name = "value", .type = ParamType::kFloat, .required = true, .doc = "the bound"},
                 {.name = "when",
                  .type = ParamType::kChoice,
                  .fallback = "at_least",
                  .choices = {"at_least", "above"},
                  .doc = "what of an element that is the bound: at_least takes it, above does not"},
                 {.name = "give",
                  .type = ParamType::kChoice,
                  .fallback = "mask",
                  .choices = {"mask", "values"},
                  .doc = "mask: BOOL, true where it is; values: the element where it is, else 0"}},
      .make = make}));

}  // namespace

}  // namespace leat
