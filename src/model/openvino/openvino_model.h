// Models run by OpenVINO on the CPU: ONNX files, and OpenVINO's own (.xml, with its .bin beside
// it).
//
// One compiled model, with the weights in memory once, and in it a stream for each run that may go
// on at a time (ModelOptions::instances): its working memory, and a thread, which sleeps while
// there is nothing to do. The caller's thread waits for it; a model with one stream runs on the
// caller's. Runs beyond the number of streams wait for one. Working memory is OpenVINO's, not the
// pool's.
//
// It computes in FP32 (the precision hint that it is given), so that its answers are ONNX Runtime's
// up to rounding; and in 32 bits what is INT64 or UINT64. So a value of an input that does not fit
// these is refused, and so are ports of FP64. BYTES it cannot carry.
//
// A run that is stopped ends before its next node. One that is stopped within the few instructions
// between its start and OpenVINO's noting it finishes, and so does one inside of a Loop.
#pragma once

#include <memory>
#include <string>

#include "model/model.h"

namespace leat {

// Is this the beginning of an OpenVINO model's .xml file?
bool is_openvino(std::string_view head);

// Errors as load_model's, without the path. `onnx`: the file is an ONNX model.
Result<std::unique_ptr<Model>> load_openvino(const std::string& path, bool onnx,
                                             const ModelOptions& options);

}  // namespace leat
