// Whether there is an OpenVINO to load; see runtime.h.
#pragma once

#include "leat/status.h"

namespace leat::ov {

// kUnsupported, with how to come by it, when there is no library of this name or it is another one.
Status open(const char* file);

// The library of the version that leat is built for, once for the process. Errors as open()'s.
Status load();

}  // namespace leat::ov
