// The process that the module lives in: its forks and its end.
#pragma once

#include <cstdint>

namespace leat {

// How many forks lie between the process that loaded the module and this one. Threads do not cross
// a fork: what was made in another generation has none.
uint32_t generation();

// Called around os.fork(), in this order.
void before_fork();
void after_fork_in_parent();
void after_fork_in_child();

// The interpreter is about to end: calls under way are cancelled, and from here on nothing more is
// handed to Python, which leaks what it has lent.
void close_module();

}  // namespace leat
