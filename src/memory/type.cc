#include "leat/type.h"

#include <cctype>

#include "base/text.h"

namespace leat {

namespace {

constexpr uint16_t kNumbers = Type::kAny & ~(1 << static_cast<int>(DType::kBytes));

Status wrong(std::string_view text, std::string_view why) {
  return Status(Code::kBadInput, cat("\"", text, "\" is no type: ", why,
                                     " (examples: BYTES, FP32[3,224,224], "
                                     "FP32[n,4], UINT8[?,?,3])"));
}

bool is_name(std::string_view text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0]))) return false;
  for (char c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  return true;
}

}  // namespace

Result<Type> Type::parse(std::string_view text) {
  std::string_view whole = text;
  text = trim(text);
  if (text == "IMAGE") {
    Type type = exactly(DType::kUint8, Shape{-1, -1, 3});
    type.image = true;
    return type;
  }
  Type type;
  size_t bracket = text.find('[');
  for (std::string_view name : split(text.substr(0, bracket), '|')) {
    name = trim(name);
    if (name == "ANY") {
      type.dtypes |= kAny;
    } else if (name == "NUMBER") {
      type.dtypes |= kNumbers;
    } else {
      auto dtype = parse_dtype(name);
      if (!dtype.ok()) return dtype.status();
      type.dtypes |= static_cast<uint16_t>(1 << static_cast<int>(*dtype));
    }
  }
  if (bracket == std::string_view::npos) return type;
  if (text.back() != ']') return wrong(whole, "no closing ]");
  text = trim(text.substr(bracket + 1, text.size() - bracket - 2));
  if (text.empty()) return type;
  for (std::string_view part : split(text, ',')) {
    part = trim(part);
    if (type.open) return wrong(whole, "\"...\" must come last");
    Dim dim;
    if (part == "...") {
      type.open = true;
      continue;
    }
    if (is_name(part)) {
      dim.name = part;
    } else if (part != "?" && part != "-1") {
      auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), dim.size);
      if (part.empty() || error != std::errc() || end != part.data() + part.size() ||
          dim.size < 0) {
        return wrong(whole, cat("\"", part, "\" is no dimension"));
      }
    }
    if (type.dims.size() == Shape::kMaxRank) return wrong(whole, "more than 8 dimensions");
    type.dims.push_back(std::move(dim));
  }
  return type;
}

Type Type::of(std::string_view text) {
  auto type = parse(text);
  assert(type.ok());
  return *std::move(type);
}

Type Type::exactly(DType dtype, const Shape& shape) {
  Type type;
  type.dtypes = static_cast<uint16_t>(1 << static_cast<int>(dtype));
  for (int64_t size : shape.dims()) type.dims.push_back({size, ""});
  return type;
}

std::optional<DType> Type::dtype() const {
  if (!std::has_single_bit(dtypes)) return std::nullopt;
  return static_cast<DType>(std::countr_zero(dtypes));
}

bool Type::fixed() const {
  if (!dtype() || open) return false;
  for (const Dim& dim : dims) {
    if (dim.size < 0) return false;
  }
  return true;
}

Shape Type::shape() const {
  assert(!open);
  Shape shape;
  for (const Dim& dim : dims) shape = shape.with(shape.rank(), dim.size);
  return shape;
}

std::string Type::mismatch(const Type& given) const {
  if ((dtypes & given.dtypes) == 0) return cat(given.text(), " given, ", text(), " wanted");
  size_t common = std::min(dims.size(), given.dims.size());
  bool rank_fits = (dims.size() <= given.dims.size() || given.open) &&
                   (given.dims.size() <= dims.size() || open);
  if (!rank_fits) {
    return cat(given.text(), " has rank ", given.dims.size(), ", ", text(), " wanted");
  }
  for (size_t i = 0; i < common; ++i) {
    if (dims[i].size >= 0 && given.dims[i].size >= 0 && dims[i].size != given.dims[i].size) {
      return cat(given.text(), " given, ", text(), " wanted (dimension ", i, ")");
    }
  }
  return {};
}

std::string Type::mismatch(DType dtype, const Shape& given) const {
  bool fits = allows(dtype) && (open ? static_cast<size_t>(given.rank()) >= dims.size()
                                     : static_cast<size_t>(given.rank()) == dims.size());
  for (size_t i = 0; fits && i < dims.size(); ++i) {
    fits = dims[i].size < 0 || dims[i].size == given[static_cast<int>(i)];
  }
  if (fits) return {};
  return cat(dtype_name(dtype), given.text(), " given, ", text(), " wanted");
}

std::string Type::text() const {
  if (image) return "IMAGE";
  std::string out;
  if (dtypes == kAny) {
    out = "ANY";
  } else if (dtypes == kNumbers) {
    out = "NUMBER";
  } else {
    for (int i = 0; i < kDTypes; ++i) {
      if (!allows(static_cast<DType>(i))) continue;
      if (!out.empty()) out += '|';
      out += dtype_name(static_cast<DType>(i));
    }
  }
  if (dims.empty() && !open) return out;
  out += '[';
  for (const Dim& dim : dims) {
    if (out.back() != '[') out += ',';
    if (dim.size >= 0) {
      append_to(out, dim.size);
    } else {
      out += dim.name.empty() ? "?" : dim.name;
    }
  }
  if (open) out += out.back() == '[' ? "..." : ",...";
  return out + ']';
}

}  // namespace leat
