// ONNX Runtime as this process uses it: one environment, silent, with an allocator that takes from
// leat's pool. Include this in as few places as possible: the library's header is heavy.
#pragma once

#include <onnxruntime_c_api.h>

#include <memory>

#include "leat/tensor.h"

namespace leat::ort {

// The C API at the version of our headers.
const OrtApi& api();

// The environment. Lives as long as the process.
OrtEnv* environment();

// Describes memory that is handed to a run, ours and the callers' alike.
const OrtMemoryInfo* cpu_memory();

// The allocator of every session: pool blocks, whose Block lies right before what ONNX Runtime
// sees. Weights, allocated while a Loading lives, come from the system instead: they stay for the
// model's life, and must not be rounded up to size classes. Throws std::bad_alloc, which ONNX
// Runtime turns into an error; a null it would write to.
OrtAllocator* pool_allocator();

// The pool block that begins exactly at `data`, which some allocation of pool_allocator() may have
// given; null when there is none.
Block* block_at(void* data);

// What pool_allocator() last failed with on this thread, and forgets it.
Status take_allocation_failure();

class Loading {
 public:
  Loading();
  ~Loading();
  Loading(const Loading&) = delete;
  Loading& operator=(const Loading&) = delete;
};

// Ownership of what the API hands out.
struct Release {
  void operator()(OrtSession* p) const { api().ReleaseSession(p); }
  void operator()(OrtSessionOptions* p) const { api().ReleaseSessionOptions(p); }
  void operator()(OrtRunOptions* p) const { api().ReleaseRunOptions(p); }
  void operator()(OrtStatus* p) const { api().ReleaseStatus(p); }
  void operator()(OrtTypeInfo* p) const { api().ReleaseTypeInfo(p); }
  void operator()(OrtTensorTypeAndShapeInfo* p) const { api().ReleaseTensorTypeAndShapeInfo(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release>;

}  // namespace leat::ort
