// What names a value: `photo`, `found.boxes`, `rec["scale_0.tmp_1"]`, `index`, `rows(crop.image)`.
#pragma once

#include <string>
#include <string_view>

#include "leat/status.h"

namespace leat {

struct Reference {
  std::string name;       // of a pipeline input, or of a step if there is a port
  std::string port;       // split off at the first dot, or in quotes; empty for an input
  bool is_index = false;  // `index`
  bool is_rows = false;   // `rows(...)` of what the others say

  static Result<Reference> parse(std::string_view text);
};

// Steps and pipeline inputs: [a-z][a-z0-9_]*, and none of the words of expressions.
// Empty if `name` will do; else what is wrong with it.
std::string wrong_with_name(std::string_view name);

}  // namespace leat
