// ONNX models, run by ONNX Runtime on the CPU.
//
// One session a model, with the weights in memory once; any number of threads run it at a time.
// What a run needs comes from the pool: ONNX Runtime allocates through pool_allocator() (see
// runtime.h), so that an output it has made is a pool block already, and is handed out as it is.
#pragma once

#include <memory>
#include <string>

#include "model/model.h"

namespace leat {

// Errors as load_model's, without the path.
Result<std::unique_ptr<Model>> load_onnx(const std::string& path, const ModelOptions& options);

}  // namespace leat
