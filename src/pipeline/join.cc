#include "pipeline/join.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "base/text.h"
#include "pipeline/executor.h"

namespace leat {

namespace {

const Tensor& input_of(const BatchMember& member, size_t port) {
  return read_item(*member.node->frame, member.step->inputs[port][0])->tensor();
}

// Lays `from` (shape `small`) into the corner of `to` (shape `large`), from `axis` on inwards.
void lay(const std::byte* from, const Shape& small, std::byte* to, const Shape& large, int axis,
         size_t element) {
  size_t from_bytes = element, to_bytes = element;
  bool alike = true;
  for (int i = axis; i < small.rank(); ++i) {
    alike = alike && (i == axis || small[i] == large[i]);
    from_bytes *= static_cast<size_t>(small[i]);
    to_bytes *= static_cast<size_t>(large[i]);
  }
  if (alike) {  // a piece of rows that are laid out alike
    std::memcpy(to, from, from_bytes);
    return;
  }
  from_bytes /= static_cast<size_t>(std::max<int64_t>(1, small[axis]));
  to_bytes /= static_cast<size_t>(large[axis]);
  for (int64_t i = 0; i < small[axis]; ++i) {
    lay(from, small, to, large, axis + 1, element);
    from += from_bytes;
    to += to_bytes;
  }
}

// Copies `part` into `whole` at `index` along the batch axis. Where the part is shorter than its
// place along another axis, the rest of the place is left as it is.
void copy_into(const Tensor& part, Tensor& whole, int axis, int64_t index) {
  if (part.byte_size() == 0) return;
  size_t stride = dtype_size(part.dtype());
  for (int i = axis + 1; i < whole.shape().rank(); ++i) {
    stride *= static_cast<size_t>(whole.shape()[i]);
  }
  lay(part.data(), part.shape().with(axis, 1),
      whole.mutable_data() + static_cast<size_t>(index) * stride, whole.shape(), 0,
      dtype_size(part.dtype()));
}

void fill(Tensor& tensor, double value) {
  switch (tensor.dtype()) {
#define LEAT_FILL(dtype, type)                                                  \
  case DType::dtype:                                                            \
    std::ranges::fill(tensor.mutable_values<type>(), static_cast<type>(value)); \
    break;
    LEAT_FILL(kBool, uint8_t)
    LEAT_FILL(kUint8, uint8_t)
    LEAT_FILL(kUint16, uint16_t)
    LEAT_FILL(kUint32, uint32_t)
    LEAT_FILL(kUint64, uint64_t)
    LEAT_FILL(kInt8, int8_t)
    LEAT_FILL(kInt16, int16_t)
    LEAT_FILL(kInt32, int32_t)
    LEAT_FILL(kInt64, int64_t)
    LEAT_FILL(kFp32, float)
    LEAT_FILL(kFp64, double)
#undef LEAT_FILL
    case DType::kFp16:
      std::ranges::fill(tensor.mutable_values<uint16_t>(),
                        float_to_half(static_cast<float>(value)));
      break;
    case DType::kBf16:
      std::ranges::fill(
          tensor.mutable_values<uint16_t>(),
          static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(value)) >> 16));
      break;
    case DType::kBytes:
      break;  // compile() refuses to pad text
  }
}

bool side_by_side(std::span<const BatchMember> members, size_t port) {
  for (size_t i = 1; i < members.size(); ++i) {
    const Tensor& last = input_of(members[i - 1], port);
    const Tensor& here = input_of(members[i], port);
    if (here.block() != last.block() || here.data() != last.data() + last.byte_size()) return false;
  }
  return true;
}

Result<Tensor> join_strings(std::span<const BatchMember> members, size_t port, int axis,
                            const Shape& shape) {
  // Axes before the batch axis hold one element of each member in turn.
  int64_t before = 1;
  for (int i = 0; i < axis; ++i) before *= shape[i];
  std::vector<std::string_view> texts;
  texts.reserve(static_cast<size_t>(shape.elements()));
  for (int64_t outer = 0; outer < before; ++outer) {
    for (const BatchMember& member : members) {
      const Tensor& tensor = input_of(member, port);
      int64_t inner = tensor.shape().elements() / before;
      for (int64_t i = 0; i < inner; ++i) texts.push_back(tensor.string(outer * inner + i));
    }
  }
  return Tensor::strings(texts, shape);
}

