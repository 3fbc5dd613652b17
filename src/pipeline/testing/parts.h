// What toy pipelines are made of: operators (registered as toy.NAME) and models. Each is one
// function on plain values, which the interpreter calls as it is and the engine through an Op or a
// Model around it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "pipeline/plan.h"
#include "pipeline/testing/plain.h"

namespace leat::toy {

// By port, what is there: one value, of a port that takes many as many as are present. An optional
// port's may be empty.
using Given = std::vector<std::vector<Plain>>;

struct Outcome {
  Code code = Code::kOk;
  std::string why = {};
  std::vector<Plain> outputs = {};  // by port; absent ones too
  // Output i is rows [first, second) of the first input: the operator gives a view.
  std::vector<std::pair<int64_t, int64_t>> views = {};
};

struct PartPort {
  std::string name;
  DType dtype = DType::kInt64;
  std::vector<int64_t> dims = {};  // of an item; -1: any
  bool any = false;                // takes every type and rank
  bool optional = false;
  bool many = false;
};

struct Part {
  std::string name;
  std::vector<PartPort> inputs = {}, outputs = {};
  Outcome (*run)(const Given& given, int64_t n) = nullptr;

  // Of models only.
  bool model = false;
  std::vector<std::string> model_inputs = {}, model_outputs = {};  // types with the batch axis
  int axis = 0;             // of the batch; -1: of ports that have none
  bool one_by_one = false;  // fixed at batch 1
  int pad_port = -1, lengths_port = -1;
  int trim_port = -1;
  double trim_scale = 1;
};

const std::vector<Part>& parts();

// Gives fake models for the paths FOLDER/NAME-N of the model NAME with the number N. The runs of
// some take a while: by yielding, or on a manual clock by moving it.
std::shared_ptr<ModelSource> toy_models(ManualClock* clock);

}  // namespace leat::toy
