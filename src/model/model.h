// A loaded model: something that turns a batch of tensors into a batch of tensors.
//
// The layout of batches, for the whole project: items lie one after another along the batch axis,
// which is axis 0 of every port unless the port says otherwise; an item's shape is the port's
// without that axis. Model::run sees whole batches, the batch axis included; everything above works
// on items.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "leat/status.h"
#include "leat/tensor.h"
#include "leat/type.h"

namespace leat {

// A port as the model itself declares it: every axis present, -1 and names where it is open.
struct ModelPort {
  std::string name;
  Type type;  // one element type, known rank (or open, if the model does not say)
};

struct ModelOptions {
  int threads = 1;  // that one run may use
};

class Model {
 public:
  virtual ~Model() = default;

  virtual const std::vector<ModelPort>& inputs() const = 0;
  virtual const std::vector<ModelPort>& outputs() const = 0;
  // "onnx", and what `GET /v2/models/M` gives as platform: "onnxruntime_onnx".
  virtual std::string_view platform() const = 0;
  virtual uint64_t weight_bytes() const = 0;  // size of the file(s)

  // One execution: `inputs` and `outputs` in the order of inputs() and outputs(). An output tensor
  // that comes in present is memory to write into (right type and shape, or an error); an absent one
  // is made by the model, in pool memory. When `*stop` turns true the run ends early with
  // kCancelled. Errors: kStepFailed with the runtime's reason, on one line.
  // Threads: may be called from several at once.
  virtual Status run(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                     const std::atomic<bool>* stop) = 0;
};

// Loads by what the file is (".onnx"). kNotFound, or kBadInput with the reason in one line.
Result<std::unique_ptr<Model>> load_model(const std::string& path, const ModelOptions& options);

}  // namespace leat
