#include "model/openvino/openvino_model.h"

#include <malloc.h>

#include <cstring>
#include <filesystem>
#include <limits>
#include <mutex>
#include <optional>
#include <vector>

#include "base/cpu.h"
#include "base/text.h"
#include "model/onnx/model_file.h"
#include "model/openvino/ports.h"
#include "model/openvino/runtime.h"

namespace leat {

namespace fs = std::filesystem;
using ov::api;

namespace {

// Shapes that a stream remembers how to run, times the nodes of the model. Left to itself it keeps
// 5000, which for a model whose input is of any width is hundreds of MB.
constexpr const char* kKeptNodes = "1000";

// A shape as the API takes it: its memory stays ours.
ov_shape_t shape_of(const Shape& shape) {
  return {shape.rank(), const_cast<int64_t*>(shape.dims().data())};
}

// A tensor over memory that stays ours. OpenVINO does not write to inputs.
Result<ov::Owned<ov_tensor_t>> wrap(const Tensor& tensor) {
  alignas(64) static std::byte nothing[64];  // an empty tensor must have an address too
  void* memory = tensor.byte_size() > 0 ? const_cast<std::byte*>(tensor.data()) : nothing;
  ov_tensor_t* made = nullptr;
  LEAT_OV(Code::kStepFailed,
          api().ov_tensor_create_from_host_ptr(ov::element_type(tensor.dtype()),
                                               shape_of(tensor.shape()), memory, &made));
  return ov::Owned<ov_tensor_t>(made);
}

Result<Shape> shape_of(const ov_tensor_t* tensor) {
  ov_shape_t found{};
  LEAT_OV(Code::kStepFailed, api().ov_tensor_get_shape(tensor, &found));
  Shape shape;
  bool fits = found.rank <= Shape::kMaxRank;
  if (fits) shape = Shape(std::span<const int64_t>(found.dims, static_cast<size_t>(found.rank)));
  int64_t rank = found.rank;
  api().ov_shape_free(&found);
  if (fits) return shape;
  return Status(Code::kStepFailed, cat("has ", rank, " dimensions; at most 8 are supported"));
}

// 64 bits are computed with as 32.
template <typename T>
std::string too_large(const Tensor& tensor) {
  constexpr auto kMost = std::numeric_limits<int32_t>::max();
  for (T value : tensor.values<T>()) {
    if (std::cmp_greater(value, kMost) ||
        std::cmp_less(value, std::numeric_limits<int32_t>::min())) {
      return cat(value, " does not fit 32 bits, in which OpenVINO computes ",
                 dtype_name(tensor.dtype()));
    }
  }
  return {};
}

std::string why_not(const Tensor& tensor, const ModelPort& port) {
  if (!tensor) return cat("input ", port.name, " is absent");
  std::string why = port.type.mismatch(tensor.dtype(), tensor.shape());
  if (why.empty() && tensor.dtype() == DType::kInt64) why = too_large<int64_t>(tensor);
  if (why.empty() && tensor.dtype() == DType::kUint64) why = too_large<uint64_t>(tensor);
  return why.empty() ? "" : cat("input ", port.name, ": ", why);
}

void cancel(void* request) {
  (void)api().ov_infer_request_cancel(static_cast<ov_infer_request_t*>(request));
}

class OpenVinoModel final : public Model {
 public:
  static Result<std::unique_ptr<Model>> load(const std::string& path, bool onnx,
                                             const ModelOptions& options);

  const std::vector<ModelPort>& inputs() const override { return inputs_; }
  const std::vector<ModelPort>& outputs() const override { return outputs_; }
  std::string_view platform() const override { return "OpenVINO"; }
  uint64_t weight_bytes() const override { return bytes_; }
  Status run(std::span<const Tensor> inputs, std::span<Tensor> outputs, RunStop* stop) override;

 private:
  using Request = ov::Owned<ov_infer_request_t>;

  Result<Request> take_request();
  Status execute(std::span<const Tensor> inputs, std::span<Tensor> outputs, RunStop* stop,
                 ov_infer_request_t* request);
  Status place_output(Tensor& output, size_t port, ov_infer_request_t* request) const;
  Status copy_output(Tensor& output, size_t port, ov_infer_request_t* request) const;

