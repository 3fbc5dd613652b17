// Parameters of an operator, held against what it declares. Used for whatever does not come from a
// pipeline file, where places are told too (src/pipeline/params.cc).
#pragma once

#include <map>
#include <string>

#include "leat/op.h"

namespace leat {

// What a parameter takes, with its bounds, for messages: "an integer from 1 to 32768".
std::string wanted(const ParamSpec& spec);

// `given` with defaults filled in. kBadInput names the parameter, what came and what is allowed.
Result<Params> fill_params(const OpSpec& spec, const std::map<std::string, ParamValue>& given);

}  // namespace leat
