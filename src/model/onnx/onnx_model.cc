#include "model/onnx/onnx_model.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/text.h"
#include "memory/arena.h"
#include "model/onnx/model_file.h"
#include "model/onnx/reason.h"
#include "model/onnx/runtime.h"

namespace leat {

namespace {

using ort::api;

constexpr ONNXTensorElementDataType kElementTypes[kDTypes] = {
    ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,     ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,   ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,   ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16,    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,   ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING,
};

ONNXTensorElementDataType element_type(DType type) {
  return kElementTypes[static_cast<size_t>(type)];
}

// Takes the status.
Status failure(Code code, OrtStatus* status) {
  ort::Owned<OrtStatus> owned(status);
  return Status(code, reason_of(api().GetErrorMessage(status)));
}

// Returns from the enclosing function with `code` when a call of the API failed.
#define LEAT_ORT(code, call) \
  if (OrtStatus* leat_ort_status = (call)) return failure(code, leat_ort_status)

// The tensors of one run, kept between runs for their memory.
struct Values {
  std::vector<OrtValue*> all;

  void reset(size_t count) { all.assign(count, nullptr); }
  void clear() {
    for (OrtValue* value : all) {
      if (value) api().ReleaseValue(value);
    }
    all.clear();
  }
  ~Values() { clear(); }
};

// What a thread keeps for its runs, of whichever model.
struct Scratch {
  Values inputs;
  Values outputs;
  ort::Owned<OrtRunOptions> options;

  void clear() {
    inputs.clear();
    outputs.clear();
  }
};

Result<Scratch*> scratch() {
  thread_local Scratch mine;
  if (!mine.options) {
    OrtRunOptions* options = nullptr;
    LEAT_ORT(Code::kInternal, api().CreateRunOptions(&options));
    mine.options.reset(options);
  }
  return &mine;
}

void terminate(void* options) {
  if (OrtStatus* status = api().RunOptionsSetTerminate(static_cast<OrtRunOptions*>(options))) {
    api().ReleaseStatus(status);
  }
}

// A tensor over memory that stays ours. ONNX Runtime does not write to inputs.
Status wrap(DType type, const Shape& shape, const std::byte* data, size_t bytes, OrtValue** value) {
  static std::byte nothing;  // an empty tensor must have an address too
  void* memory = const_cast<std::byte*>(bytes > 0 ? data : &nothing);
  LEAT_ORT(Code::kStepFailed, api().CreateTensorWithDataAsOrtValue(
                                  ort::cpu_memory(), memory, bytes, shape.dims().data(),
                                  shape.dims().size(), element_type(type), value));
  return {};
}

// ONNX Runtime's strings are C++ objects of its own, so these are copied.
Status copy_strings_in(const Tensor& tensor, OrtValue** value) {
  const Shape& shape = tensor.shape();
  LEAT_ORT(Code::kStepFailed, api().CreateTensorAsOrtValue(
                                  ort::pool_allocator(), shape.dims().data(), shape.dims().size(),
                                  ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, value));
  for (int64_t i = 0; i < shape.elements(); ++i) {
    std::string_view text = tensor.string(i);
    char* buffer = nullptr;
    LEAT_ORT(Code::kStepFailed, api().GetResizedStringTensorElementBuffer(
                                    *value, static_cast<size_t>(i), text.size(), &buffer));
    if (!text.empty()) std::memcpy(buffer, text.data(), text.size());
  }
  return {};
}

Result<Tensor> copy_strings_out(const OrtValue* value, const Shape& shape) {
  auto count = static_cast<size_t>(shape.elements());
  size_t length = 0;
  LEAT_ORT(Code::kStepFailed, api().GetStringTensorDataLength(value, &length));
  thread_local std::vector<size_t> offsets;
  offsets.resize(count);
  size_t table = shape.rank() == 0 ? 0 : count * sizeof(ByteSpan);
  LEAT_ASSIGN(Block * block, Arena::heap().allocate(table + length));
  Tensor tensor = Tensor::view(block, DType::kBytes, shape, block->payload, table ? table : length);
  block->drop();
  if (count == 0) return tensor;
  char none;
  char* texts = length > 0 ? reinterpret_cast<char*>(block->payload + table) : &none;
  LEAT_ORT(Code::kStepFailed,
           api().GetStringTensorContent(value, texts, length, offsets.data(), count));
  if (shape.rank() == 0) return tensor;
  auto* entry = reinterpret_cast<ByteSpan*>(block->payload);
  for (size_t i = 0; i < count; ++i) {
    size_t end = i + 1 < count ? offsets[i + 1] : length;
    entry[i] = {table + offsets[i], end - offsets[i]};
  }
  return tensor;
}

// An output that ONNX Runtime has allocated.
Result<Tensor> take(OrtValue* value, DType type) {
  OrtTensorTypeAndShapeInfo* made = nullptr;
  LEAT_ORT(Code::kStepFailed, api().GetTensorTypeAndShape(value, &made));
  ort::Owned<OrtTensorTypeAndShapeInfo> info(made);
  ONNXTensorElementDataType found;
  size_t rank = 0;
  LEAT_ORT(Code::kStepFailed, api().GetTensorElementType(made, &found));
  LEAT_ORT(Code::kStepFailed, api().GetDimensionsCount(made, &rank));
  if (found != element_type(type)) {
    return Status(Code::kStepFailed, cat("is not ", dtype_name(type), " as the model declares"));
  }
  if (rank > Shape::kMaxRank) {
    return Status(Code::kStepFailed, cat("has ", rank, " dimensions; at most 8 are supported"));
  }
  std::array<int64_t, Shape::kMaxRank> dims;
  LEAT_ORT(Code::kStepFailed, api().GetDimensions(made, dims.data(), rank));
  Shape shape(std::span<const int64_t>(dims.data(), rank));
  if (type == DType::kBytes) return copy_strings_out(value, shape);

  void* data = nullptr;
  LEAT_ORT(Code::kStepFailed, api().GetTensorMutableData(value, &data));
  LEAT_ASSIGN(size_t bytes, shape.bytes(type));
  if (Block* block = bytes > 0 ? ort::block_at(data) : nullptr) {
    return Tensor::view(block, type, shape, block->payload, bytes);
  }
  LEAT_ASSIGN(Tensor tensor, Tensor::allocate(type, shape));
  if (bytes > 0) std::memcpy(tensor.mutable_data(), data, bytes);
  return tensor;
}

class OnnxModel final : public Model {
 public:
  static Result<std::unique_ptr<Model>> load(const std::string& path, const ModelOptions& options);