Result<Tensor> join_port(std::span<const BatchMember> members, size_t port, const Step& step,
                         Arena& arena, std::vector<int64_t>& lengths) {
  const Tensor& first = input_of(members[0], port);
  int axis = step.input_axis[port];
  if (axis < 0) return first;  // every member has the same
  const Pad* pad = step.options.pad && step.options.pad->input == static_cast<int>(port)
                       ? &*step.options.pad
                       : nullptr;
  if (first.shape().rank() == Shape::kMaxRank) {
    return Status(Code::kBadInput,
                  cat("input ", step.input_names[port], ": rank 8 cannot be batched"));
  }
  auto count = static_cast<int64_t>(members.size());
  Shape item = first.shape();
  bool whole = true;  // no member needs filling up
  if (pad) {
    int64_t longest = 0;
    for (const BatchMember& member : members) {
      lengths.push_back(input_of(member, port).shape()[pad->axis]);
      longest = std::max(longest, lengths.back());
    }
    if (pad->multiple > 0) longest = (longest + pad->multiple - 1) / pad->multiple * pad->multiple;
    for (int64_t length : lengths) whole = whole && length == longest;
    item.set(pad->axis, longest);
  }
  Shape shape = item.with(axis, count);
  if (first.dtype() == DType::kBytes) return join_strings(members, port, axis, shape);
  if (whole && axis == 0 && side_by_side(members, port)) {
    return Tensor::view(first.block(), first.dtype(), shape, const_cast<std::byte*>(first.data()),
                        first.byte_size() * members.size());
  }
  if (whole && count == 1) return first.reshaped(shape);
  LEAT_ASSIGN(Tensor batch, allocate_tensor(arena, first.dtype(), shape));
  if (!whole) fill(batch, pad->value);
  for (int64_t i = 0; i < count; ++i) {
    copy_into(input_of(members[static_cast<size_t>(i)], port), batch, axis, i);
  }
  copied_bytes().add(batch.byte_size());
  return batch;
}

// Part `index` of `whole` along `axis`: a view where that is one piece, else a copy.
Result<Tensor> part_of(const Tensor& whole, int axis, int64_t index) {
  if (axis == 0) return whole.row(index);
  Shape shape = whole.shape().without(axis);
  int64_t before = 1, inner = 1;
  for (int i = 0; i < axis; ++i) before *= whole.shape()[i];
  for (int i = axis + 1; i < whole.shape().rank(); ++i) inner *= whole.shape()[i];
  if (whole.dtype() == DType::kBytes) {
    std::vector<std::string_view> texts;
    for (int64_t outer = 0; outer < before; ++outer) {
      for (int64_t i = 0; i < inner; ++i) {
        texts.push_back(whole.string((outer * whole.shape()[axis] + index) * inner + i));
      }
    }
    return Tensor::strings(texts, shape);
  }
  LEAT_ASSIGN(Tensor part, Tensor::allocate(whole.dtype(), shape));
  size_t run = static_cast<size_t>(inner) * dtype_size(whole.dtype());
  for (int64_t outer = 0; outer < before; ++outer) {
    std::memcpy(part.mutable_data() + static_cast<size_t>(outer) * run,
                whole.data() + static_cast<size_t>(outer * whole.shape()[axis] + index) * run, run);
  }
  copied_bytes().add(part.byte_size());
  return part;
}

// The first `length` of `tensor` along `axis`.
Result<Tensor> cut(const Tensor& tensor, int axis, int64_t length) {
  if (length >= tensor.shape()[axis]) return tensor;
  if (axis == 0) return tensor.rows(0, length);
  Shape shape = tensor.shape();
  shape.set(axis, length);
  int64_t before = 1, inner = 1;
  for (int i = 0; i < axis; ++i) before *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  LEAT_ASSIGN(Tensor part, Tensor::allocate(tensor.dtype(), shape));
  size_t element = dtype_size(tensor.dtype()) * static_cast<size_t>(inner);
  for (int64_t outer = 0; outer < before; ++outer) {
    std::memcpy(part.mutable_data() + static_cast<size_t>(outer * length) * element,
                tensor.data() + static_cast<size_t>(outer * tensor.shape()[axis]) * element,
                static_cast<size_t>(length) * element);
  }
  copied_bytes().add(part.byte_size());
  return part;
}

