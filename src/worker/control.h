// What server and worker have in common besides arenas.
#pragma once

#include <cstdint>

#include "worker/ring.h"

namespace leat {

// The memory of the rings, a memfd of its own.
struct ControlMemory {
  RingMemory to_worker, to_server;
};

// Message::kind.
enum WorkerMessage : uint32_t {
  kRun = 1,    // to the worker: batch `id`; offset: `count` TensorWires in the exchange, which are
               // of so many `items`
  kFree = 2,   // to the worker: the block of the output at `offset` of its arena is no longer read
  kDone = 3,   // to the server: batch `id`, which ran for `ran` nanoseconds; offset: a Reply in the
               // worker's arena, of `length` bytes, which is not read any more when the message has
               // been done with
  kMap = 4,    // to the worker: memory `id`, of `length` bytes, is to be mapped for reading; its
               // descriptor has been sent over kSocketFd before
  kUnmap = 5,  // to the worker: memory `id` is not spoken of any more
};

// The descriptors that a worker inherits, by number.
enum Inherited : int {
  kControlFd = 3,
  kExchangeFd,  // open for reading only
  kArenaFd,
  kToWorkerFd,  // eventfd; the worker blocks on it
  kToServerFd,  // eventfd
  kSocketFd,    // a stream of descriptors, each with one byte, in the order of the kMaps
  kInheritedEnd
};

// The server's process number, the sizes of the exchange and the worker's arena, and 1 if the
// worker is to enter the sandbox (sandbox.h) when it has been set up, else 0: in decimal.
constexpr const char* kWorkerVariable = "LEAT_WORKER";

}  // namespace leat
