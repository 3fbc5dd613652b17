#include <cstring>

#include "base/text.h"
#include "pipeline/executor.h"

namespace leat {

namespace {

bool side_by_side(std::span<Value> rows) {
  for (size_t i = 1; i < rows.size(); ++i) {
    const Tensor& last = rows[i - 1].tensor();
    const Tensor& here = rows[i].tensor();
    if (here.block() != last.block() || here.data() != last.data() + last.byte_size()) return false;
  }
  return true;
}

Result<Tensor> stack_strings(std::span<Value> rows, const Shape& shape) {
  thread_local std::vector<std::string_view> texts;
  texts.clear();
  for (const Value& row : rows) {
    int64_t count = row.tensor().shape().elements();
    for (int64_t i = 0; i < count; ++i) texts.push_back(row.tensor().string(i));
  }
  auto made = Tensor::strings(texts, shape);
  if (made.ok()) copied_bytes().add(made->block()->capacity);
  return made;
}

}  // namespace

Result<Tensor> empty_tensor(DType type, const Shape& shape) {
  if (type == DType::kBytes) return Tensor::strings({}, shape);
  return Tensor::allocate(type, shape);
}

Result<Value> stack_rows(std::span<Value> rows) {
  for (const Value& row : rows) {
    if (row.is_list() || !row.present() || row.tensor().dtype() != rows[0].tensor().dtype() ||
        !(row.tensor().shape() == rows[0].tensor().shape()) ||
        row.tensor().shape().rank() == Shape::kMaxRank) {
      return Value::list(rows);
    }
  }
  const Tensor& first = rows[0].tensor();
  Shape shape = first.shape().with(0, static_cast<int64_t>(rows.size()));
  if (first.dtype() == DType::kBytes) {
    LEAT_ASSIGN(Tensor strings, stack_strings(rows, shape));
    return Value(std::move(strings));
  }
  size_t bytes = first.byte_size();
  if (side_by_side(rows)) {
    return Value(Tensor::view(first.block(), first.dtype(), shape,
                              const_cast<std::byte*>(first.data()), bytes * rows.size()));
  }
  LEAT_ASSIGN(Tensor stacked, Tensor::allocate(first.dtype(), shape));
  std::byte* to = stacked.mutable_data();
  for (const Value& row : rows) {
    std::memcpy(to, row.tensor().data(), bytes);
    to += bytes;
  }
  copied_bytes().add(bytes * rows.size());
  return Value(std::move(stacked));
}

}  // namespace leat
