// The compiled part of the package leat (python/leat), which loads it at the first use of anything
// that needs the engine. What users see is made there; here are functions on C++'s own terms.
#include <nanobind/nanobind.h>

#include "engine.h"
#include "leat/version.h"
#include "operators.h"
#include "pipeline.h"
#include "process.h"
#include "server.h"
#include "values.h"

NB_MODULE(_leat, module) {
  nanobind::set_leak_warnings(false);  // threads of the engine may hold some at the end
  leat::follow_forks();
  leat::make_memory_type();
  leat::bind_engine(module);
  leat::bind_operators(module);
  leat::bind_pipeline(module);
  leat::bind_server(module);
  module.def("close", leat::close_module);
  module.attr("version") = nanobind::str(leat::version().data(), leat::version().size());
}
