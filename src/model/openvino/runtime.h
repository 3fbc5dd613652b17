// OpenVINO as this process uses it: loaded on first use, so that a leat that needs none pays
// nothing and runs where there is none. Include this in as few places as possible.
//
// Errors: OpenVINO keeps the text of its last error once for the process. When two threads fail in
// the same moment, one may be told the other's reason; the code is always its own.
#pragma once

#include <openvino/c/ov_core.h>
#include <openvino/c/ov_infer_request.h>

#include <memory>

#include "leat/status.h"
#include "model/openvino/library.h"

namespace leat::ov {

// The functions of the C API that are used, by their names.
#define LEAT_OV_FUNCTIONS(X)                     \
  X(ov_get_last_err_msg)                         \
  X(ov_free)                                     \
  X(ov_core_create)                              \
  X(ov_core_set_property)                        \
  X(ov_core_read_model)                          \
  X(ov_core_compile_model_props)                 \
  X(ov_model_free)                               \
  X(ov_model_inputs_size)                        \
  X(ov_model_outputs_size)                       \
  X(ov_model_const_input_by_index)               \
  X(ov_model_const_output_by_index)              \
  X(ov_output_const_port_free)                   \
  X(ov_port_get_any_name)                        \
  X(ov_port_get_element_type)                    \
  X(ov_port_get_partial_shape)                   \
  X(ov_partial_shape_free)                       \
  X(ov_compiled_model_create_infer_request)      \
  X(ov_compiled_model_free)                      \
  X(ov_infer_request_set_input_tensor_by_index)  \
  X(ov_infer_request_set_output_tensor_by_index) \
  X(ov_infer_request_get_output_tensor_by_index) \
  X(ov_infer_request_infer)                      \
  X(ov_infer_request_cancel)                     \
  X(ov_infer_request_free)                       \
  X(ov_tensor_create_from_host_ptr)              \
  X(ov_tensor_get_shape)                         \
  X(ov_tensor_get_element_type)                  \
  X(ov_tensor_data)                              \
  X(ov_tensor_free)                              \
  X(ov_shape_free)

struct Api {
#define LEAT_OV_POINTER(name) decltype(&::name) name = nullptr;
  LEAT_OV_FUNCTIONS(LEAT_OV_POINTER)
#undef LEAT_OV_POINTER
};

// After load() was good.
const Api& api();

// The one core. It reads files, instead of mapping them: a file that is overwritten while it is
// served must not change the weights. Lives as long as the process.
Result<ov_core_t*> core();

// Of a call that has just failed on this thread.
Status failure(Code code);

// Ownership of what the API hands out.
struct Release {
  void operator()(ov_model_t* p) const { api().ov_model_free(p); }
  void operator()(ov_compiled_model_t* p) const { api().ov_compiled_model_free(p); }
  void operator()(ov_infer_request_t* p) const { api().ov_infer_request_free(p); }
  void operator()(ov_output_const_port_t* p) const { api().ov_output_const_port_free(p); }
  void operator()(ov_tensor_t* p) const { api().ov_tensor_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release>;

// Returns from the enclosing function with `code` when a call of the API failed.
#define LEAT_OV(code, call) \
  if ((call) != OK) return ov::failure(code)

}  // namespace leat::ov
