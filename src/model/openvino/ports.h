// The ports of a model that OpenVINO has read, and element types.
#pragma once

#include <vector>

#include "model/model.h"
#include "model/onnx/model_file.h"
#include "model/openvino/runtime.h"

namespace leat::ov {

ov_element_type_e element_type(DType type);

// `said`: by an ONNX file, whose names of ports and dimensions OpenVINO does not keep; empty for
// its own files. Errors: kUnsupported for a port that cannot be carried, "input x is BYTES, ...".
Result<std::vector<ModelPort>> input_ports(const ov_model_t* model,
                                           const std::vector<OnnxPort>& said);
Result<std::vector<ModelPort>> output_ports(const ov_model_t* model,
                                            const std::vector<OnnxPort>& said);

}  // namespace leat::ov
