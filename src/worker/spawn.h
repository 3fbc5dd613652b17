// Starting a worker's process, and the descriptors that go to it.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "leat/status.h"
#include "worker/worker.h"

namespace leat {

// Closed when it goes.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// What errno says about a call that a start needs.
Status start_failed(std::string_view call);

// Runs the program with descriptors[i] as its number kControlFd + i and no others but the standard
// ones: all of this process's are to be closed on exec. `variable`: what kWorkerVariable says.
Result<pid_t> spawn(const WorkerSetup& setup, std::span<const int> descriptors,
                    const std::string& variable);

// One descriptor over a stream socket, with one byte. Sending never blocks: false when the system
// does not take it now. Receiving blocks.
bool send_descriptor(int socket, int fd);
Result<Descriptor> receive_descriptor(int socket);

}  // namespace leat
