// The Open Inference Protocol's infer request: a JSON document, and behind it the tensors that it
// says are binary.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "leat/pipeline.h"
#include "serve/http/exchange.h"
#include "serve/protocol/json.h"

namespace leat {

// What the client wants back of one output.
struct WantedOutput {
  size_t output;  // of Pipeline::outputs()
  bool binary;
  int64_t classes = 0;  // > 0: the classification extension
};

struct InferRequest {
  std::string id;
  bool has_id = false;
  bool all_outputs = true;           // none were named
  bool all_binary = false;           // then in this form
  std::vector<WantedOutput> wanted;  // in the order asked for, when some were named
  void clear();
};

// Fills `request`, whose tensors are views of the body where possible, and `wanted`. `json_size`:
// the JSON's bytes (Inference-Header-Content-Length); nullopt: the whole body is JSON. 0: the body
// is the pipeline's only input, raw. kBadInput says which field, what came, what is allowed.
Status parse_infer(const Pipeline& pipeline, const Body& body, std::optional<size_t> json_size,
                   size_t most_json, JsonDocument& document, Request& request,
                   InferRequest& wanted);

}  // namespace leat
