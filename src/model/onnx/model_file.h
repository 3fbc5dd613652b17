// What an ONNX file says about itself, read without loading it: protobuf's outermost fields and the
// graph's, whose lengths alone show whether the file is whole.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "leat/status.h"

namespace leat {

// An input or an output of the graph.
struct OnnxPort {
  std::string name;
  std::vector<std::string> dims;  // the name of each dimension; empty where it has a size, or none
};

struct OnnxFile {
  uint64_t bytes = 0;
  std::vector<OnnxPort> inputs;  // without those that the file has the values of
  std::vector<OnnxPort> outputs;
  // Inputs and outputs of the graph that are declared without a shape. (ONNX Runtime shows these as
  // it shows scalars.)
  std::set<std::string> shapeless;
  // An input has a dimension other than its first that the file leaves open: there is no telling
  // how many different shapes will come.
  bool many_shapes = false;
};

// kBadInput, without the path, when the file cannot be a whole model: "is cut off: ...".
Result<OnnxFile> inspect_onnx(const std::string& path);

}  // namespace leat
