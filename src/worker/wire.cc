#include "worker/wire.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace leat {

namespace {

Status wrong(std::string_view what) {
  return Status(Code::kStepFailed, cat("the worker told of a tensor that cannot be: ", what));
}

// The shape, once type and shape have been found to fit the length.
Result<Shape> checked_shape(const TensorWire& wire) {
  if (wire.dtype >= kDTypes) return wrong(cat("its type is number ", wire.dtype));
  if (wire.rank > Shape::kMaxRank) return wrong(cat("its rank is ", wire.rank));
  constexpr int32_t kLargestSide = 1 << 24;
  for (int32_t side : {wire.width, wire.height}) {
    if (side < 0 || side > kLargestSide) return wrong(cat("its picture has a side of ", side));
  }
  Shape shape{std::span(wire.dims, wire.rank)};
  auto type = static_cast<DType>(wire.dtype);
  if (type == DType::kBytes && wire.rank == 0) return shape;
  auto bytes = shape.bytes(type);
  if (!bytes.ok()) return wrong(bytes.status().message());
  if (*bytes != wire.length) {
    return wrong(cat(dtype_name(type), shape.text(), " has ", *bytes, " bytes, not ", wire.length));
  }
  return shape;
}

void finish(Tensor& tensor, const TensorWire& wire) {
  tensor.set_full_size({wire.width, wire.height});
}

// A table of texts, whose data are offsets and lengths.
bool has_spans(DType type, const Shape& shape) { return type == DType::kBytes && shape.rank() > 0; }

size_t alignment(DType type, const Shape& shape) {
  if (type != DType::kBytes) return dtype_size(type);
  return has_spans(type, shape) ? alignof(ByteSpan) : 1;
}

bool within(const TensorWire& part, const TensorWire& whole) {
  return part.offset >= whole.offset && part.offset - whole.offset <= whole.length &&
         part.length <= whole.length - (part.offset - whole.offset);
}

// `input`: a table of texts, as `whole` says.
bool is_text_of(const TensorWire& wire, const TensorWire& whole, const Tensor& input) {
  return std::ranges::any_of(input.values<ByteSpan>(), [&](const ByteSpan& span) {
    return wire.offset == whole.base + span.offset && wire.length == span.length;
  });
}

// The texts of a BYTES tensor that another process may be changing: every span is read once.
Result<Tensor> copied_texts(const TensorWire& wire, const Shape& shape,
                            std::span<std::byte> memory) {
  if (wire.base > memory.size()) return wrong("its texts begin outside of the arena");
  std::vector<std::string_view> texts(wire.length / sizeof(ByteSpan));
  const uint64_t room = memory.size() - wire.base;
  for (size_t i = 0; i < texts.size(); ++i) {
    ByteSpan span;
    std::memcpy(&span, memory.data() + wire.offset + i * sizeof span, sizeof span);
    if (span.offset > room || span.length > room - span.offset) {
      return wrong(cat("text ", i, " lies outside of the arena"));
    }
    texts[i] = {reinterpret_cast<const char*>(memory.data()) + wire.base + span.offset,
                span.length};
  }
  return Tensor::strings(texts, shape);
}

}  // namespace

TensorWire tell(const Tensor& tensor, Whose whose, const std::byte* memory) {
  TensorWire wire;
  if (!tensor) return wire;
  wire.whose = whose;
  wire.dtype = static_cast<uint8_t>(tensor.dtype());
  wire.rank = static_cast<uint8_t>(tensor.shape().rank());
  // What the shape says anyway is not told: it may be no picture, and as large as it likes.
  if (tensor.shape().rank() == 3) {
    const ImageSize full = tensor.full_size();
    if (full.width != tensor.shape()[1] || full.height != tensor.shape()[0]) {
      wire.width = full.width;
      wire.height = full.height;
    }
  }
  wire.offset = static_cast<uint64_t>(tensor.data() - memory);
  wire.length = tensor.byte_size();
  wire.base = static_cast<uint64_t>(tensor.block()->payload - memory);
  for (int i = 0; i < tensor.shape().rank(); ++i) wire.dims[i] = tensor.shape()[i];
  return wire;
}

uint64_t whole_size(const Tensor& tensor) {
  if (!tensor) return 0;
  uint64_t total = tensor.byte_size();
  if (tensor.dtype() != DType::kBytes || tensor.shape().rank() == 0) return total;
  const int64_t count = tensor.shape().elements();
  for (int64_t i = 0; i < count; ++i) total += tensor.string(i).size();
  return total;
}

