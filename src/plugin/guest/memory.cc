// Tensors of a plug-in lie in the memory of the program that has loaded it.
#include "memory/blocks.h"
#include "plugin/guest/host.h"
#include "plugin/translate.h"

namespace leat {

Result<Block*> allocate_block(uint64_t bytes) {
  const leat_host* program = host();
  if (!program) return Status(Code::kUnavailable, "the plug-in has not been opened yet");
  Failure failure;
  leat_block* block = program->allocate(bytes, failure.error());
  if (!block) return failure.status("no memory was given");
  return reinterpret_cast<Block*>(block);
}

}  // namespace leat
