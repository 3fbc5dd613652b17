#include "cli/inputs.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "serve/protocol/json_writer.h"
#include "serve/protocol/run_request.h"

namespace leat {

Result<std::string> read_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return Status(Code::kBadInput, cat(path, ": is a directory; name a file in it"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Status(Code::kBadInput, cat(path, ": cannot be read: ", std::strerror(errno)));
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

namespace {

// One input whose value is JSON.
Status read_json(const Pipeline& pipeline, std::string_view name, std::string_view value,
                 Request& request) {
  std::string json;
  JsonWriter(json).begin_object().key(name).raw(trim(value)).end_object();
  size_t size = json.size();
  json.append(Body::kPadding, ' ');
  Body body{nullptr, reinterpret_cast<std::byte*>(json.data()), size};
  JsonDocument document;
  return parse_run(pipeline, body, "application/json", size, document, request);
}

// "NAME=..."? In front of a value that holds a = its input's name must be said.
bool begins_with_name(std::string_view text) {
  size_t end =
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  return end != 0 && end != std::string_view::npos && text[end] == '=';
}

Status read_input(const Pipeline& pipeline, const std::string& text, Request& request) {
  const std::vector<Port>& ports = pipeline.inputs();
  size_t equals = text.find('=');
  auto named = [&](const Port& port) {
    return equals != std::string::npos && text.substr(0, equals) == port.name;
  };
  auto port = std::ranges::find_if(ports, named);
  // Without a name it is for the only input; a file also for the only one that must be given.
  auto must = [&](const Port& one) { return ports.size() == 1 || !one.optional; };
  bool bare = port == ports.end() && !begins_with_name(text) &&
              (ports.size() == 1 || text.starts_with('@')) &&
              std::ranges::count_if(ports, must) == 1;
  if (bare) port = std::ranges::find_if(ports, must);
  if (port == ports.end()) {
    std::vector<std::string> names;
    for (const Port& known : ports) names.push_back(known.name);
    return Status(
        Code::kBadInput,
        equals == std::string::npos
            ? cat("NAME=VALUE or NAME=@FILE is wanted, with NAME ", join_or(names))
            : cat("there is no input \"", text.substr(0, equals), "\"; allowed: ", join_or(names)));
  }
  std::string value = bare ? text : text.substr(equals + 1);
  if (value.starts_with('@')) {
    LEAT_ASSIGN(value, read_file(value.substr(1)));
  }
  bool bytes = port->type.dtype() == DType::kBytes && port->type.dims.empty() && !port->type.open;
  if (!bytes) {
    Status status = read_json(pipeline, port->name, value, request);
    if (status.ok()) return {};
    return status.within(cat(port->name, " takes ", port->type.text(), " as JSON"));
  }
  auto index = static_cast<size_t>(port - ports.begin());
  if (request.inputs()[index].present()) return Status(Code::kBadInput, "it is given twice");
  LEAT_ASSIGN(Tensor tensor, Tensor::bytes(value));
  request.set(index, pipeline.batched() ? tensor.reshaped(Shape{1}) : std::move(tensor));
  return {};
}

}  // namespace

std::string input_hint(const std::vector<std::string>& texts) {
  if (texts.empty()) return "; --input NAME=VALUE or --input NAME=@FILE gives an input";
  for (const std::string& text : texts) {
    size_t equals = text.find('=');
    std::string value = equals == std::string::npos ? text : text.substr(equals + 1);
    std::error_code error;
    if (value.starts_with('@') || !std::filesystem::is_regular_file(value, error)) continue;
    return cat("; \"", value, "\" was sent itself: @", value, " sends what is in the file");
  }
  return "";
}

Status read_inputs(const Pipeline& pipeline, const std::vector<std::string>& texts,
                   Request& request) {
  for (const std::string& text : texts) {
    if (Status status = read_input(pipeline, text, request); !status.ok()) {
      constexpr size_t kShown = 60;
      return status.within(
          cat("--input ", text.substr(0, kShown), text.size() > kShown ? "..." : ""));
    }
  }
  return {};
}

}  // namespace leat
