#include "serve/protocol/infer_request.h"

#include <algorithm>

#include "base/text.h"
#include "serve/protocol/binary.h"

namespace leat {

namespace {

std::string named(const std::vector<Port>& ports, std::string_view kind, std::string_view name) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  std::string_view near = nearest(name, names);
  std::string out = cat("there is no ", kind, " \"", name, "\"");
  if (!near.empty()) return cat(out, "; did you mean \"", near, "\"?");
  return names.empty() ? cat(out, "; there are none") : cat(out, "; allowed: ", join_or(names));
}

std::optional<size_t> place_of(const std::vector<Port>& ports, std::string_view name) {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return i;
  }
  return std::nullopt;
}

Status wrong(std::string_view field, const Json& given, std::string_view allowed) {
  return Status(Code::kBadInput, cat(field, " is ", given.describe(), "; allowed: ", allowed));
}

Status shape_of(const Json& json, Shape& shape) {
  if (!json.is(Json::Kind::kArray)) return wrong("shape", json, "an array of sizes");
  if (json.size() > Shape::kMaxRank) {
    return Status(Code::kBadInput, cat("shape has ", json.size(), " dimensions; at most ",
                                       Shape::kMaxRank, " are allowed"));
  }
  return json.each([&](Json size) -> Status {
    auto whole = size.whole();
    if (!whole || *whole < 0) {
      return wrong(cat("dimension ", shape.rank(), " of shape"), size, "a whole number, 0 or more");
    }
    shape = shape.with(shape.rank(), *whole);
    return {};
  });
}

Status collect_texts(const Json& json, std::vector<std::string_view>& texts) {
  if (json.is(Json::Kind::kArray)) {
    return json.each([&](Json inner) { return collect_texts(inner, texts); });
  }
  if (!json.is(Json::Kind::kString)) {
    return Status(Code::kBadInput, cat("element ", texts.size(), " is ", json.describe(),
                                       ", which is no BYTES: a "
                                       "text is wanted"));
  }
  texts.push_back(json.text());
  return {};
}

Result<Tensor> tensor_of(const Json& data, DType type, const Shape& shape) {
  if (!data.is(Json::Kind::kArray)) return wrong("data", data, "an array");
  LEAT_ASSIGN(size_t bytes, shape.bytes(type));
  auto count = static_cast<size_t>(shape.elements());
  if (type == DType::kFp16 || type == DType::kBf16) {
    return Status(Code::kBadInput, cat(dtype_name(type),
                                       " cannot come as JSON; send it as binary "
                                       "data"));
  }
  if (type == DType::kBytes) {
    std::vector<std::string_view> texts;
    LEAT_TRY(collect_texts(data, texts));
    if (texts.size() != count) {
      return Status(Code::kBadInput, cat(texts.size(), " elements given, ", count, " wanted"));
    }
    return Tensor::strings(texts, shape);
  }
  // Each element takes a byte of the document at least; it was small enough to be read.
  constexpr size_t kMost = size_t{1} << 32;
  if (bytes > kMost) {
    return Status(Code::kBadInput,
                  cat("shape ", shape.text(), " has ", count, " elements, more than were given"));
  }
  LEAT_ASSIGN(Tensor tensor, Tensor::allocate(type, shape));
  LEAT_TRY(data.numbers(type, tensor.mutable_data(), count));
  return tensor;
}

struct TensorFields {
  std::optional<Json> name, shape, datatype, data, parameters;
};

class Reader {
 public:
  Reader(const Pipeline& pipeline, const Body& body, std::string_view binary, Request& request,
         InferRequest& wanted)
      : pipeline_(pipeline), body_(body), binary_(binary), request_(request), wanted_(wanted) {}

