#include "plugin/translate.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace leat {

static_assert(sizeof(leat_block) == sizeof(Block) && std::is_standard_layout_v<Block>);
static_assert(offsetof(leat_block, refs) == offsetof(Block, refs));
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
static_assert(offsetof(leat_block, payload) == offsetof(Block, payload));
static_assert(offsetof(leat_block, release) == offsetof(Block, release));
static_assert(sizeof(leat_tensor) == 128 && sizeof(leat_value) == 56);
static_assert(sizeof(leat_image_need) == 96 && sizeof(leat_dim) == 24);
static_assert(Shape::kMaxRank == 8);
static_assert(std::endian::native == std::endian::little);

void CTypes::set(size_t i, const Type& type) {
  for (const Dim& dim : type.dims) dims_[i].push_back({dim.size, to_c(dim.name)});
  types_[i] = {sizeof(leat_type),
               type.dtypes,
               static_cast<uint8_t>(type.open),
               static_cast<uint8_t>(type.image),
               static_cast<uint32_t>(type.dims.size()),
               0,
               dims_[i].data()};
  pointers_[i] = &types_[i];
}

Type from_c(const leat_type& type) {
  Type out;
  out.dtypes = type.dtypes;
  out.open = type.open != 0;
  out.image = type.image != 0;
  out.dims.reserve(type.rank);
  for (uint32_t i = 0; i < type.rank; ++i) {
    out.dims.push_back({type.dims[i].size, std::string(from_c(type.dims[i].name))});
  }
  return out;
}

CValue::CValue(const ParamValue& value) {
  value_.kind = static_cast<uint32_t>(value.index());
  if (const auto* integer = std::get_if<int64_t>(&value)) value_.integer = *integer;
  if (const auto* real = std::get_if<double>(&value)) value_.real = *real;
  if (const auto* flag = std::get_if<bool>(&value)) value_.integer = *flag;
  if (const auto* text = std::get_if<std::string>(&value)) value_.text = to_c(*text);
  if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
    value_.reals = reals->data();
    value_.count = static_cast<uint32_t>(reals->size());
  }
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& text : *texts) texts_.push_back(to_c(text));
    value_.texts = texts_.data();
    value_.count = static_cast<uint32_t>(texts_.size());
  }
}

bool from_c(const leat_value& value, ParamValue& to) {
  switch (value.kind) {
    case 0:
      to = std::monostate();
      return true;
    case 1:
      to = value.integer;
      return true;
    case 2:
      to = value.real;
      return true;
    case 3:
      to = value.integer != 0;
      return true;
    case 4:
      to.emplace<std::string>(from_c(value.text));
      return true;
    case 5:
      to.emplace<std::vector<double>>(value.reals, value.reals + value.count);
      return true;
    case 6: {
      auto& texts = to.emplace<std::vector<std::string>>();
      for (uint32_t i = 0; i < value.count; ++i) texts.emplace_back(from_c(value.texts[i]));
      return true;
    }
    default:
      return false;
  }
}

void to_c(const Tensor& from, leat_tensor& to) {
  std::memset(&to, 0, sizeof to);
  if (!from) return;
  to.block = reinterpret_cast<leat_block*>(from.block());
  to.data = const_cast<std::byte*>(from.data());
  to.bytes = from.byte_size();
  to.dtype = static_cast<uint8_t>(from.dtype());
  to.rank = static_cast<uint8_t>(from.shape().rank());
  std::ranges::copy(from.shape().dims(), to.dims);
  attributes_to_c(from, to);
}

void attributes_to_c(const Tensor& from, leat_tensor& to) {
  if (from.shape().rank() != 3) return;
  const ImageSize full = from.full_size();
  const bool reduced = full.height != from.shape()[0] || full.width != from.shape()[1];
  to.full_width = reduced ? full.width : 0;
  to.full_height = reduced ? full.height : 0;
}

void attributes_from_c(const leat_tensor& from, Tensor& to) {
  to.set_full_size({from.full_width, from.full_height});
}

Tensor from_c(const leat_tensor& from) {
  if (!from.block) return {};
  Tensor out = Tensor::view(reinterpret_cast<Block*>(from.block), static_cast<DType>(from.dtype),
                            Shape(std::span<const int64_t>(from.dims, from.rank)),
                            static_cast<std::byte*>(from.data), from.bytes);
  attributes_from_c(from, out);
  return out;
}

bool sound(const leat_tensor& tensor) {
  if (tensor.dtype >= kDTypes || tensor.rank > Shape::kMaxRank) return false;
  const auto type = static_cast<DType>(tensor.dtype);
  if (type == DType::kBytes && tensor.rank == 0) return true;
  auto bytes = Shape(std::span<const int64_t>(tensor.dims, tensor.rank)).bytes(type);
  return bytes.ok() && *bytes == tensor.bytes;
}

void Failure::set(void* context, int32_t code, leat_text message) {
  const bool known = code > 0 && code <= static_cast<int32_t>(Code::kInternal);
  static_cast<Failure*>(context)->status_ =
      Status(known ? static_cast<Code>(code) : Code::kStepFailed, std::string(from_c(message)));
}

Status Failure::status(std::string_view silent) {
  if (status_.ok()) return Status(Code::kStepFailed, std::string(silent));
  return std::move(status_);
}

int32_t tell(const Status& status, const leat_error* error) {
  if (status.ok()) return 0;
  error->set(error->context, static_cast<int32_t>(status.code()), to_c(status.message()));
  return 1;
}

}  // namespace leat
