// POST /run/NAME: the body is the only BYTES input, a form, or a JSON object of the inputs by name.
#pragma once

#include <string_view>

#include "leat/pipeline.h"
#include "serve/http/exchange.h"
#include "serve/protocol/json.h"

namespace leat {

// In JSON a tensor is a nested list in its shape, or a plain value where the shape is empty; BYTES
// is a text or {"b64": "..."}. A form's fields are bytes for BYTES inputs, and JSON for the others.
Status parse_run(const Pipeline& pipeline, const Body& body, std::string_view content_type,
                 size_t most_json, JsonDocument& document, Request& request);

}  // namespace leat
