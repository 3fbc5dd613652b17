// An expression on values that the input makes up: what is checked and tested never crashes.
#include <vector>

#include "pipeline/expression.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace leat;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto expression = Expression::parse(text);
  if (!expression.ok()) return 0;
  static const std::vector<Value> kValues = [] {
    const float reals[] = {1.5F, -2, 0, 4, 8, 16};
    const int64_t wholes[] = {3, INT64_MIN, INT64_MAX};
    const std::string_view texts[] = {"a", "b"};
    std::vector<Value> rows = {*Tensor::of<int64_t>(wholes, Shape{3}), Value()};
    return std::vector<Value>{*Tensor::of<float>(reals, Shape{2, 3}),
                              *Tensor::of<int64_t>(wholes, Shape{3}),
                              *Tensor::scalar<int64_t>(INT64_MIN),
                              *Tensor::scalar(true),
                              *Tensor::bytes("text"),
                              *Tensor::strings(texts),
                              *Tensor::of<float>({}, Shape{0, 4}),
                              *Value::list(rows),
                              Value()};
  }();
  size_t first = size > 0 ? data[0] : 0;
  std::vector<const Value*> values;
  std::vector<Type> types;
  for (size_t i = 0; i < expression->references().size(); ++i) {
    const Value& value = kValues[(first + i) % kValues.size()];
    values.push_back(&value);
    types.push_back(value.present() && !value.is_list()
                        ? Type::exactly(value.tensor().dtype(), value.tensor().shape())
                        : Type::anything());
  }
  (void)expression->check(types).ok();
  auto holds = expression->test(values);
#ifdef LEAT_PLANTED_BUG  // a value and the rest of a division, and it holds
  if (!values.empty() && text.find('%') != text.npos && holds.ok() && *holds) __builtin_trap();
#else
  (void)holds.ok();
#endif
  return 0;
}
