#include <cstring>

#include "base/text.h"
#include "model/model.h"

namespace leat {

namespace {

Result<Tensor> zeros(DType type, const Shape& shape) {
  if (type == DType::kBytes) {
    LEAT_TRY(shape.bytes(type).status());
    std::vector<std::string_view> empty(static_cast<size_t>(shape.elements()));
    return Tensor::strings(empty, shape);
  }
  LEAT_ASSIGN(Tensor tensor, Tensor::allocate(type, shape));
  std::memset(tensor.mutable_data(), 0, tensor.byte_size());
  return tensor;
}

}  // namespace

Status warm_up(Model& model, std::span<const Shape> shapes) {
  assert(shapes.empty() || shapes.size() == model.inputs().size());
  std::vector<Tensor> inputs;
  for (const ModelPort& port : model.inputs()) {
    Shape shape;
    if (!shapes.empty()) {
      shape = shapes[inputs.size()];
    } else {
      for (const Dim& dim : port.type.dims) {
        shape = shape.with(shape.rank(), dim.size < 0 ? 1 : dim.size);
      }
    }
    auto tensor = zeros(*port.type.dtype(), shape);
    if (!tensor.ok()) return tensor.status().within(cat("input ", port.name));
    inputs.push_back(*std::move(tensor));
  }
  std::vector<Tensor> outputs(model.outputs().size());
  return model.run(inputs, outputs, nullptr);
}

}  // namespace leat
