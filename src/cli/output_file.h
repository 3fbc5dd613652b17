// Writing a verb's result to a file that the user named.
#pragma once

#include <string>
#include <string_view>

#include "leat/status.h"

namespace leat {

Status write_file(const std::string& path, std::string_view text);

}  // namespace leat