  Status read(const Json& document) {
    if (!document.is(Json::Kind::kObject)) return wrong("the request", document, "an object");
    std::optional<Json> inputs, outputs, parameters;
    LEAT_TRY(document.members([&](std::string_view key, Json value) -> Status {
      if (key == "inputs") return once(inputs, key, value);
      if (key == "outputs") return once(outputs, key, value);
      if (key == "parameters") return once(parameters, key, value);
      if (key == "id") {
        if (!value.is(Json::Kind::kString)) return wrong("id", value, "a text");
        wanted_.id = value.text();
        wanted_.has_id = true;
      }
      return {};
    }));
    if (parameters) LEAT_TRY(read_parameters(*parameters));
    if (!inputs) return Status(Code::kBadInput, "the request has no \"inputs\"");
    if (!inputs->is(Json::Kind::kArray)) return wrong("inputs", *inputs, "an array");
    size_t index = 0;
    LEAT_TRY(inputs->each([&](Json input) { return read_input(input, index++); }));
    if (!binary_.empty()) {
      return Status(Code::kBadInput, cat(binary_.size(),
                                         " bytes of binary data are left over after "
                                         "the inputs that announced theirs"));
    }
    if (outputs) {
      if (!outputs->is(Json::Kind::kArray)) return wrong("outputs", *outputs, "an array");
      index = 0;
      LEAT_TRY(outputs->each([&](Json output) { return read_output(output, index++); }));
      wanted_.all_outputs = wanted_.wanted.empty();
    }
    return {};
  }

 private:
  static Status once(std::optional<Json>& slot, std::string_view key, Json value) {
    if (slot) return Status(Code::kBadInput, cat("\"", key, "\" is given twice"));
    slot = value;
    return {};
  }

  Status read_parameters(const Json& json) {
    if (!json.is(Json::Kind::kObject)) return wrong("parameters", json, "an object");
    return json.members([&](std::string_view key, Json value) -> Status {
      if (key == "binary_data_output") {
        if (!value.is(Json::Kind::kBool))
          return wrong("binary_data_output", value, "true or false");
        wanted_.all_binary = value.boolean();
      } else if (key == "priority") {
        auto priority = value.natural();
        if (!priority || *priority > UINT32_MAX) {
          return wrong("priority", value, "a whole number from 0 (the default) or 1 (the highest)");
        }
        request_.options.priority = static_cast<uint32_t>(*priority);
      } else if (key == "timeout") {
        auto micros = value.natural();
        if (!micros || *micros > INT64_MAX / 1000) {
          return wrong("timeout", value, "a whole number of microseconds");
        }
        auto nanos = static_cast<int64_t>(*micros * 1000);
        int64_t& timeout = request_.options.timeout;
        if (nanos > 0) timeout = timeout > 0 ? std::min(timeout, nanos) : nanos;
      } else if (key.starts_with("sequence_")) {
        bool idle = (value.natural() && *value.natural() == 0) ||
                    (value.is(Json::Kind::kBool) && !value.boolean());
        if (!idle) {
          return Status(Code::kUnsupported, cat(key,
                                                " is not in this build: no pipeline keeps state "
                                                "between requests"));
        }
      }
      return {};
    });
  }

  static Status read_fields(const Json& json, std::string_view list, size_t index,
                            TensorFields& fields) {
    auto place = [&] { return cat(list, "[", index, "]"); };
    if (!json.is(Json::Kind::kObject)) {
      return Status(Code::kBadInput,
                    cat(place(), ": it is ", json.describe(), "; an object is wanted"));
    }
    Status status = json.members([&](std::string_view key, Json value) -> Status {
      if (key == "name") return once(fields.name, key, value);
      if (key == "shape") return once(fields.shape, key, value);
      if (key == "datatype") return once(fields.datatype, key, value);
      if (key == "data") return once(fields.data, key, value);
      if (key == "parameters") return once(fields.parameters, key, value);
      return {};
    });
    if (!status.ok()) return status.within(place());
    if (!fields.name || !fields.name->is(Json::Kind::kString)) {
      return Status(Code::kBadInput, cat(place(), " has no name that is a text"));
    }
    return {};
  }

