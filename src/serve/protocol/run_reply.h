// The answer of /run/NAME: a JSON object of the outputs by name, or the one picture itself.
#pragma once

#include <string_view>

#include "leat/pipeline.h"
#include "serve/http/scatter.h"

namespace leat {

// Nested lists in each output's shape, a plain value where it is empty; BYTES as text if it is
// valid UTF-8, else {"b64": "..."}; null when absent, and for NaN and infinities. With `trace`, a
// member "trace": a list of {step, row, batch, ready_us, begin_us, end_us}.
void write_run(const Pipeline& pipeline, const Answer& answer, bool trace, Scatter& reply);

// The media type of the picture when the only output is one that `accept` names (image/jpeg,
// image/png, image/webp, image/*): then `reply` is filled with it. Else empty.
std::string_view write_picture(const Pipeline& pipeline, const Answer& answer,
                               std::string_view accept, Scatter& reply);

}  // namespace leat