  ov::Owned<ov_compiled_model_t> compiled_;
  std::vector<ModelPort> inputs_;
  std::vector<ModelPort> outputs_;
  std::vector<std::optional<Shape>> known_;  // of each output, where the model knows it
  uint64_t bytes_ = 0;
  std::mutex mutex_;
  std::vector<Request> free_;  // guarded by mutex_; as many as ever ran at once
};

Result<OpenVinoModel::Request> OpenVinoModel::take_request() {
  {
    std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      Request request = std::move(free_.back());
      free_.pop_back();
      return request;
    }
  }
  ov_infer_request_t* made = nullptr;
  LEAT_OV(Code::kStepFailed, api().ov_compiled_model_create_infer_request(compiled_.get(), &made));
  return Request(made);
}

Status OpenVinoModel::run(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                          RunStop* stop) {
  assert(inputs.size() == inputs_.size() && outputs.size() == outputs_.size());
  if (stop && stop->requested()) return Status(Code::kCancelled, "stopped before it ran");
  LEAT_ASSIGN(Request request, take_request());
  Status status = execute(inputs, outputs, stop, request.get());
  std::lock_guard lock(mutex_);
  free_.push_back(std::move(request));
  return status;
}

// Where an output's shape is known it is written into its place; see copy_output for the others.
Status OpenVinoModel::place_output(Tensor& output, size_t port, ov_infer_request_t* request) const {
  const Type& type = outputs_[port].type;
  if (output && !type.allows(output.dtype())) {
    return Status(Code::kBadInput,
                  cat("output ", outputs_[port].name, " (", type.text(),
                      ") cannot be written into a given ", dtype_name(output.dtype()), " tensor"));
  }
  if (!known_[port]) return {};
  if (!output) {
    LEAT_ASSIGN(output, Tensor::allocate(*type.dtype(), *known_[port]));
  }
  LEAT_ASSIGN(auto wrapped, wrap(output));
  LEAT_OV(Code::kStepFailed,
          api().ov_infer_request_set_output_tensor_by_index(request, port, wrapped.get()));
  return {};
}

Status OpenVinoModel::copy_output(Tensor& output, size_t port, ov_infer_request_t* request) const {
  ov_tensor_t* found = nullptr;
  LEAT_OV(Code::kStepFailed,
          api().ov_infer_request_get_output_tensor_by_index(request, port, &found));
  ov::Owned<ov_tensor_t> owned(found);
  LEAT_ASSIGN(Shape shape, shape_of(found));
  if (!output) {
    LEAT_ASSIGN(output, Tensor::allocate(*outputs_[port].type.dtype(), shape));
  }
  if (output.shape() != shape) {
    return Status(Code::kStepFailed,
                  cat("is ", shape.text(), ", and was to go into ", output.shape().text()));
  }
  if (output.byte_size() == 0) return {};
  void* data = nullptr;
  LEAT_OV(Code::kStepFailed, api().ov_tensor_data(found, &data));
  std::memcpy(output.mutable_data(), data, output.byte_size());
  return {};
}

Status OpenVinoModel::execute(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                              RunStop* stop, ov_infer_request_t* request) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (auto why = why_not(inputs[i], inputs_[i]); !why.empty()) {
      return Status(Code::kBadInput, std::move(why));
    }
    LEAT_ASSIGN(auto wrapped, wrap(inputs[i]));
    LEAT_OV(Code::kStepFailed,
            api().ov_infer_request_set_input_tensor_by_index(request, i, wrapped.get()));
  }
  for (size_t i = 0; i < outputs.size(); ++i) LEAT_TRY(place_output(outputs[i], i, request));
  ov_status_e ended;
  {
    RunStop::Hook hook(stop, cancel, request);
    ended = api().ov_infer_request_infer(request);
  }
  if (ended != OK) {
    if (stop && stop->requested()) return Status(Code::kCancelled, "stopped while it ran");
    return ov::failure(Code::kStepFailed);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (known_[i]) continue;
    Status status = copy_output(outputs[i], i, request);
    if (!status.ok()) return status.within(cat("output ", outputs_[i].name));
  }
  return {};
}