  Status read_input(const Json& json, size_t index) {
    TensorFields fields;
    if (Status status = read_fields(json, "inputs", index, fields); !status.ok()) return status;
    std::string_view name = fields.name->text();
    auto input = place_of(pipeline_.inputs(), name);
    if (!input) return Status(Code::kBadInput, named(pipeline_.inputs(), "input", name));
    if (request_.inputs()[*input].present()) {
      return Status(Code::kBadInput, cat("input \"", name, "\" is given twice"));
    }
    auto value = input_value(pipeline_.inputs()[*input], fields);
    if (!value.ok()) return value.status().within(cat("input \"", name, "\""));
    request_.set(*input, *std::move(value));
    return {};
  }

  Result<Value> input_value(const Port& port, const TensorFields& fields) {
    if (!fields.datatype || !fields.datatype->is(Json::Kind::kString)) {
      return Status(Code::kBadInput, "it has no datatype that is a text");
    }
    LEAT_ASSIGN(DType type, parse_dtype(fields.datatype->text()));
    if (!fields.shape) return Status(Code::kBadInput, "it has no shape");
    Shape shape;
    LEAT_TRY(shape_of(*fields.shape, shape));
    // The protocol has no scalars: one is written as [1].
    if (port.type.dims.empty() && !port.type.open) {
      int items = pipeline_.batched() ? 1 : 0;  // axes in front of the item's
      if (shape.rank() == items + 1 && shape[items] == 1) shape = shape.without(items);
    }
    std::optional<uint64_t> size;
    if (fields.parameters) {
      if (!fields.parameters->is(Json::Kind::kObject)) {
        return wrong("parameters", *fields.parameters, "an object");
      }
      LEAT_TRY(fields.parameters->members([&](std::string_view key, Json value) -> Status {
        if (key == "binary_data_size") {
          size = value.natural();
          if (!size) return wrong(key, value, "a whole number of bytes");
        } else if (key.starts_with("shared_memory_")) {
          return Status(Code::kUnsupported, "shared memory is not in this build; send the data");
        }
        return {};
      }));
    }
    if (!size) {
      if (!fields.data) {
        return Status(Code::kBadInput, "it has neither data nor the parameter binary_data_size");
      }
      LEAT_ASSIGN(Tensor tensor, tensor_of(*fields.data, type, shape));
      return Value(std::move(tensor));
    }
    if (fields.data) return Status(Code::kBadInput, "it has both data and binary_data_size");
    if (*size > binary_.size()) {
      return Status(Code::kBadInput, cat("binary_data_size is ", *size, "; ", binary_.size(),
                                         " bytes are left of the body (is the header "
                                         "Inference-Header-Content-Length right?)"));
    }
    std::string_view bytes = binary_.substr(0, *size);
    binary_.remove_prefix(*size);
    LEAT_ASSIGN(Tensor tensor, binary_tensor(body_.block, bytes, type, shape));
    return Value(std::move(tensor));
  }

  Status read_output(const Json& json, size_t index) {
    TensorFields fields;
    if (Status status = read_fields(json, "outputs", index, fields); !status.ok()) return status;
    std::string_view name = fields.name->text();
    auto output = place_of(pipeline_.outputs(), name);
    if (!output) return Status(Code::kBadInput, named(pipeline_.outputs(), "output", name));
    for (const WantedOutput& other : wanted_.wanted) {
      if (other.output == *output) {
        return Status(Code::kBadInput, cat("output \"", name, "\" is asked for twice"));
      }
    }
    WantedOutput one{*output, wanted_.all_binary};
    if (fields.parameters) {
      if (!fields.parameters->is(Json::Kind::kObject)) {
        return wrong("parameters", *fields.parameters, "an object")
            .within(cat("outputs[", index, "]"));
      }
      Status status = fields.parameters->members([&](std::string_view key, Json value) -> Status {
        if (key == "binary_data") {
          if (!value.is(Json::Kind::kBool)) return wrong(key, value, "true or false");
          one.binary = value.boolean();
        } else if (key == "classification") {
          auto classes = value.whole();
          if (!classes || *classes < 0) return wrong(key, value, "a whole number, 0 or more");
          one.classes = *classes;
        } else if (key.starts_with("shared_memory_")) {
          return Status(Code::kUnsupported, "shared memory is not in this build");
        }
        return {};
      });
      if (!status.ok()) return status.within(cat("output \"", name, "\""));
    }
    wanted_.wanted.push_back(one);
    return {};
  }

