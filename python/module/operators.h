// Operators as functions: one for each of the catalogue.
#pragma once

#include <nanobind/nanobind.h>

namespace leat {

// Adds to the module what leat/_operators.py makes the families of.
void bind_operators(nanobind::module_& module);

}  // namespace leat
