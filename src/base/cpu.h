// What this process may use of the machine.
#pragma once

#include <cstdint>

namespace leat {

// Cores that this process may keep busy: the smallest of the cgroup's quota (rounded up), the
// affinity mask and LEAT_CPUS. At least 1. Read once.
int cpu_budget();

// Bytes of memory of the machine or of the cgroup, whichever is smaller.
uint64_t memory_limit();

// A small number for the calling thread, for choosing a shard. Threads share numbers past 2^32.
uint32_t thread_number();

void name_thread(const char* name);  // at most 15 characters show

// CPU time that this process has used, all threads, in nanoseconds.
int64_t process_cpu_nanos();

}  // namespace leat
