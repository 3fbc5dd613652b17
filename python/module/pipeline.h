// Pipelines that Python holds, and their calls.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "engine.h"
#include "leat/pipeline.h"

namespace leat {

class LoadedPipeline {
 public:
  explicit LoadedPipeline(std::shared_ptr<Pipeline> pipeline);

  const std::shared_ptr<Pipeline>& get() const { return pipeline_.get(); }
  // What several outputs are given as: a subclass of tuple.
  void set_answer(nb::object type) { answer_ = std::move(type); }

  // Inputs by position or by name; timeout (in seconds), priority and trace by name. Raises.
  Request request(PyObject* const* values, size_t count, PyObject* keywords) const;
  // What a call gives; raises its failure. Needs the GIL.
  nb::object answer(Answer& answer, bool trace) const;

 private:
  Rooted<std::shared_ptr<Pipeline>> pipeline_;
  Names inputs_;
  std::vector<Type> types_;  // of what a call brings: with the axis of items, if there is one
  nb::object answer_;
};

void bind_pipeline(nb::module_& module);

}  // namespace leat
