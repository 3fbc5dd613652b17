// A model's ports as a step shows them: new names, the batch axis of each, the type of one item.
#pragma once

#include <string>
#include <vector>

#include "model/model.h"
#include "pipeline/format.h"
#include "pipeline/mistakes.h"

namespace leat {

struct ModelPorts {
  std::vector<std::string> input_names, output_names;  // new names, where given
  std::vector<Type> inputs, outputs;                   // of one item
  std::vector<int> input_axis, output_axis;            // -1: no batch axis
  int64_t batch_max = 1;
  bool fixed_at_one = false;  // the model itself takes one item at a time
};

// `step`: the step's keys `ports` and `batch`; notes what is wrong with them.
ModelPorts settle_ports(const Model& model, const Fields& step, Mistakes& mistakes);

// A model served as it is: with a batch axis, items along it; fixed at batch 1, its own shapes.
ModelPorts bare_ports(const Model& model);

}  // namespace leat
