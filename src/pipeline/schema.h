// The JSON Schema of the pipeline file, for editors: `leat check --schema`.
#pragma once

#include <string>

namespace leat {

// From the format's tables and the operators of this program.
std::string json_schema();

// The format's tables as Markdown, in the order of all_tables(): what docs/pipeline.md shows.
std::string option_tables();

}  // namespace leat
