#include "ops/tensor/runs.h"

#include <cstring>

#include "ops/tensor/elements.h"

namespace leat {

Result<Runs> Runs::begin(OpCall& call, size_t port, DType type, const Shape& shape) {
  Runs runs(call, port, shape);
  if (type == DType::kBytes) {
    LEAT_ASSIGN(size_t bytes, shape.bytes(type));
    // Texts of no element make no memory; those of any come from tensors that are there.
    runs.texts_.reserve(bytes / dtype_size(type));
    return runs;
  }
  LEAT_ASSIGN(Tensor * out, call.output(port, type, shape));
  runs.size_ = dtype_size(type);
  runs.to_ = out->mutable_data();
  return runs;
}

void Runs::add(const Tensor& from, int64_t first, size_t count, int64_t step) {
  if (count == 0) return;
  if (size_ == 0) {
    for (size_t i = 0; i < count; ++i, first += step) texts_.push_back(from.string(first));
    return;
  }
  const std::byte* data = from.data() + first * static_cast<int64_t>(size_);
  if (step == 1 || count == 1) {
    std::memcpy(to_, data, count * size_);
  } else {
    visit_size(size_, [&]<typename T>() {
      auto* to = reinterpret_cast<T*>(to_);
      const auto* of = reinterpret_cast<const T*>(data);
      for (size_t i = 0; i < count; ++i) to[i] = of[static_cast<int64_t>(i) * step];
    });
  }
  to_ += count * size_;
}

Status Runs::end() {
  if (size_ > 0) return {};
  LEAT_ASSIGN(Tensor texts, Tensor::strings(texts_, shape_));
  call_.give(port_, std::move(texts));
  return {};
}

}  // namespace leat
