// An answer as the protocol writes it: JSON, and behind it the tensors that are wanted as binary,
// sent from where they lie.
#pragma once

#include <string_view>

#include "leat/pipeline.h"
#include "serve/http/scatter.h"
#include "serve/protocol/infer_request.h"

namespace leat {

// Fills `reply`; `json_size` is the length of its JSON when binary tensors follow, else 0. Absent
// outputs are left out. A list gives its values end to end, and their lengths as NAME.lengths.
Status write_infer(const Pipeline& pipeline, std::string_view model, std::string_view version,
                   const InferRequest& wanted, const Answer& answer, Scatter& reply,
                   size_t& json_size);

}  // namespace leat
