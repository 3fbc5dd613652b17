#include "base/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>

namespace leat {

namespace {

// Every cgroup from this process's own up to the root may set a limit; `apply` sees each folder of
// the v2 hierarchy (v1's flat controllers follow).
template <typename Apply>
void for_each_cgroup(Apply apply) {
  std::ifstream self("/proc/self/cgroup");
  std::string line;
  while (std::getline(self, line)) {
    if (line.rfind("0::", 0) != 0) continue;
    std::string path = line.substr(3);
    while (true) {
      apply("/sys/fs/cgroup" + path);
      if (path.empty() || path == "/") return;
      path.resize(path.rfind('/'));
    }
  }
}

int quota_cores() {
  double cores = std::numeric_limits<double>::infinity();
  auto consider = [&](double quota, double period) {
    if (quota > 0 && period > 0) cores = std::min(cores, quota / period);
  };
  for_each_cgroup([&](const std::string& folder) {
    std::ifstream file(folder + "/cpu.max");
    double quota, period;
    if (file >> quota >> period) consider(quota, period);  // "max" does not parse: no limit
  });
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota, period;
  if (v1_quota >> quota && v1_period >> period) consider(quota, period);
  constexpr double kMost = 1 << 16;
  if (cores > kMost) return 1 << 16;
  return std::max(1, static_cast<int>(cores + 0.999));
}

}  // namespace

int cpu_budget() {
  static const int budget = [] {
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : get_nprocs();
    cores = std::min(cores, quota_cores());
    if (const char* text = std::getenv("LEAT_CPUS")) {
      int wanted = std::atoi(text);
      if (wanted > 0) cores = std::min(cores, wanted);
    }
    return std::max(1, cores);
  }();
  return budget;
}

uint64_t memory_limit() {
  struct sysinfo machine;
  uint64_t limit =
      sysinfo(&machine) == 0 ? uint64_t{machine.totalram} * machine.mem_unit : uint64_t{8} << 30;
  auto consider = [&](const std::string& path) {
    std::ifstream file(path);
    uint64_t bytes;
    if (file >> bytes && bytes > 0) limit = std::min(limit, bytes);
  };
  for_each_cgroup([&](const std::string& folder) { consider(folder + "/memory.max"); });
  consider("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  return limit;
}

uint32_t thread_number() {
  static std::atomic<uint32_t> next{0};
  thread_local const uint32_t number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

void name_thread(const char* name) {
  // The kernel refuses longer names.
  pthread_setname_np(pthread_self(), std::string(name).substr(0, 15).c_str());
}

int64_t process_cpu_nanos() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace leat
