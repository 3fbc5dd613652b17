#include "serve/protocol/multipart.h"

#include <algorithm>

#include "base/text.h"

namespace leat {

namespace {

constexpr size_t kMostFields = 256;
constexpr size_t kMostHeader = 4096;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool starts_without_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

// The value of parameter `name` in "form-data; name=\"x\"; filename=y". False when it is not there.
bool parameter(std::string_view header, std::string_view name, std::string& value) {
  size_t at = header.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = trim(header.substr(at + 1));
    bool found =
        starts_without_case(rest, name) && rest.size() > name.size() && rest[name.size()] == '=';
    size_t equals = rest.find_first_of("=;");
    if (equals == std::string_view::npos || rest[equals] == ';') {
      header = rest;
      at = rest.find(';');
      continue;
    }
    rest.remove_prefix(equals + 1);
    std::string text;
    if (rest.starts_with('"')) {
      size_t i = 1;
      for (; i < rest.size() && rest[i] != '"'; ++i) {
        if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
        text += rest[i];
      }
      rest.remove_prefix(std::min(i + 1, rest.size()));
    } else {
      size_t end = std::min(rest.find(';'), rest.size());
      text = trim(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    if (found) {
      value = text;
      return true;
    }
    header = rest;
    at = rest.find(';');
  }
  return false;
}

Status malformed(std::string_view why) {
  return Status(Code::kBadInput, cat("the multipart body is malformed: ", why));
}

}  // namespace

Result<std::vector<FormField>> parse_form(std::string_view content_type, std::string_view body) {
  std::string boundary;
  if (!parameter(content_type, "boundary", boundary) || boundary.empty() || boundary.size() > 70) {
    return malformed("its Content-Type names no boundary of 1 to 70 characters");
  }
  std::string opening = "--" + boundary;
  std::string divider = "\r\n" + opening;
  size_t first = body.starts_with(opening) ? 0 : body.find(divider);
  if (first == std::string_view::npos) return malformed("its boundary does not occur");
  body.remove_prefix(first +
                     (first == 0 && body.starts_with(opening) ? opening.size() : divider.size()));
  std::vector<FormField> fields;
  while (true) {
    if (body.starts_with("--")) return fields;
    body.remove_prefix(std::min(body.find_first_not_of(" \t"), body.size()));
    if (!body.starts_with("\r\n")) return malformed("no line break after a boundary");
    // The break stays, so that a part without any header ends at once.
    size_t head_end = body.substr(0, kMostHeader).find("\r\n\r\n");
    if (head_end == std::string_view::npos) {
      return malformed(cat("the header of part ", fields.size(), " does not end within ",
                           kMostHeader, " bytes"));
    }
    std::string_view header = body.substr(0, head_end);
    body.remove_prefix(head_end + 4);
    size_t end = body.find(divider);
    if (end == std::string_view::npos) {
      return malformed(cat("part ", fields.size(), " is not closed by the boundary"));
    }
    FormField field;
    field.value = body.substr(0, end);
    body.remove_prefix(end + divider.size());
    bool is_named = false;
    while (!header.empty()) {
      header.remove_prefix(std::min<size_t>(2, header.size()));
      size_t line_end = std::min(header.find("\r\n"), header.size());
      std::string_view line = header.substr(0, line_end);
      header.remove_prefix(line_end);
      if (!starts_without_case(line, "content-disposition:")) continue;
      is_named = parameter(line, "name", field.name);
      std::string file;
      field.is_file = parameter(line, "filename", file);
    }
    if (!is_named) return malformed(cat("part ", fields.size(), " has no name"));
    if (fields.size() == kMostFields) {
      return malformed(cat("it has more than the ", kMostFields, " fields allowed"));
    }
    fields.push_back(std::move(field));
  }
}

}  // namespace leat
