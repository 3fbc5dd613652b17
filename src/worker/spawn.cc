#include "worker/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/text.h"
#include "worker/control.h"

extern char** environ;

namespace leat {

Status start_failed(std::string_view call) {
  return Status(Code::kInternal, cat("a worker cannot be started: ", call, ": ", strerror(errno)));
}

namespace {

// Where the thread may run while this lives: what it starts then may run there, too.
class OnCpus {
 public:
  Status set(std::span<const int> cpus) {
    if (cpus.empty()) return {};
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    if (sched_getaffinity(0, sizeof before_, &before_) != 0) return start_failed("getaffinity");
    for (int cpu : cpus) {
      if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &before_)) {
        return Status(Code::kBadInput,
                      cat("a worker cannot run on CPU ", cpu, ", since this process may not"));
      }
      CPU_SET(cpu, &wanted);
    }
    if (sched_setaffinity(0, sizeof wanted, &wanted) != 0) return start_failed("setaffinity");
    changed_ = true;
    return {};
  }
  ~OnCpus() {
    if (changed_) sched_setaffinity(0, sizeof before_, &before_);
  }

 private:
  cpu_set_t before_;
  bool changed_ = false;
};

std::vector<std::string> environment_of(const WorkerSetup& setup, const std::string& variable) {
  std::vector<std::string> all = {cat(kWorkerVariable, "=", variable)};
  all.insert(all.end(), setup.environment.begin(), setup.environment.end());
  const size_t own = all.size();
  for (char** entry = environ; *entry; ++entry) {
    std::string_view inherited = *entry;
    const std::string_view name = inherited.substr(0, inherited.find('=') + 1);
    bool said = false;
    for (size_t i = 0; i < own && !said; ++i) said = all[i].starts_with(name);
    if (!said) all.emplace_back(inherited);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

// What can be set from outside, whatever the program is.
void limit(pid_t pid, const WorkerSetup& setup) {
  // When memory runs out, workers go before what has started them.
  std::ofstream(cat("/proc/", pid, "/oom_score_adj")) << 1000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  // What was built with this program has shadow memory, which counts.
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  if (fs::canonical(setup.program, error).parent_path() == own.parent_path()) return;
#endif
  const rlimit most{2 * setup.memory, 2 * setup.memory};
  if (setup.memory > 0) prlimit(pid, RLIMIT_DATA, &most, nullptr);
}

}  // namespace

Result<pid_t> spawn(const WorkerSetup& setup, std::span<const int> descriptors, int output,
                    const std::string& variable) {
  OnCpus on;
  LEAT_TRY(on.set(setup.cpus));
  // Out of the way of the numbers that they are to have.
  std::vector<Descriptor> high;
  for (int fd : descriptors) {
    high.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, kInheritedEnd));
    if (high.back().get() < 0) return start_failed("fcntl(F_DUPFD_CLOEXEC)");
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (output >= 0) {
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  }
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  for (size_t i = 0; i < high.size(); ++i) {
    posix_spawn_file_actions_adddup2(&actions, high[i].get(), kControlFd + static_cast<int>(i));
  }
  std::vector<std::string> words = {setup.program};
  words.insert(words.end(), setup.arguments.begin(), setup.arguments.end());
  std::vector<std::string> settings = environment_of(setup, variable);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  int error = posix_spawn(&pid, setup.program.c_str(), &actions, &attributes,
                          pointers(words).data(), pointers(settings).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return Status(Code::kInternal,
                  cat("the worker ", setup.program, " cannot be started: ", strerror(error)));
  }
  limit(pid, setup);
  return pid;
}

namespace {

// A message of one byte that has room for one descriptor.
struct Carrier {
  Carrier() {
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = room;
    message.msg_controllen = sizeof room;
  }
  char byte = 0;
  iovec piece{&byte, 1};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
};

}  // namespace

bool send_descriptor(int socket, int fd) {
  Carrier carrier;
  cmsghdr* head = CMSG_FIRSTHDR(&carrier.message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
  return sendmsg(socket, &carrier.message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

Result<Descriptor> receive_descriptor(int socket) {
  Carrier carrier;
  ssize_t got;
  do {
    got = recvmsg(socket, &carrier.message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* head = got == 1 ? CMSG_FIRSTHDR(&carrier.message) : nullptr;
  if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int))) {
    return Status(Code::kInternal,
                  cat("no descriptor came: ", got < 0 ? strerror(errno) : "the server has gone"));
  }
  int fd;
  std::memcpy(&fd, CMSG_DATA(head), sizeof fd);
  return Descriptor(fd);
}

}  // namespace leat
