// Tensors as they are told from one process to another: where they lie, and what they are.
//
// Known to both are the exchange, which belongs to the server and which workers can only read, each
// worker's own arena, which it writes and the server only reads, and arenas of other workers, which
// the server shows to a worker when inputs lie there. What the server reads of a worker's is not
// believed: see tell() and the three functions after it.
#pragma once

#include <span>

#include "leat/tensor.h"
#include "memory/arena.h"

namespace leat {

// kWorkers: the arena of the worker that tells or is told. kServers: any other memory.
enum class Whose : uint8_t { kAbsent, kServers, kWorkers };

struct TensorWire {
  Whose whose = Whose::kAbsent;
  uint8_t dtype = 0;
  uint8_t rank = 0;
  uint8_t unused = 0;
  int32_t width = 0, height = 0;    // of the full picture of an image tensor that was reduced
  uint32_t arena = 0;               // kServers: 0, the exchange, or a number that kMap told
  uint64_t offset = 0, length = 0;  // in bytes, in that arena
  uint64_t base = 0;                // what a BYTES element's offset counts from
  int64_t dims[Shape::kMaxRank] = {};
};
static_assert(sizeof(TensorWire) == 104);

// `tensor`, which lies in the memory that begins at `memory`.
TensorWire tell(const Tensor& tensor, Whose whose, const std::byte* memory);

// Bytes of a tensor, or of none: the elements of BYTES tensors come along.
uint64_t whole_size(const Tensor& tensor);
// A copy in `arena`, whole likewise.
Result<Tensor> copy_into(Arena& arena, const Tensor& tensor);

// In the worker: a view on what the server told. It is believed; the memory stays until the worker
// has answered.
Tensor view_of(const TensorWire& wire, std::byte* base);

// In the server: checks that what a worker told lies inside of `memory`, is aligned, and is as long
// as its type and shape say; kStepFailed with the reason otherwise. `wire` must be a copy that the
// worker cannot change. BYTES tensors with elements are copied out of the worker's reach; others
// are views, kept valid by `release(context)`, which is called when the last one has gone (or at
// once, when there is none); their blocks say that they lie in `arena`.
Result<Tensor> checked_view(const TensorWire& wire, std::span<std::byte> memory,
                            void (*release)(void*), void* context, uint32_t arena = 0);
// The same for what the worker was shown, which must lie inside one of `inputs`: in the exchange,
// which begins at `memory`, or in the arena that `wire` names. Of texts it may be rows, or one
// text.
Result<Tensor> checked_input(const TensorWire& wire, std::span<const Tensor> inputs,
                             const std::byte* memory);

}  // namespace leat
