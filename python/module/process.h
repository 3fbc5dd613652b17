// The process that the module lives in: its forks and its end.
#pragma once

#include <cstdint>

namespace leat {

// How many forks lie between the process that loaded the module and this one. Threads do not cross
// a fork: what was made in another generation has none.
uint32_t generation();

// From here on forks leave the heap whole in the child. Not by Python's hooks, between which
// another thread may get the GIL and wait for a lock that is held for the fork. Once, at import.
void follow_forks();

// The interpreter is about to end: calls under way are cancelled, and from here on nothing more is
// handed to Python, which leaks what it has lent.
void close_module();

}  // namespace leat
