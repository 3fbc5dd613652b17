// A server in this process.
#pragma once

#include <nanobind/nanobind.h>

namespace leat {

void bind_server(nanobind::module_& module);

}  // namespace leat
