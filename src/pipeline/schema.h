// The JSON Schema of the pipeline file, for editors: `leat check --schema`.
#pragma once

#include <map>
#include <string>

#include "leat/op.h"

namespace leat {

// From the format's tables and the operators that steps may name.
std::string json_schema(const std::map<std::string, OpSpec>& ops);

// The format's tables as Markdown, in the order of all_tables(): what docs/pipeline.md shows.
std::string option_tables();

}  // namespace leat