// A small result does not keep a large buffer alive.
Result<Tensor> unpinned(Tensor tensor) {
  constexpr size_t kSmall = 4096;
  if (tensor.byte_size() > kSmall || tensor.dtype() == DType::kBytes ||
      tensor.block()->capacity < 16 * std::max<size_t>(tensor.byte_size(), 64)) {
    return tensor;
  }
  LEAT_ASSIGN(Tensor copy, Tensor::allocate(tensor.dtype(), tensor.shape()));
  std::memcpy(copy.mutable_data(), tensor.data(), tensor.byte_size());
  copied_bytes().add(tensor.byte_size());
  return copy;
}

}  // namespace

void order_by_address(std::span<BatchMember> members) {
  const Step& step = *members[0].step->step;
  for (size_t port = 0; port < step.input_axis.size(); ++port) {
    if (step.input_axis[port] != 0 || members[0].step->inputs[port].empty()) continue;
    std::sort(members.begin(), members.end(), [&](const BatchMember& a, const BatchMember& b) {
      return input_of(a, port).data() < input_of(b, port).data();
    });
    return;
  }
}

Status join(std::span<const BatchMember> members, Arena& arena, std::vector<Tensor>& inputs,
            std::vector<int64_t>& lengths) {
  const Step& step = *members[0].step->step;
  inputs.clear();
  inputs.resize(step.input_axis.size());
  for (size_t port = 0; port < inputs.size(); ++port) {
    if (step.options.pad && step.options.pad->lengths == static_cast<int>(port)) continue;
    LEAT_ASSIGN(inputs[port], join_port(members, port, step, arena, lengths));
  }
  if (!step.options.pad || step.options.pad->lengths < 0) return {};
  auto port = static_cast<size_t>(step.options.pad->lengths);
  Shape shape{static_cast<int64_t>(members.size())};
  DType type = step.model->inputs()[port].type.dtype().value_or(DType::kInt64);
  LEAT_ASSIGN(inputs[port], allocate_tensor(arena, type, shape));
  for (size_t i = 0; i < members.size(); ++i) {
    if (type == DType::kInt32) {
      inputs[port].mutable_values<int32_t>()[i] = static_cast<int32_t>(lengths[i]);
    } else {
      inputs[port].mutable_values<int64_t>()[i] = lengths[i];
    }
  }
  return {};
}

int64_t joined_bytes(std::span<const BatchMember> members) {
  size_t bytes = 0;
  for (const BatchMember& member : members) {
    const Step& step = *member.step->step;
    for (size_t port = 0; port < step.input_axis.size(); ++port) {
      if (step.input_axis[port] < 0 || member.step->inputs[port].empty()) continue;
      bytes += input_of(member, port).byte_size();
    }
  }
  return static_cast<int64_t>(bytes);
}

Status split(std::span<const BatchMember> members, std::span<Tensor> outputs,
             std::span<const int64_t> lengths) {
  auto count = static_cast<int64_t>(members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    const Step& step = *members[i].step->step;
    Frame& frame = *members[i].node->frame;
    for (size_t port = 0; port < step.outputs.size(); ++port) {
      const Tensor& whole = outputs[static_cast<size_t>(step.model_outputs[port])];
      int axis = step.output_axis[port];
      Value& slot = frame.slot(static_cast<size_t>(step.first_slot) + port);
      if (axis < 0) {
        slot = Value(whole);
        continue;
      }
      if (axis >= whole.shape().rank() || whole.shape()[axis] != count) {
        return Status(Code::kStepFailed,
                      cat("output ", step.output_names[port], " has shape ", whole.shape().text(),
                          " for a batch of ", count, ", so axis ", axis, " is not its batch axis"));
      }
      LEAT_ASSIGN(Tensor part, part_of(whole, axis, static_cast<int64_t>(i)));
      for (const Trim& trim : step.options.trim) {
        if (trim.output != static_cast<int>(port) || lengths.empty()) continue;
        auto keep = static_cast<int64_t>(std::ceil(static_cast<double>(lengths[i]) * trim.scale));
        LEAT_ASSIGN(part, cut(part, trim.axis, keep));
      }
      LEAT_ASSIGN(part, unpinned(std::move(part)));
      slot = Value(std::move(part));
    }
  }
  return {};
}

}  // namespace leat
