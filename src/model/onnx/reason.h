// What a person can use of ONNX Runtime's error messages.
#pragma once

#include <string>
#include <string_view>

namespace leat {

// One line, without the library's own source places, signatures and the model's path. An error
// inside a run begins with the node: "node Reshape_12 (Reshape): ...".
std::string reason_of(std::string_view message);

}  // namespace leat