  const std::vector<ModelPort>& inputs() const override { return inputs_; }
  const std::vector<ModelPort>& outputs() const override { return outputs_; }
  std::string_view platform() const override { return "onnxruntime_onnx"; }
  uint64_t weight_bytes() const override { return bytes_; }
  Status run(std::span<const Tensor> inputs, std::span<Tensor> outputs, RunStop* stop) override;

 private:
  Status execute(std::span<const Tensor> inputs, std::span<Tensor> outputs, RunStop* stop,
                 Scratch& scratch);
  Status wrap_input(const Tensor& tensor, const ModelPort& port, OrtValue** value) const;
  Status wrap_output(Tensor& tensor, const ModelPort& port, OrtValue** value) const;

  ort::Owned<OrtSession> session_;
  std::vector<ModelPort> inputs_;
  std::vector<ModelPort> outputs_;
  std::vector<const char*> input_names_;  // of inputs_, as ONNX Runtime wants them
  std::vector<const char*> output_names_;
  uint64_t bytes_ = 0;
};

Status OnnxModel::wrap_input(const Tensor& tensor, const ModelPort& port, OrtValue** value) const {
  if (!tensor) return Status(Code::kBadInput, cat("input ", port.name, " is absent"));
  if (auto why = port.type.mismatch(tensor.dtype(), tensor.shape()); !why.empty()) {
    return Status(Code::kBadInput, cat("input ", port.name, ": ", why));
  }
  if (tensor.dtype() == DType::kBytes) return copy_strings_in(tensor, value);
  return wrap(tensor.dtype(), tensor.shape(), tensor.data(), tensor.byte_size(), value);
}

Status OnnxModel::wrap_output(Tensor& tensor, const ModelPort& port, OrtValue** value) const {
  if (port.type.allows(DType::kBytes) || !port.type.allows(tensor.dtype())) {
    return Status(Code::kBadInput,
                  cat("output ", port.name, " (", port.type.text(),
                      ") cannot be written into a given ", dtype_name(tensor.dtype()), " tensor"));
  }
  return wrap(tensor.dtype(), tensor.shape(), tensor.data(), tensor.byte_size(), value);
}

Status OnnxModel::run(std::span<const Tensor> inputs, std::span<Tensor> outputs, RunStop* stop) {
  assert(inputs.size() == inputs_.size() && outputs.size() == outputs_.size());
  if (stop && stop->requested()) return Status(Code::kCancelled, "stopped before it ran");
  LEAT_ASSIGN(Scratch * mine, scratch());
  Status status = execute(inputs, outputs, stop, *mine);
  mine->clear();
  return status;
}

Status OnnxModel::execute(std::span<const Tensor> inputs, std::span<Tensor> outputs, RunStop* stop,
                          Scratch& scratch) {
  scratch.inputs.reset(inputs.size());
  scratch.outputs.reset(outputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    LEAT_TRY(wrap_input(inputs[i], inputs_[i], &scratch.inputs.all[i]));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i]) LEAT_TRY(wrap_output(outputs[i], outputs_[i], &scratch.outputs.all[i]));
  }

