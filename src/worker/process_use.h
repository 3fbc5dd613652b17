// What a process takes of the machine, and what the system has done about it.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace leat {

struct ProcessUse {
  uint64_t resident = 0;   // bytes of memory, what it shares with others among them
  uint64_t anonymous = 0;  // of those, what nobody else can see
  double cpu_seconds = 0;  // of all its threads, in all its life
};

// Of a process that has not been waited for; zeros when there is none.
ProcessUse process_use(pid_t pid);

// How many processes of this one's control group the kernel has ended for want of memory. 0 where
// that is not told.
uint64_t ended_for_memory();

}  // namespace leat