  const Pipeline& pipeline_;
  const Body& body_;
  std::string_view binary_;  // not used up yet
  Request& request_;
  InferRequest& wanted_;
};

// A body that is nothing but the one input's bytes. What the type leaves open must follow from
// them.
Status read_raw(const Pipeline& pipeline, const Body& body, Request& request) {
  if (pipeline.inputs().size() != 1) {
    return Status(Code::kBadInput,
                  cat("a body without JSON is for pipelines with one input; this one "
                      "has ",
                      pipeline.inputs().size()));
  }
  const Port& port = pipeline.inputs()[0];
  auto type = port.type.dtype();
  Shape shape;
  int open = -1;
  size_t known = type ? dtype_size(*type) : 0;
  bool derivable = type && !port.type.open;
  if (derivable) {
    shape = port.type.shape();
    if (pipeline.batched() && shape.rank() < Shape::kMaxRank) shape = shape.with(0, -1);
    for (int i = 0; i < shape.rank(); ++i) {
      if (shape[i] >= 0) {
        known *= static_cast<size_t>(shape[i]);
      } else if (open >= 0) {
        derivable = false;
      } else {
        open = i;
      }
    }
  }
  if (derivable && *type == DType::kBytes) {
    // One element without a length in front of it.
    for (int i = 0; i < shape.rank(); ++i)
      derivable = derivable && (shape[i] == 1 || shape[i] == -1);
    if (derivable) {
      Tensor whole = Tensor::view(body.block, DType::kBytes, Shape{}, body.data, body.size);
      for (int i = 0; i < shape.rank(); ++i) shape.set(i, 1);
      request.set(0, shape.rank() == 0 ? whole : whole.reshaped(shape));
      return {};
    }
  }
  if (!derivable) {
    return Status(Code::kBadInput, cat("the shape of input \"", port.name, "\", ", port.type.text(),
                                       ", does not follow from a body without JSON"));
  }
  if (open >= 0) {
    if (known == 0 || body.size % known != 0) {
      return Status(Code::kBadInput, cat("input \"", port.name, "\": ", body.size,
                                         " bytes are no multiple of ", known));
    }
    shape.set(open, static_cast<int64_t>(body.size / known));
  }
  auto tensor = binary_tensor(body.block, body.text(), *type, shape);
  if (!tensor.ok()) return tensor.status().within(cat("input \"", port.name, "\""));
  request.set(0, *std::move(tensor));
  return {};
}

}  // namespace

void InferRequest::clear() {
  id.clear();
  has_id = false;
  all_outputs = true;
  all_binary = false;
  wanted.clear();
}

Status parse_infer(const Pipeline& pipeline, const Body& body, std::optional<size_t> json_size,
                   size_t most_json, JsonDocument& document, Request& request,
                   InferRequest& wanted) {
  wanted.clear();
  if (body.size == 0) {
    return Status(Code::kBadInput, "the body is empty; a JSON object with \"inputs\" is wanted");
  }
  if (json_size && *json_size == 0) {
    wanted.all_binary = true;
    return read_raw(pipeline, body, request);
  }
  size_t length = json_size.value_or(body.size);
  if (length > body.size) {
    return Status(Code::kBadInput, cat("Inference-Header-Content-Length is ", length,
                                       "; the body has ", body.size, " bytes"));
  }
  if (length > most_json) {
    return Status(Code::kTooLarge, cat("the JSON has ", length, " bytes; at most ", most_json,
                                       " are allowed: send tensors as binary data"));
  }
  LEAT_ASSIGN(Json json, document.parse(body.text().substr(0, length)));
  Reader reader(pipeline, body, body.text().substr(length), request, wanted);
  return reader.read(json);
}

}  // namespace leat
