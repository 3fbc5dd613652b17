// Counts what a program takes from the system's allocator. Include in one source file only: it
// replaces malloc and its family for the whole program.
//
// Whose an allocation is, its stack says: the innermost frame outside the C and C++ libraries lies
// in the program, which holds the whole engine, or in a third party's shared library. Looking takes
// microseconds, so it is done only while `attribute` is set.
#pragma once

#include <dlfcn.h>
#include <unwind.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <string_view>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
extern const char __executable_start, etext;  // the program's code; the linker knows
}

namespace bench {
inline std::atomic<long> allocations{0};

inline std::atomic<bool> attribute{false};
inline std::atomic<long> own{0};     // of `allocations`, by the program's own code
inline std::atomic<long> others{0};  // by third parties' libraries

// Where the program's own code allocated, by the address it returns to.
struct Place {
  std::atomic<uintptr_t> address{0};
  std::atomic<long> count{0};
};
inline std::array<Place, 64> places;

inline bool in_program(uintptr_t address) {
  return address >= reinterpret_cast<uintptr_t>(&__executable_start) &&
         address < reinterpret_cast<uintptr_t>(&etext);
}

inline bool in_language_library(uintptr_t address) {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(address), &info) || !info.dli_fname) return false;
  std::string_view name = info.dli_fname;
  name.remove_prefix(name.rfind('/') + 1);
  for (std::string_view library : {"libstdc++.so", "libc.so", "libgcc_s.so", "ld-linux"}) {
    if (name.starts_with(library)) return true;
  }
  return false;
}

// Finds the innermost frame that is not the language's, from where malloc returns to on.
struct Search {
  uintptr_t caller;
  bool begun = false;
  uintptr_t found = 0;

  static _Unwind_Reason_Code look(_Unwind_Context* context, void* data) {
    auto* search = static_cast<Search*>(data);
    uintptr_t address = _Unwind_GetIP(context);
    search->begun |= address == search->caller;
    if (!search->begun || (!in_program(address) && in_language_library(address))) {
      return _URC_NO_REASON;
    }
    search->found = address;
    return _URC_END_OF_STACK;
  }
};

inline void note(uintptr_t address) {
  for (Place& place : places) {
    uintptr_t there = 0;
    if (place.address.compare_exchange_strong(there, address) || there == address) {
      place.count.fetch_add(1);
      return;
    }
  }
}

inline void count(void* caller) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (!attribute.load(std::memory_order_relaxed)) return;
  Search search{reinterpret_cast<uintptr_t>(caller)};
  _Unwind_Backtrace(Search::look, &search);
  if (!in_program(search.found)) {
    others.fetch_add(1);
    return;
  }
  own.fetch_add(1);
  note(search.found);
}

// For addr2line -Cfie PROGRAM.
inline void print_places() {
  for (Place& place : places) {
    if (place.count == 0) continue;
    std::printf("    %8ld from %#lx\n", place.count.load(),
                place.address - reinterpret_cast<uintptr_t>(&__executable_start) - 1);
  }
}
}  // namespace bench

extern "C" {
void* malloc(size_t bytes) {
  bench::count(__builtin_return_address(0));
  return __libc_malloc(bytes);
}
void* calloc(size_t n, size_t bytes) {
  bench::count(__builtin_return_address(0));
  return __libc_calloc(n, bytes);
}
void* realloc(void* old, size_t bytes) {
  bench::count(__builtin_return_address(0));
  return __libc_realloc(old, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  bench::count(__builtin_return_address(0));
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** out, size_t alignment, size_t bytes) {
  bench::count(__builtin_return_address(0));
  *out = __libc_memalign(alignment, bytes);
  return *out ? 0 : 12;
}
void free(void* pointer) { __libc_free(pointer); }
}