Result<ov::Owned<ov_compiled_model_t>> compile(const ov_model_t* model,
                                               const ModelOptions& options) {
  int most = std::max(1, cpu_budget() / options.threads);
  int streams = options.instances > 0 ? std::min(options.instances, most) : most;
  std::string runs = cat(streams), threads = cat(streams * options.threads);
  const ov_property_t properties[] = {
      {"INFERENCE_PRECISION_HINT", "f32"},
      {"NUM_STREAMS", runs.c_str()},
      {"INFERENCE_NUM_THREADS", threads.c_str()},  // of all streams
      {"ENABLE_CPU_PINNING", "NO"},
      {"ENABLE_HYPER_THREADING", "YES"},
      {"SCHEDULING_CORE_TYPE", "ANY_CORE"},
      {"CPU_RUNTIME_CACHE_CAPACITY", kKeptNodes},
  };
  LEAT_ASSIGN(ov_core_t * core, ov::core());
  ov_compiled_model_t* made = nullptr;
  LEAT_OV(Code::kUnsupported, api().ov_core_compile_model_props(
                                  core, model, "CPU", std::size(properties), properties, &made));
  return ov::Owned<ov_compiled_model_t>(made);
}

// The size of the .bin beside an .xml.
Result<uint64_t> weights_beside(const std::string& path) {
  fs::path weights = fs::path(path).replace_extension(".bin");
  std::error_code error;
  uint64_t bytes = fs::file_size(weights, error);
  if (!error) return bytes;
  return Status(Code::kBadInput, cat("is an OpenVINO model without its weights: ",
                                     weights.filename().string(), " is not beside it"));
}

Result<std::unique_ptr<Model>> OpenVinoModel::load(const std::string& path, bool onnx,
                                                   const ModelOptions& options) {
  if (options.threads < 1) {
    return Status(Code::kBadInput, cat("threads is ", options.threads, "; at least 1 is needed"));
  }
  OnnxFile file;
  auto model = std::make_unique<OpenVinoModel>();
  if (onnx) {
    LEAT_ASSIGN(file, inspect_onnx(path));
    model->bytes_ = file.bytes;
  } else {
    LEAT_ASSIGN(model->bytes_, weights_beside(path));
    std::error_code error;
    model->bytes_ += fs::file_size(path, error);
  }
  LEAT_ASSIGN(ov_core_t * core, ov::core());
  ov_model_t* read = nullptr;
  if (api().ov_core_read_model(core, path.c_str(), nullptr, &read) != OK) {
    Status status = ov::failure(onnx ? Code::kUnsupported : Code::kBadInput);
    return Status(status.code(),
                  cat("OpenVINO cannot ", onnx ? "convert" : "read", " it: ", status.message()));
  }
  ov::Owned<ov_model_t> owned(read);
  LEAT_ASSIGN(model->inputs_, ov::input_ports(read, file.inputs));
  LEAT_ASSIGN(model->outputs_, ov::output_ports(read, file.outputs));
  for (const ModelPort& port : model->outputs_) {
    model->known_.push_back(port.type.fixed() ? std::optional(port.type.shape()) : std::nullopt);
  }
  auto compiled = compile(read, options);
  if (!compiled.ok()) return compiled.status().within("OpenVINO cannot run it");
  model->compiled_ = *std::move(compiled);
  owned.reset();
  malloc_trim(0);  // what converting took, a multiple of the weights
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace

bool is_openvino(std::string_view head) {
  return head.starts_with("<?xml") && head.find("<net ") != std::string_view::npos;
}

Result<std::unique_ptr<Model>> load_openvino(const std::string& path, bool onnx,
                                             const ModelOptions& options) {
  auto model = OpenVinoModel::load(path, onnx, options);
  if (model.ok() || !onnx || model.status().code() != Code::kUnsupported) return model;
  if (!ov::load().ok()) return model;  // nor can it run anywhere else
  return Status(
      model.status().code(),
      cat(model.status().message(), "; without `runtime: openvino`, ONNX Runtime may run it"));
}

}  // namespace leat
