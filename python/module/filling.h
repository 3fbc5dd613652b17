// Batches for training: the outputs of many calls, each in its row of one array.
#pragma once

#include <nanobind/nanobind.h>

namespace leat {

void bind_filling(nanobind::module_& module);

}  // namespace leat
