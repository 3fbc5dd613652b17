#include "serve/protocol/run_request.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "memory/arena.h"
#include "serve/protocol/base64.h"
#include "serve/protocol/multipart.h"

namespace leat {

namespace {

bool takes_bytes(const Port& port) { return port.type.dtype() == DType::kBytes; }

std::vector<std::string> names_of(const std::vector<Port>& ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  return names;
}

Status unknown(const Pipeline& pipeline, std::string_view name) {
  auto names = names_of(pipeline.inputs());
  return Status(Code::kBadInput,
                cat("there is no input \"", name, "\"; allowed: ", join_or(names)));
}

// The shape of a nested list, from its first elements; the others are checked against it.
Status shape_of(Json json, Shape& shape) {
  while (json.is(Json::Kind::kArray)) {
    if (shape.rank() == Shape::kMaxRank) {
      return Status(Code::kBadInput, cat("the list is nested deeper than the ", Shape::kMaxRank,
                                         " levels that a tensor may have"));
    }
    shape = shape.with(shape.rank(), static_cast<int64_t>(json.size()));
    std::optional<Json> first;
    Status stop = json.each([&](Json inner) {
      first = inner;
      return Status(Code::kCancelled, "");  // the first is enough
    });
    if (!first) break;
    json = *first;
  }
  return {};
}

Status check_shape(const Json& json, const Shape& shape, int axis) {
  if (axis == shape.rank()) {
    if (json.is(Json::Kind::kArray)) {
      return Status(Code::kBadInput, cat("the list is ragged: a list stands where shape ",
                                         shape.text(), " has an element"));
    }
    return {};
  }
  if (!json.is(Json::Kind::kArray) || static_cast<int64_t>(json.size()) != shape[axis]) {
    return Status(Code::kBadInput,
                  cat("the list is ragged: ",
                      json.is(Json::Kind::kArray) ? cat(json.size(), " elements") : json.describe(),
                      " where ", shape[axis], " elements were expected (level ", axis, ")"));
  }
  return json.each([&](Json inner) { return check_shape(inner, shape, axis + 1); });
}

// {"b64": "..."} or a text. `decoded` holds what was decoded.
Result<std::string_view> bytes_of(const Json& json, std::vector<std::string>& decoded) {
  if (json.is(Json::Kind::kString)) return json.text();
  std::optional<Json> packed;
  if (json.is(Json::Kind::kObject) && json.size() == 1) {
    Status ignored = json.members([&](std::string_view key, Json value) {
      if (key == "b64" && value.is(Json::Kind::kString)) packed = value;
      return Status();
    });
  }
  if (!packed) {
    return Status(Code::kBadInput,
                  cat("BYTES is ", json.describe(), "; allowed: a text or {\"b64\": \"...\"}"));
  }
  auto bytes = base64_decoded(packed->text());
  if (!bytes) return Status(Code::kBadInput, "the text of \"b64\" is not base64");
  decoded.push_back(*std::move(bytes));
  return std::string_view(decoded.back());
}

Status collect(const Json& json, std::vector<std::string_view>& texts,
               std::vector<std::string>& decoded) {
  if (json.is(Json::Kind::kArray)) {
    return json.each([&](Json inner) { return collect(inner, texts, decoded); });
  }
  LEAT_ASSIGN(std::string_view bytes, bytes_of(json, decoded));
  texts.push_back(bytes);
  return {};
}

// Of the types that a port takes, the one that JSON most likely means.
DType pick_type(const Type& type, const Json& json, const Shape& shape) {
  if (auto only = type.dtype()) return *only;
  Json leaf = json;
  for (int i = 0; i < shape.rank(); ++i) {
    std::optional<Json> first;
    Status stop = leaf.each([&](Json inner) {
      first = inner;
      return Status(Code::kCancelled, "");
    });
    if (!first) break;
    leaf = *first;
  }
  constexpr DType texts[] = {DType::kBytes};
  constexpr DType flags[] = {DType::kBool, DType::kUint8};
  constexpr DType numbers[] = {DType::kFp32, DType::kFp64, DType::kInt64, DType::kInt32,
                               DType::kFp16, DType::kBf16, DType::kUint8};
  std::span<const DType> likely = leaf.is(Json::Kind::kString) || leaf.is(Json::Kind::kObject)
                                      ? std::span<const DType>(texts)
                                  : leaf.is(Json::Kind::kBool) ? std::span<const DType>(flags)
                                                               : std::span<const DType>(numbers);
  for (DType dtype : likely) {
    if (type.allows(dtype)) return dtype;
  }
  for (int i = 0; i < kDTypes; ++i) {
    if (type.allows(static_cast<DType>(i))) return static_cast<DType>(i);
  }
  return DType::kFp32;
}

Result<Tensor> tensor_of(const Type& type, const Json& json) {
  Shape shape;
  LEAT_TRY(shape_of(json, shape));
  LEAT_TRY(check_shape(json, shape, 0));
  DType dtype = pick_type(type, json, shape);
  if (dtype == DType::kBytes) {
    std::vector<std::string_view> texts;
    std::vector<std::string> decoded;
    decoded.reserve(static_cast<size_t>(shape.elements()));  // views into it stay valid
    LEAT_TRY(collect(json, texts, decoded));
    return Tensor::strings(texts, shape);
  }
  LEAT_ASSIGN(Tensor tensor, Tensor::allocate(dtype, shape));
  LEAT_TRY(json.numbers(dtype, tensor.mutable_data(), static_cast<size_t>(shape.elements())));
  return tensor;
}

Status set_json(const Pipeline& pipeline, std::string_view name, const Json& value,
                Request& request) {
  const std::vector<Port>& ports = pipeline.inputs();
  auto port = std::ranges::find(ports, name, &Port::name);
  if (port == ports.end()) return unknown(pipeline, name);
  auto index = static_cast<size_t>(port - ports.begin());
  if (request.inputs()[index].present()) {
    return Status(Code::kBadInput, cat("input \"", name, "\" is given twice"));
  }
  if (value.is(Json::Kind::kNull) && port->optional) return {};
  auto tensor = tensor_of(port->type, value);
  if (!tensor.ok()) return tensor.status().within(cat("input \"", name, "\""));
  request.set(index, *std::move(tensor));
  return {};
}

Result<Json> parse(std::string_view text, size_t most, JsonDocument& document) {
  if (text.size() > most) {
    return Status(Code::kTooLarge, cat("the JSON has ", text.size(), " bytes; at most ", most,
                                       " are allowed: send tensors through the protocol, as binary "
                                       "data"));
  }
  return document.parse(text);
}

Tensor view_of(const Body& body, std::string_view bytes) {
  auto* data = reinterpret_cast<std::byte*>(const_cast<char*>(bytes.data()));
  return Tensor::view(body.block, DType::kBytes, Shape{}, data, bytes.size());
}

// A pipeline that takes N items takes one as N = 1.
Value as_item(const Pipeline& pipeline, Tensor bytes) {
  return pipeline.batched() ? bytes.reshaped(Shape{1}) : std::move(bytes);
}

Status read_form(const Pipeline& pipeline, const Body& body, std::string_view content_type,
                 size_t most_json, JsonDocument& document, Request& request) {
  LEAT_ASSIGN(std::vector<FormField> fields, parse_form(content_type, body.text()));
  for (const FormField& field : fields) {
    const std::vector<Port>& ports = pipeline.inputs();
    auto port = std::ranges::find(ports, field.name, &Port::name);
    if (port == ports.end()) return unknown(pipeline, field.name);
    if (takes_bytes(*port) && port->type.dims.empty()) {
      auto index = static_cast<size_t>(port - ports.begin());
      if (request.inputs()[index].present()) {
        return Status(Code::kBadInput, cat("input \"", field.name, "\" is given twice"));
      }
      request.set(index, as_item(pipeline, view_of(body, field.value)));
      continue;
    }
    // What follows the field is the rest of the form, so a parser may read past its end.
    auto json = parse(field.value, most_json, document);
    if (!json.ok()) return json.status().within(cat("input \"", field.name, "\""));
    LEAT_TRY(set_json(pipeline, field.name, *json, request));
  }
  return {};
}

}  // namespace

Status parse_run(const Pipeline& pipeline, const Body& body, std::string_view content_type,
                 size_t most_json, JsonDocument& document, Request& request) {
  if (content_type.starts_with("multipart/")) {
    return read_form(pipeline, body, content_type, most_json, document, request);
  }
  const std::vector<Port>& ports = pipeline.inputs();
  bool is_json = content_type.starts_with("application/json");
  size_t bytes_input = ports.size();
  size_t needed = 0;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].optional) continue;
    ++needed;
    if (takes_bytes(ports[i])) bytes_input = i;
  }
  if (!is_json && needed == 1 && bytes_input < ports.size()) {
    if (body.size == 0) {
      return Status(Code::kBadInput,
                    cat("the body is empty; it is the input \"", ports[bytes_input].name, "\""));
    }
    request.set(bytes_input, as_item(pipeline, view_of(body, body.text())));
    return {};
  }
  if (body.size == 0) {
    if (needed == 0) return {};
    return Status(Code::kBadInput, cat("the body is empty; a JSON object of the inputs ",
                                       join_or(names_of(ports)), " is wanted"));
  }
  LEAT_ASSIGN(Json json, parse(body.text(), most_json, document));
  if (!json.is(Json::Kind::kObject)) {
    return Status(Code::kBadInput,
                  cat("the body is ", json.describe(), "; a JSON object of the inputs ",
                      join_or(names_of(ports)), " is wanted"));
  }
  return json.members(
      [&](std::string_view name, Json value) { return set_json(pipeline, name, value, request); });
}

}  // namespace leat
