// Starting a worker's process, and the descriptors that go to it.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>

#include "leat/status.h"
#include "worker/descriptor.h"
#include "worker/worker.h"

namespace leat {

// What errno says about a call that a start needs.
Status start_failed(std::string_view call);

// Runs the program within its limits, with descriptors[i] as its number kControlFd + i and no
// others but the standard ones: all of this process's are to be closed on exec. `output`: where it
// prints to, if that is not -1. `variable`: what kWorkerVariable says.
Result<pid_t> spawn(const WorkerSetup& setup, std::span<const int> descriptors, int output,
                    const std::string& variable);

// One descriptor over a stream socket, with one byte. Sending never blocks: false when the system
// does not take it now. Receiving blocks.
bool send_descriptor(int socket, int fd);
Result<Descriptor> receive_descriptor(int socket);

}  // namespace leat
