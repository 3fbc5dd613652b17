// What the option --plugin FILE names.
#pragma once

#include <map>
#include <string>

#include "leat/op.h"

namespace leat {

// The operators of a shared library, by name. On failure the message begins with the file.
Result<const std::map<std::string, OpSpec>*> plugin_ops(const std::string& file);

}  // namespace leat
