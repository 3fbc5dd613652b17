// What a worker may still do once it has been set up: compute, read and write what it has open, and
// answer. So what is in a picture that was made to break its decoder cannot get out of the worker.
//
// Nothing on the way of a batch needs more. Looking for a file fails as if it were not permitted,
// since libraries do so on many occasions and can do without; whatever else is not on the list
// (programs, sockets, other processes) ends the process: "killed by signal 31 (Bad system call)".
// Of files that it may not open it can still learn sizes and times.
#pragma once

#include <sys/types.h>

#include <string>

#include "leat/status.h"

namespace leat {

// A seccomp filter: an array of sock_filter, for whoever installs it by other means than
// enter_sandbox(). Bytes 4 to 7 of it are the number of the process, little-endian, which may send
// signals to itself only; with 0 there it may send none, and cannot abort().
std::string sandbox_filter(pid_t process = 0);

// For this process, all its threads, and for ever. `server`: the parent, with which it is to end.
// A superuser becomes nobody. After an error the process may be half inside and should end.
Status enter_sandbox(pid_t server);

}  // namespace leat