  OrtStatus* failed;
  {
    RunStop::Hook hook(stop, terminate, scratch.options.get());
    failed = api().Run(session_.get(), scratch.options.get(), input_names_.data(),
                       scratch.inputs.all.data(), inputs.size(), output_names_.data(),
                       outputs.size(), scratch.outputs.all.data());
  }
  bool stopped = stop && stop->requested();
  if (stopped) LEAT_ORT(Code::kInternal, api().RunOptionsUnsetTerminate(scratch.options.get()));
  if (failed) {
    Status status = failure(Code::kStepFailed, failed);
    Status memory = ort::take_allocation_failure();
    if (stopped) return Status(Code::kCancelled, "stopped while it ran");
    return memory.ok() ? status : memory;
  }

  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i]) continue;
    auto tensor = take(scratch.outputs.all[i], *outputs_[i].type.dtype());
    if (!tensor.ok()) return tensor.status().within(cat("output ", outputs_[i].name));
    outputs[i] = *std::move(tensor);
  }
  return {};
}

Result<ort::Owned<OrtSessionOptions>> session_options(const ModelOptions& options,
                                                      const OnnxFile& file) {
  OrtSessionOptions* made = nullptr;
  LEAT_ORT(Code::kInternal, api().CreateSessionOptions(&made));
  ort::Owned<OrtSessionOptions> owned(made);
  LEAT_ORT(Code::kInternal, api().SetIntraOpNumThreads(made, options.threads));
  LEAT_ORT(Code::kInternal, api().SetInterOpNumThreads(made, 1));
  LEAT_ORT(Code::kInternal, api().SetSessionExecutionMode(made, ORT_SEQUENTIAL));
  LEAT_ORT(Code::kInternal, api().SetSessionLogSeverityLevel(made, ORT_LOGGING_LEVEL_FATAL));
  // A memory pattern packs a run's own memory into one block, which its caches like; it is planned
  // once for each shape of the inputs, and kept for ever.
  if (file.many_shapes) LEAT_ORT(Code::kInternal, api().DisableMemPattern(made));
  constexpr std::array<std::array<const char*, 2>, 3> kEntries{{
      {"session.use_env_allocators", "1"},
      {"session.intra_op.allow_spinning", "0"},
      {"session.inter_op.allow_spinning", "0"},
  }};
  for (const auto& [key, value] : kEntries) {
    LEAT_ORT(Code::kInternal, api().AddSessionConfigEntry(made, key, value));
  }
  return owned;
}

// What ONNX Runtime calls a kind of value that is not a tensor.
std::string_view kind_name(ONNXType kind) {
  switch (kind) {
    case ONNX_TYPE_SEQUENCE:
      return "a sequence";
    case ONNX_TYPE_MAP:
      return "a map";
    case ONNX_TYPE_SPARSETENSOR:
      return "a sparse tensor";
    case ONNX_TYPE_OPTIONAL:
      return "an optional value";
    default:
      return "no tensor";
  }
}

Status cannot_carry(std::string_view what) {
  return Status(Code::kUnsupported, cat("is ", what,
                                        ", which this build cannot carry; it carries "
                                        "tensors of numbers, BOOL and BYTES"));
}

// "a sequence of maps" where that can be found out.
std::string sequence_name(const OrtTypeInfo* info) {
  const OrtSequenceTypeInfo* sequence = nullptr;
  OrtTypeInfo* element = nullptr;
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  if (ort::Owned<OrtStatus>(api().CastTypeInfoToSequenceTypeInfo(info, &sequence)) || !sequence ||
      ort::Owned<OrtStatus>(api().GetSequenceElementType(sequence, &element))) {
    return "a sequence";
  }
  ort::Owned<OrtTypeInfo> owned(element);
  if (ort::Owned<OrtStatus>(api().GetOnnxTypeFromTypeInfo(element, &kind))) return "a sequence";
  return kind == ONNX_TYPE_MAP ? "a sequence of maps" : "a sequence of tensors";
}

