// The naive interpreter: what a pipeline means, with nothing clever in it.
//
// It evaluates a Toy item by item and row by row, on demand and recursively, and knows no threads,
// batches, slots or edges. Where something fails it goes on with all that does not depend on it, so
// that in the end it knows every failure that could have come first.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/testing/toy.h"

namespace leat::toy {

struct Failure {
  Code code;
  std::string begins;    // what the message begins with
  std::string contains;  // and what stands in it
  std::string_view kind;
};

struct Meaning {
  std::vector<Failure> failures;  // any of these may be the answer; none: the outputs are
  std::vector<Plain> outputs;
  std::map<std::string_view, int64_t> seen;  // how often what came up, failures apart
};

// `inputs` as random_inputs() gives them.
Meaning interpret(const Toy& toy, const std::vector<std::vector<Plain>>& inputs);

}  // namespace leat::toy