Result<Tensor> copy_into(Arena& arena, const Tensor& tensor) {
  const bool texts = has_spans(tensor.dtype(), tensor.shape());
  const auto count = static_cast<size_t>(texts ? tensor.shape().elements() : 0);
  const uint64_t total = whole_size(tensor);
  LEAT_ASSIGN(Block * block, arena.allocate(total));
  Tensor copy =
      Tensor::view(block, tensor.dtype(), tensor.shape(), block->payload, tensor.byte_size());
  block->drop();
  if (tensor.shape().rank() == 3) copy.set_full_size(tensor.full_size());
  if (!texts) {
    if (total > 0) std::memcpy(block->payload, tensor.data(), total);
    return copy;
  }
  auto* span = reinterpret_cast<ByteSpan*>(block->payload);
  size_t offset = tensor.byte_size();
  for (size_t i = 0; i < count; ++i) {
    std::string_view text = tensor.string(static_cast<int64_t>(i));
    span[i] = {offset, text.size()};
    if (!text.empty()) std::memcpy(block->payload + offset, text.data(), text.size());
    offset += text.size();
  }
  return copy;
}

Tensor view_of(const TensorWire& wire, std::byte* memory) {
  if (wire.whose == Whose::kAbsent) return {};
  auto nothing = [](void*) {};
  // The block begins where texts count from.
  Tensor block = Tensor::borrow(DType::kUint8, Shape{0}, memory + wire.base, nothing, nullptr);
  Tensor tensor =
      Tensor::view(block.block(), static_cast<DType>(wire.dtype),
                   Shape(std::span(wire.dims, wire.rank)), memory + wire.offset, wire.length);
  finish(tensor, wire);
  return tensor;
}

Result<Tensor> checked_view(const TensorWire& wire, std::span<std::byte> memory,
                            void (*release)(void*), void* context, uint32_t arena) {
  auto view = [&]() -> Result<Tensor> {
    LEAT_ASSIGN(Shape shape, checked_shape(wire));
    if (wire.offset > memory.size() || wire.length > memory.size() - wire.offset) {
      return wrong("it lies outside of the worker's arena");
    }
    auto type = static_cast<DType>(wire.dtype);
    if (wire.offset % alignment(type, shape) != 0) return wrong("it is not aligned");
    if (has_spans(type, shape)) return copied_texts(wire, shape, memory);
    std::byte* data = memory.data() + wire.offset;
    Tensor lent = Tensor::borrow(DType::kUint8, Shape{static_cast<int64_t>(wire.length)}, data,
                                 release, context);
    release = nullptr;
    lent.block()->arena = arena;
    lent.block()->offset = wire.offset;
    return Tensor::view(lent.block(), type, shape, data, wire.length);
  };
  auto tensor = view();
  if (release) release(context);
  if (tensor.ok()) finish(*tensor, wire);
  return tensor;
}

Result<Tensor> checked_input(const TensorWire& wire, std::span<const Tensor> inputs,
                             const std::byte* memory) {
  LEAT_ASSIGN(Shape shape, checked_shape(wire));
  auto type = static_cast<DType>(wire.dtype);
  const bool texts = has_spans(type, shape);
  for (const Tensor& input : inputs) {
    if (!input) continue;
    if (wire.arena != 0 && wire.arena != input.block()->arena) continue;
    TensorWire whole =
        tell(input, Whose::kServers,
             wire.arena == 0 ? memory : input.block()->payload - input.block()->offset);
    if (has_spans(input.dtype(), input.shape())) {
      // Rows of it, or one of the texts itself.
      if (!(texts ? within(wire, whole) && (wire.offset - whole.offset) % sizeof(ByteSpan) == 0
                  : type == DType::kBytes && is_text_of(wire, whole, input))) {
        continue;
      }
    } else if (texts || !within(wire, whole)) {
      continue;
    }
    if (wire.offset % alignment(type, shape) != 0) return wrong("it is not aligned");
    Tensor tensor = Tensor::view(input.block(), type, shape,
                                 input.block()->payload + (wire.offset - whole.base), wire.length);
    finish(tensor, wire);
    return tensor;
  }
  return wrong("it lies in none of the inputs");
}

}  // namespace leat