Result<Type> port_type(const OrtTypeInfo* info, bool shapeless) {
  ONNXType kind;
  LEAT_ORT(Code::kBadInput, api().GetOnnxTypeFromTypeInfo(info, &kind));
  if (kind == ONNX_TYPE_SEQUENCE) return cannot_carry(sequence_name(info));
  if (kind != ONNX_TYPE_TENSOR) return cannot_carry(kind_name(kind));
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  LEAT_ORT(Code::kBadInput, api().CastTypeInfoToTensorInfo(info, &tensor));
  ONNXTensorElementDataType element;
  size_t rank = 0;
  LEAT_ORT(Code::kBadInput, api().GetTensorElementType(tensor, &element));
  LEAT_ORT(Code::kBadInput, api().GetDimensionsCount(tensor, &rank));
  const auto* known = std::ranges::find(kElementTypes, element);
  if (known == std::end(kElementTypes)) {
    return cannot_carry(cat("a tensor of ONNX's element type ", static_cast<int>(element)));
  }
  if (rank > Shape::kMaxRank) {
    return Status(Code::kUnsupported, cat("has ", rank, " dimensions; at most 8 are supported"));
  }
  std::vector<int64_t> sizes(rank);
  std::vector<const char*> names(rank);
  LEAT_ORT(Code::kBadInput, api().GetDimensions(tensor, sizes.data(), rank));
  LEAT_ORT(Code::kBadInput, api().GetSymbolicDimensions(tensor, names.data(), rank));
  Type type;
  type.dtypes = static_cast<uint16_t>(1 << (known - kElementTypes));
  type.open = shapeless && rank == 0;
  for (size_t i = 0; i < rank; ++i) {
    std::string_view name = sizes[i] < 0 && names[i] ? names[i] : "";
    if (name == "?") name = {};  // some exporters write this for every size that is not known
    type.dims.push_back({sizes[i] < 0 ? -1 : sizes[i], std::string(name)});
  }
  return type;
}

// The inputs, or the outputs, of a session.
struct Side {
  std::string_view word;
  OrtStatus*(ORT_API_CALL* count)(const OrtSession*, size_t*);
  OrtStatus*(ORT_API_CALL* name)(const OrtSession*, size_t, OrtAllocator*, char**);
  OrtStatus*(ORT_API_CALL* type)(const OrtSession*, size_t, OrtTypeInfo**);
};

Result<std::vector<ModelPort>> ports(const OrtSession* session, const Side& side,
                                     const OnnxFile& file) {
  size_t count = 0;
  LEAT_ORT(Code::kInternal, side.count(session, &count));
  std::vector<ModelPort> all;
  for (size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    LEAT_ORT(Code::kInternal, side.name(session, i, ort::pool_allocator(), &name));
    ModelPort port{name, {}};
    ort::pool_allocator()->Free(ort::pool_allocator(), name);
    OrtTypeInfo* info = nullptr;
    LEAT_ORT(Code::kInternal, side.type(session, i, &info));
    ort::Owned<OrtTypeInfo> owned(info);
    auto type = port_type(info, file.shapeless.contains(port.name));
    if (!type.ok()) {
      // "output y is a sequence": reads on, so no colon.
      return Status(type.status().code(),
                    cat(side.word, " ", port.name, " ", type.status().message()));
    }
    port.type = *std::move(type);
    all.push_back(std::move(port));
  }
  return all;
}

std::vector<const char*> names_of(const std::vector<ModelPort>& ports) {
  std::vector<const char*> names;
  for (const ModelPort& port : ports) names.push_back(port.name.c_str());
  return names;
}

Result<std::unique_ptr<Model>> OnnxModel::load(const std::string& path,
                                               const ModelOptions& options) {
  if (options.threads < 1) {
    return Status(Code::kBadInput, cat("threads is ", options.threads, "; at least 1 is needed"));
  }
  LEAT_ASSIGN(OnnxFile file, inspect_onnx(path));
  LEAT_ASSIGN(auto settings, session_options(options, file));
  auto model = std::make_unique<OnnxModel>();
  model->bytes_ = file.bytes;
  OrtSession* session = nullptr;
  {
    ort::Loading loading;
    LEAT_ORT(Code::kBadInput,
             api().CreateSession(ort::environment(), path.c_str(), settings.get(), &session));
  }
  model->session_.reset(session);
  malloc_trim(0);  // what parsing took, as large as the weights
  LEAT_ASSIGN(model->inputs_, ports(session,
                                    {"input", api().SessionGetInputCount, api().SessionGetInputName,
                                     api().SessionGetInputTypeInfo},
                                    file));
  LEAT_ASSIGN(model->outputs_, ports(session,
                                     {"output", api().SessionGetOutputCount,
                                      api().SessionGetOutputName, api().SessionGetOutputTypeInfo},
                                     file));
  model->input_names_ = names_of(model->inputs_);
  model->output_names_ = names_of(model->outputs_);
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace

Result<std::unique_ptr<Model>> load_onnx(const std::string& path, const ModelOptions& options) {
  return OnnxModel::load(path, options);
}

}  // namespace leat
