// multipart/form-data (RFC 7578): the fields of a form, as views of the body.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "leat/status.h"

namespace leat {

struct FormField {
  std::string name;
  bool is_file = false;  // it came with a file name
  std::string_view value;
};

// `content_type`: the header's value, which names the boundary. kBadInput says what is malformed.
Result<std::vector<FormField>> parse_form(std::string_view content_type, std::string_view body);

}  // namespace leat
