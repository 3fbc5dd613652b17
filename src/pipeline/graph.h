// Drawings of a plan.
#pragma once

#include <string>
#include <string_view>

#include "leat/status.h"
#include "pipeline/link.h"

namespace leat {

// `format`: mermaid, dot or svg. Marks the edges on which batches are built in place.
Result<std::string> draw(const Linked& linked, std::string_view format);

}  // namespace leat
