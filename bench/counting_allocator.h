// Counts what a program takes from the system's allocator. Include in one source file only: it
// replaces malloc and its family for the whole program.
#pragma once

#include <atomic>
#include <cstddef>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace bench {
inline std::atomic<long> allocations{0};
inline std::atomic<long> allocated_bytes{0};

// Threads inside a third party's code count apart.
inline thread_local int outside = 0;

inline void count(size_t bytes) {
  if (outside > 0) return;
  allocations.fetch_add(1, std::memory_order_relaxed);
  allocated_bytes.fetch_add(static_cast<long>(bytes), std::memory_order_relaxed);
}
}  // namespace bench

extern "C" {
void* malloc(size_t bytes) {
  bench::count(bytes);
  return __libc_malloc(bytes);
}
void* calloc(size_t n, size_t bytes) {
  bench::count(n * bytes);
  return __libc_calloc(n, bytes);
}
void* realloc(void* old, size_t bytes) {
  bench::count(bytes);
  return __libc_realloc(old, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  bench::count(bytes);
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** out, size_t alignment, size_t bytes) {
  bench::count(bytes);
  *out = __libc_memalign(alignment, bytes);
  return *out ? 0 : 12;
}
void free(void* pointer) { __libc_free(pointer); }
}
