#include "pipeline/constant.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace leat {

namespace {

struct Leaves {
  std::vector<const Node*> nodes;
  Shape shape;
};

Status collect(const Node& node, int depth, Leaves& out) {
  if (node.kind != Node::Kind::kList) {
    if (!node.is_text()) {
      return Status(Code::kBadInput,
                    cat("a constant is a number, text, bool or nested lists of these, not ",
                        node.description()));
    }
    if (depth != out.shape.rank()) {
      return Status(Code::kBadInput, "the lists of a constant must be nested to the same depth");
    }
    out.nodes.push_back(&node);
    return {};
  }
  auto size = static_cast<int64_t>(node.list.size());
  if (depth == out.shape.rank()) {
    if (!out.nodes.empty() || depth == Shape::kMaxRank) {
      return Status(Code::kBadInput,
                    "the lists of a constant must be nested to the same depth, "
                    "of at most 8");
    }
    out.shape = out.shape.with(depth, size);
  } else if (out.shape[depth] != size) {
    return Status(Code::kBadInput, cat("the lists of a constant must be of equal length: ",
                                       out.shape[depth], " and ", size, " found"));
  }
  for (const Node& child : node.list) LEAT_TRY(collect(child, depth + 1, out));
  return {};
}

uint16_t half(double value) {
  // Scaled so that the unit of the last place is 1, rounded to even there, and packed.
  auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
  double size = std::fabs(value);
  if (std::isnan(size)) return sign | 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
  auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  // Units of a normal number carry the hidden bit 1 << 10, which counts the exponent up by one.
  return static_cast<uint16_t>(sign | ((static_cast<uint32_t>(exponent + 14) << 10) + units));
}

uint16_t bfloat(double value) {
  auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  if (std::isnan(value)) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

template <typename T>
bool put_integer(const Node& node, std::byte* at) {
  auto number = node.integer();
  if (!number && node.number() && std::fabs(*node.number()) < 0x1p53 &&
      *node.number() == std::trunc(*node.number())) {
    number = static_cast<int64_t>(*node.number());
  }
  if (!number || !std::in_range<T>(*number)) return false;
  T value = static_cast<T>(*number);
  std::memcpy(at, &value, sizeof value);
  return true;
}

template <typename T>
bool put_real(const Node& node, std::byte* at, T (*convert)(double), double largest) {
  auto number = node.number();
  if (!number || (std::isfinite(*number) && std::fabs(*number) > largest)) return false;
  T value = convert(*number);
  std::memcpy(at, &value, sizeof value);
  return true;
}

// False when `node` is no value of `type`. BYTES apart.
bool put(const Node& node, DType type, std::byte* at) {
  switch (type) {
    case DType::kBool: {
      auto flag = node.flag();
      if (flag) *at = static_cast<std::byte>(*flag ? 1 : 0);
      return flag.has_value();
    }
    case DType::kUint8:
      return put_integer<uint8_t>(node, at);
    case DType::kUint16:
      return put_integer<uint16_t>(node, at);
    case DType::kUint32:
      return put_integer<uint32_t>(node, at);
    case DType::kUint64:
      return put_integer<uint64_t>(node, at);
    case DType::kInt8:
      return put_integer<int8_t>(node, at);
    case DType::kInt16:
      return put_integer<int16_t>(node, at);
    case DType::kInt32:
      return put_integer<int32_t>(node, at);
    case DType::kInt64:
      return put_integer<int64_t>(node, at);
    case DType::kFp16:
      return put_real<uint16_t>(node, at, half, 65504);
    case DType::kBf16:
      return put_real<uint16_t>(node, at, bfloat, 3.38e38);
    case DType::kFp32:
      return put_real<float>(
          node, at, [](double x) { return static_cast<float>(x); },
          std::numeric_limits<float>::max());
    case DType::kFp64:
      return put_real<double>(
          node, at, [](double x) { return x; }, std::numeric_limits<double>::max());
    case DType::kBytes:
      return false;
  }
  return false;
}

bool is_string(const Node& node) { return node.quoted || (!node.number() && !node.flag()); }

const Node* first_that_does_not_fit(const Leaves& leaves, DType type) {
  std::byte scratch[8];
  for (const Node* node : leaves.nodes) {
    if (type == DType::kBytes ? !is_string(*node) : !put(*node, type, scratch)) return node;
  }
  return nullptr;
}

}  // namespace

Result<Tensor> make_constant(const Node& value, const Type& wanted) {
  Leaves leaves;
  LEAT_TRY(collect(value, 0, leaves));
  std::optional<DType> type = wanted.dtype();
  for (DType usual : {DType::kInt64, DType::kFp32, DType::kBytes, DType::kBool}) {
    if (!type && wanted.allows(usual) && !first_that_does_not_fit(leaves, usual)) type = usual;
  }
  for (int i = 0; i < kDTypes && !type; ++i) {
    auto candidate = static_cast<DType>(i);
    if (wanted.allows(candidate) && !first_that_does_not_fit(leaves, candidate)) type = candidate;
  }
  if (!type) {
    const Node* first = leaves.nodes.empty() ? &value : leaves.nodes[0];
    return Status(Code::kBadInput, cat(first->description(), " found, ", wanted.text(), " wanted"));
  }
  if (const Node* bad = first_that_does_not_fit(leaves, *type)) {
    return Status(Code::kBadInput,
                  cat(bad->description(), " found, ", dtype_name(*type), " wanted",
                      *type == DType::kBytes ? " (put it in quotes to make it a text)" : ""));
  }
  if (std::string why = wanted.mismatch(*type, leaves.shape); !why.empty()) {
    return Status(Code::kBadInput, why);
  }
  if (*type == DType::kBytes) {
    std::vector<std::string_view> texts;
    for (const Node* node : leaves.nodes) texts.push_back(node->text);
    if (leaves.shape.rank() == 0) return Tensor::bytes(texts[0]);
    return Tensor::strings(texts, leaves.shape);
  }
  LEAT_ASSIGN(Tensor tensor, Tensor::allocate(*type, leaves.shape));
  std::byte* at = tensor.mutable_data();
  for (const Node* node : leaves.nodes) {
    put(*node, *type, at);
    at += dtype_size(*type);
  }
  return tensor;
}

}  // namespace leat
