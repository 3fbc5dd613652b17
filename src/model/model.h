// A loaded model: something that turns a batch of tensors into a batch of tensors.
//
// The layout of batches, for the whole project: items lie one after another along the batch axis,
// which is axis 0 of every port unless the port says otherwise; an item's shape is the port's
// without that axis. Model::run sees whole batches, the batch axis included; everything above works
// on items.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "leat/status.h"
#include "leat/tensor.h"
#include "leat/type.h"
#include "model/run_stop.h"

namespace leat {

// A port as the model itself declares it: every axis present, -1 and names where it is open.
struct ModelPort {
  std::string name;
  Type type;  // one element type, known rank (or open, if the model does not say)
};

// What runs a model's file. OpenVINO's own files are run by OpenVINO in any case.
enum class Runtime : uint8_t { kOfFile, kOnnxRuntime, kOpenVino };

struct ModelOptions {
  int threads = 1;  // that one run may use
  Runtime runtime = Runtime::kOfFile;
  int instances = 0;  // runs at a time, for runtimes that prepare for them; 0: as the CPU carries
};

class Model {
 public:
  virtual ~Model() = default;

  virtual const std::vector<ModelPort>& inputs() const = 0;
  virtual const std::vector<ModelPort>& outputs() const = 0;
  // What `GET /v2/models/M` gives as platform: "onnxruntime_onnx", "OpenVINO".
  virtual std::string_view platform() const = 0;
  virtual uint64_t weight_bytes() const = 0;  // size of the file(s)

  // One execution: `inputs` and `outputs` in the order of inputs() and outputs(). An output tensor
  // that comes in present is memory to write into (right type and shape, or an error; never BYTES);
  // an absent one is made by the model, in pool memory. After an error the outputs are unspecified.
  // Input memory needs no more than the alignment of its elements, and is not copied (BYTES are).
  // Errors: kBadInput for an input that is absent or does not fit its port, kCancelled when `stop`
  // (which may be null) ended the run, kOverloaded when the pool is used up, kStepFailed with the
  // runtime's reason, on one line, for all else.
  // Threads: may be called from several at once.
  virtual Status run(std::span<const Tensor> inputs, std::span<Tensor> outputs, RunStop* stop) = 0;
};

// Loads by what the file is: an ONNX model, or OpenVINO's .xml with the .bin beside it, whatever
// its name. Errors, each with the path and the reason on one line: kNotFound; kBadInput for a file
// that is no model or a broken one, kUnsupported for a model that this build cannot run or whose
// ports it cannot carry.
Result<std::unique_ptr<Model>> load_model(const std::string& path, const ModelOptions& options);

// Equal for what one loaded model serves, of a file at one time.
std::string session_key(const std::string& path, const ModelOptions& options);

// Is this the name of a file that may be a model? ".onnx", or ".xml" with its ".bin" beside it.
bool is_model_name(const std::string& path);

// Runs `model` once on zeros (BYTES: empty strings), so that the first request does not pay for
// what a runtime prepares late. `shapes`, by input: what to use; empty: the ports' own, with 1 for
// every dimension they leave open. The error is for a person to read: some models cannot run on
// zeros or on size 1, and are none the worse for it.
Status warm_up(Model& model, std::span<const Shape> shapes = {});

}  // namespace leat
