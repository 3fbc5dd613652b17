#include "model/onnx/runtime.h"

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "memory/arena.h"
#include "model/onnx/reason.h"

namespace leat::ort {

namespace {

thread_local int loading = 0;
thread_local Status allocation_failure;

// For what cannot fail but by a defect of the library that we were linked with.
void require(OrtStatus* status) {
  if (!status) return;
  fprintf(stderr, "leat: ONNX Runtime cannot be used: %s\n",
          reason_of(api().GetErrorMessage(status)).c_str());
  abort();
}

void release_system_block(Block* block) { std::free(block); }

void* allocate_from_system(size_t size) {
  constexpr size_t kLine = alignof(Block);
  size_t whole = (sizeof(Block) + size + kLine - 1) / kLine * kLine;
  void* memory = whole < size ? nullptr : std::aligned_alloc(kLine, whole);
  if (!memory) throw std::bad_alloc();
  auto* block = new (memory) Block{};
  block->refs.store(1, std::memory_order_relaxed);
  block->capacity = size;
  block->payload = static_cast<std::byte*>(memory) + sizeof(Block);
  block->release = release_system_block;
  return block->payload;
}

void* allocate(OrtAllocator*, size_t size) {
  if (size == 0) return nullptr;
  if (loading > 0) return allocate_from_system(size);
  // Large blocks in few classes: runs of different batch sizes then use the same ones in turn,
  // where each size would keep its own. What is not written to takes address space and no memory.
  if (size > Arena::kCachedBytes && size < Arena::heap().limit() / 4)
    size = std::bit_ceil(size + sizeof(Block)) - sizeof(Block);
  auto block = Arena::heap().allocate(size);
  if (!block.ok()) {
    allocation_failure = block.status();
    throw std::bad_alloc();
  }
  return (*block)->payload;
}

void* reserve(OrtAllocator*, size_t size) {
  return size == 0 ? nullptr : allocate_from_system(size);
}

void release(OrtAllocator*, void* payload) {
  if (!payload) return;
  reinterpret_cast<Block*>(static_cast<std::byte*>(payload) - sizeof(Block))->drop();
}

const OrtMemoryInfo* describe(const OrtAllocator*) { return cpu_memory(); }

void drop_log_line(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

}  // namespace

const OrtApi& api() {
  static const OrtApi* const found = [] {
    const OrtApi* answer = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    if (!answer) {
      fprintf(stderr, "leat: ONNX Runtime %s does not speak version %d of its interface\n",
              OrtGetApiBase()->GetVersionString(), ORT_API_VERSION);
      abort();
    }
    return answer;
  }();
  return *found;
}

const OrtMemoryInfo* cpu_memory() {
  static const OrtMemoryInfo* const info = [] {
    OrtMemoryInfo* made = nullptr;
    require(api().CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &made));
    return made;
  }();
  return info;
}

OrtAllocator* pool_allocator() {
  static OrtAllocator allocator{ORT_API_VERSION, allocate, release, describe, reserve};
  return &allocator;
}

OrtEnv* environment() {
  static OrtEnv* const env = [] {
    OrtEnv* made = nullptr;
    require(api().CreateEnvWithCustomLogger(drop_log_line, nullptr, ORT_LOGGING_LEVEL_FATAL, "leat",
                                            &made));
    require(api().RegisterAllocator(made, pool_allocator()));
    return made;
  }();
  return env;
}

Block* block_at(void* data) {
  auto* payload = static_cast<std::byte*>(data);
  Arena& heap = Arena::heap();
  // Inside the arena what lies before `data` is mapped, and if it is no Block, it does not say that
  // its payload is `data`.
  if (payload < heap.base() + sizeof(Block) || payload >= heap.base() + heap.limit())
    return nullptr;
  if (reinterpret_cast<uintptr_t>(payload) % alignof(Block) != 0) return nullptr;
  auto* block = reinterpret_cast<Block*>(payload - sizeof(Block));
  return block->payload == payload && block->arena == heap.id() ? block : nullptr;
}

Status take_allocation_failure() { return std::exchange(allocation_failure, Status()); }

Loading::Loading() { ++loading; }
Loading::~Loading() { --loading; }

}  // namespace leat::ort
