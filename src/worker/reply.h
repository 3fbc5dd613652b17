// A worker's answer: as it lies in the worker's arena, and as the server takes it from there.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "leat/tensor.h"
#include "worker/ring.h"

namespace leat {

// Followed by `outputs` TensorWires, and then by the text.
struct Reply {
  uint32_t code = 0;  // of the status
  uint32_t outputs = 0;
  uint64_t text = 0;  // bytes: of the status's message, or of the note that goes with an answer
};

struct ReplyReader {
  std::span<std::byte> arena;      // the worker's: it may change while it is read
  const std::byte* exchange;       // where the memory of `inputs` begins
  std::span<const Tensor> inputs;  // of the batch
  // For an output at this offset of the arena: what release() will be called with, once.
  std::function<void*(uint64_t offset)> lend;
  void (*release)(void*);
  uint32_t number = 0;  // of the worker's arena: what its outputs' blocks say

  // kStepFailed when the answer cannot be; `status` is what the step itself said. `note` is a copy,
  // of which nothing is known.
  Status read(const Message& message, Status& status, std::vector<Tensor>& outputs,
              std::string& note) const;
};

}  // namespace leat
