#include "model/openvino/ports.h"

#include <algorithm>

#include "base/text.h"

namespace leat::ov {

namespace {

constexpr ov_element_type_e kElementTypes[kDTypes] = {
    BOOLEAN, U8, U16, U32, U64, I8, I16, I32, I64, F16, BF16, F32, F64, STRING,
};

// The inputs, or the outputs, of a model.
struct Side {
  std::string_view word;
  decltype(Api::ov_model_inputs_size) count;
  decltype(Api::ov_model_const_input_by_index) port;
  const std::vector<OnnxPort>& said;  // by the file; empty where it is not an ONNX one's
};

// Reads on after "output y".
Result<Type> port_type(const ov_output_const_port_t* port, const OnnxPort* said, bool input) {
  ov_element_type_e element;
  LEAT_OV(Code::kBadInput, api().ov_port_get_element_type(port, &element));
  const auto* known = std::ranges::find(kElementTypes, element);
  if (known == std::end(kElementTypes)) {
    return Status(Code::kUnsupported,
                  cat("is a tensor of OpenVINO's element type ", static_cast<int>(element),
                      ", which this build cannot carry"));
  }
  if (element == STRING || element == F64) {
    return Status(Code::kUnsupported, element == STRING
                                          ? "is BYTES, which OpenVINO cannot be given"
                                          : "is FP64, which OpenVINO would compute as FP32");
  }
  Type type;
  type.dtypes = static_cast<uint16_t>(1 << (known - kElementTypes));
  ov_partial_shape_t shape{};
  LEAT_OV(Code::kBadInput, api().ov_port_get_partial_shape(port, &shape));
  type.open = shape.rank.min != shape.rank.max;
  int64_t rank = type.open ? 0 : shape.rank.max;
  for (int64_t i = 0; i < rank; ++i) {
    bool sized = shape.dims[i].min == shape.dims[i].max;
    type.dims.push_back({sized ? shape.dims[i].max : -1, ""});
  }
  api().ov_partial_shape_free(&shape);
  if (type.open && input) {
    return Status(Code::kUnsupported,
                  "has no number of dimensions of its own, which OpenVINO needs");
  }
  if (rank > Shape::kMaxRank) {
    return Status(Code::kUnsupported, cat("has ", rank, " dimensions; at most 8 are supported"));
  }
  if (said && said->dims.size() == type.dims.size()) {
    for (size_t i = 0; i < type.dims.size(); ++i) {
      if (type.dims[i].size < 0) type.dims[i].name = said->dims[i];
    }
  }
  return type;
}

Result<std::vector<ModelPort>> ports(const ov_model_t* model, const Side& side) {
  size_t count = 0;
  LEAT_OV(Code::kInternal, side.count(model, &count));
  std::vector<ModelPort> all;
  for (size_t i = 0; i < count; ++i) {
    ov_output_const_port_t* port = nullptr;
    LEAT_OV(Code::kInternal, side.port(model, i, &port));
    Owned<ov_output_const_port_t> owned(port);
    // OpenVINO may have several names for one; an ONNX file has one.
    const OnnxPort* said = side.said.size() == count ? &side.said[i] : nullptr;
    std::string name = cat(side.word, i);
    if (said) {
      name = said->name;
    } else if (char* found = nullptr; api().ov_port_get_any_name(port, &found) == OK) {
      name = found;
      api().ov_free(found);
    }
    auto type = port_type(port, said, side.word == "input");
    if (!type.ok()) {
      return Status(type.status().code(), cat(side.word, " ", name, " ", type.status().message()));
    }
    all.push_back({std::move(name), *std::move(type)});
  }
  return all;
}

}  // namespace

ov_element_type_e element_type(DType type) { return kElementTypes[static_cast<size_t>(type)]; }

Result<std::vector<ModelPort>> input_ports(const ov_model_t* model,
                                           const std::vector<OnnxPort>& said) {
  return ports(model,
               {"input", api().ov_model_inputs_size, api().ov_model_const_input_by_index, said});
}

Result<std::vector<ModelPort>> output_ports(const ov_model_t* model,
                                            const std::vector<OnnxPort>& said) {
  return ports(model,
               {"output", api().ov_model_outputs_size, api().ov_model_const_output_by_index, said});
}

}  // namespace leat::ov
