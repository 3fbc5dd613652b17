#include "cli/inputs.h"

#include <fstream>
#include <iterator>

#include "base/text.h"
#include "memory/arena.h"
#include "serve/protocol/json_writer.h"
#include "serve/protocol/run_request.h"

namespace leat {

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status(Code::kBadInput, cat(path, ": cannot be read"));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Status read_inputs(const Pipeline& pipeline, const std::vector<std::string>& texts,
                   Request& request) {
  std::vector<std::string> names;
  for (const Port& port : pipeline.inputs()) names.push_back(port.name);
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  for (const std::string& text : texts) {
    size_t equals = text.find('=');
    bool bare = names.size() == 1 && !text.starts_with(names[0] + "=");
    if (equals == std::string::npos && !bare) {
      return Status(Code::kBadInput, cat("--input ", text,
                                         ": NAME=VALUE or NAME=@FILE is wanted, "
                                         "with NAME ",
                                         join_or(names)));
    }
    std::string name = bare ? names[0] : text.substr(0, equals);
    std::string value = bare ? text : text.substr(equals + 1);
    const Port* port = nullptr;
    for (const Port& known : pipeline.inputs()) {
      if (known.name == name) port = &known;
    }
    if (!port) {
      return Status(Code::kBadInput, cat("--input ", text, ": there is no input \"", name,
                                         "\"; allowed: ", join_or(names)));
    }
    if (value.starts_with('@')) {
      LEAT_ASSIGN(value, read_file(value.substr(1)));
    }
    if (port->type.dtype() == DType::kBytes && port->type.dims.empty() && !port->type.open) {
      LEAT_ASSIGN(Tensor bytes, Tensor::bytes(value));
      if (pipeline.batched()) bytes = bytes.reshaped(Shape{1});
      LEAT_TRY(request.set(name, Value(std::move(bytes))));
    } else {
      writer.key(name).raw(trim(value));
    }
  }
  writer.end_object();
  if (json == "{}") return {};
  LEAT_ASSIGN(Block * block, Arena::heap().allocate(json.size() + Body::kPadding));
  std::copy(json.begin(), json.end(), reinterpret_cast<char*>(block->payload));
  Body body{block, block->payload, json.size()};
  JsonDocument document;
  Status status = parse_run(pipeline, body, "application/json", json.size() + 1, document, request);
  block->drop();
  return status.within("--input");
}

}  // namespace leat
