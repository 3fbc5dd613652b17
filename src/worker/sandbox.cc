#include "worker/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <utility>
#include <vector>

#include "base/text.h"
#include "worker/control.h"

namespace leat {

namespace {

constexpr unsigned kNobody = 65534;

constexpr int kAllowed[] = {
#if defined(__SANITIZE_ADDRESS__)
    SYS_pipe2,  // by which it tries whether memory can be read
#endif
    // On the way of every batch.
    SYS_futex, SYS_read, SYS_write, SYS_madvise, SYS_mmap, SYS_munmap, SYS_clock_gettime,
    // Memory.
    SYS_brk, SYS_mprotect, SYS_mremap,
    // What is open.
    SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_close, SYS_fstat, SYS_dup,
    SYS_fallocate,
    // Waiting.
    SYS_nanosleep, SYS_clock_nanosleep, SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6,
    SYS_epoll_wait, SYS_epoll_pwait, SYS_pause, SYS_restart_syscall, SYS_sched_yield,
    // Threads and signals, their own.
    SYS_set_robust_list, SYS_get_robust_list, SYS_rseq, SYS_membarrier, SYS_sigaltstack,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_exit, SYS_exit_group,
    // What it may know.
    SYS_clock_getres, SYS_gettimeofday, SYS_time, SYS_times, SYS_getrusage, SYS_getrlimit,
    SYS_getrandom, SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid,
    SYS_getegid, SYS_getcpu, SYS_sched_getaffinity, SYS_sched_getparam, SYS_sched_getscheduler,
    SYS_sysinfo, SYS_uname};

// Calls that fail, and with what.
constexpr std::pair<int, int> kRefused[] = {
    {SYS_open, EACCES},
    {SYS_openat, EACCES},
    {SYS_openat2, EACCES},
    {SYS_creat, EACCES},
    {SYS_stat, EACCES},
    {SYS_lstat, EACCES},
    {SYS_statx, EACCES},
    {SYS_statfs, EACCES},
    {SYS_access, EACCES},
    {SYS_faccessat, EACCES},
    {SYS_faccessat2, EACCES},
    {SYS_readlink, EACCES},
    {SYS_readlinkat, EACCES},
    {SYS_getcwd, EACCES},
    {SYS_ioctl, ENOTTY},
    {SYS_clone3, ENOSYS},  // so that clone() is used, whose flags can be seen
    {SYS_mlock, EPERM},
    {SYS_mbind, EPERM},
    {SYS_set_mempolicy, EPERM},
    {SYS_get_mempolicy, EPERM},
    {SYS_sched_setaffinity, EPERM},
    {SYS_sched_setscheduler, EPERM},
    {SYS_sched_setparam, EPERM},
    {SYS_setpriority, EPERM}};

// The program that the kernel runs at every call. X holds the process's number throughout.
class Filter {
 public:
  explicit Filter(pid_t process) {
    add(BPF_LD | BPF_IMM, static_cast<uint32_t>(process));
    add(BPF_MISC | BPF_TAX, 0);
    load(offsetof(seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    end(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
  }

  void allow(int call) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1);
    end(SECCOMP_RET_ALLOW);
  }
  void refuse(int call, int error) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1);
    end(SECCOMP_RET_ERRNO | static_cast<uint32_t>(error));
  }
  // Where the lower half of an argument is one of `values`, and fails elsewhere.
  void allow_if(int call, size_t argument, std::initializer_list<uint32_t> values) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0,
        static_cast<uint8_t>(2 * values.size() + 2));
    load(lower_half(argument));
    for (uint32_t value : values) {
      add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
      end(SECCOMP_RET_ALLOW);
    }
    end(SECCOMP_RET_ERRNO | EACCES);
  }
  // Where the first argument is the process itself.
  void allow_to_itself(int call) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 4);
    load(lower_half(0));
    add(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1);
    end(SECCOMP_RET_ALLOW);
    end(SECCOMP_RET_KILL_PROCESS);
  }
  void allow_threads() {
    add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
    load(lower_half(0));
    add(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
    end(SECCOMP_RET_ALLOW);
    end(SECCOMP_RET_KILL_PROCESS);
  }
  void end(uint32_t verdict) { add(BPF_RET | BPF_K, verdict); }

  const std::vector<sock_filter>& code() const { return code_; }

 private:
  static uint32_t lower_half(size_t argument) {
    return static_cast<uint32_t>(offsetof(seccomp_data, args) + 8 * argument);
  }
  void load(uint32_t from) { add(BPF_LD | BPF_W | BPF_ABS, from); }
  void add(uint32_t what, uint32_t value, uint8_t if_true = 0, uint8_t if_false = 0) {
    code_.push_back({static_cast<uint16_t>(what), if_true, if_false, value});
  }

  std::vector<sock_filter> code_;
};

Status cannot(std::string_view call) {
  return Status(Code::kUnsupported,
                cat("the sandbox cannot be entered: ", call, ": ", strerror(errno)));
}

Status become_nobody() {
  if (setgroups(0, nullptr) != 0) return cannot("setgroups");
  if (setresgid(kNobody, kNobody, kNobody) != 0) return cannot("setresgid");
  if (setresuid(kNobody, kNobody, kNobody) != 0) return cannot("setresuid");
  return {};
}

}  // namespace

std::string sandbox_filter(pid_t process) {
  Filter filter(process);
  for (int call : kAllowed) filter.allow(call);
  for (auto [call, error] : kRefused) filter.refuse(call, error);
  filter.allow_threads();
  filter.allow_to_itself(SYS_kill);
  filter.allow_to_itself(SYS_tgkill);
  filter.allow_if(SYS_prctl, 0, {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA});
  filter.allow_if(SYS_fcntl, 1, {F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC, F_GET_SEALS});
  filter.allow_if(SYS_prlimit64, 0, {0});
  filter.allow_if(SYS_newfstatat, 3, {AT_EMPTY_PATH});  // which is how fstat() is done
  // Other workers' memories come over the socket; to Python it must say what it is.
  for (int call : {SYS_recvmsg, SYS_getsockname, SYS_getpeername, SYS_getsockopt}) {
    filter.allow_if(call, 0, {kSocketFd});
  }
  filter.end(SECCOMP_RET_KILL_PROCESS);
  const auto& code = filter.code();
  return {reinterpret_cast<const char*>(code.data()), code.size() * sizeof code[0]};
}

Status enter_sandbox(pid_t server) {
  tzset();  // reads a file
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return cannot("prctl(PR_SET_NO_NEW_PRIVS)");
  if (geteuid() == 0) LEAT_TRY(become_nobody());
  // Another user's process has forgotten it.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return cannot("prctl(PR_SET_PDEATHSIG)");
  if (getppid() != server) return Status(Code::kUnavailable, "the server has gone");
  std::string code = sandbox_filter(getpid());
  const sock_fprog program{static_cast<uint16_t>(code.size() / sizeof(sock_filter)),
                           reinterpret_cast<sock_filter*>(code.data())};
  errno = 0;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
    return cannot("seccomp");
  }
  return {};
}

}  // namespace leat
