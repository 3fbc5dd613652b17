#include "pipeline/reference.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace leat {

namespace {

constexpr std::array<std::string_view, 8> kReserved = {"index", "rows", "and",   "or",
                                                       "not",   "true", "false", "null"};

bool is_small(char c) { return c >= 'a' && c <= 'z'; }

bool is_name(std::string_view name) {
  auto fits = [](char c) { return is_small(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && is_small(name[0]) && std::all_of(name.begin(), name.end(), fits);
}

Status wrong(std::string_view text, std::string_view why) {
  return Status(Code::kBadInput, cat("\"", text, "\" names no value: ", why));
}

}  // namespace

std::string wrong_with_name(std::string_view name) {
  if (!is_name(name)) return cat("\"", name, "\" is no name: [a-z][a-z0-9_]* is wanted");
  if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) {
    return cat("\"", name, "\" has a meaning of its own; choose another name");
  }
  return {};
}

Result<Reference> Reference::parse(std::string_view whole) {
  Reference out;
  std::string_view text = trim(whole);
  if (text == "index") {
    out.is_index = true;
    return out;
  }
  if (text.starts_with("rows(") && text.ends_with(")")) {
    out.is_rows = true;
    text = trim(text.substr(5, text.size() - 6));
    if (text == "index" || text.starts_with("rows(")) {
      return wrong(whole, "rows(x) takes the x of a { gather: x, absent: drop }");
    }
  }
  size_t end = text.find_first_of(".[");
  out.name = text.substr(0, end);
  if (!is_name(out.name)) {
    return wrong(whole, "an input of the pipeline, or step.port, is wanted");
  }
  if (end == std::string_view::npos) return out;
  if (text[end] == '.') {
    out.port = text.substr(end + 1);
  } else {
    std::string_view quoted = text.substr(end);
    bool sound = quoted.size() > 4 && (quoted[1] == '"' || quoted[1] == '\'') &&
                 quoted.ends_with(std::string{quoted[1], ']'}) &&
                 quoted.substr(2, quoted.size() - 4).find(quoted[1]) == std::string_view::npos;
    if (!sound) return wrong(whole, "after the step's name, .port or [\"port\"] is wanted");
    out.port = quoted.substr(2, quoted.size() - 4);
  }
  if (out.port.empty()) return wrong(whole, "the port's name is missing");
  return out;
}

}  // namespace leat
