#include "worker/process_use.h"

#include <unistd.h>

#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "base/text.h"

namespace leat {

namespace {

// The number behind the line's first word, where that is `name`.
uint64_t number_in(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  uint64_t value = 0;
  for (std::string word; file >> word;) {
    if (word == name && file >> value) return value;
    file.clear();
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

}  // namespace

ProcessUse process_use(pid_t pid) {
  const std::string folder = cat("/proc/", pid);
  ProcessUse use;
  use.resident = number_in(folder + "/status", "VmRSS:") << 10;
  use.anonymous = number_in(folder + "/status", "RssAnon:") << 10;
  std::string line, word;
  std::getline(std::ifstream(folder + "/stat"), line);
  std::istringstream stat(line.substr(line.rfind(')') + 1));  // behind a name that may be anything
  for (int i = 0; i < 11; ++i) stat >> word;
  double user = 0, system = 0;
  if (stat >> user >> system) {
    use.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  return use;
}

uint64_t ended_for_memory() {
  std::ifstream groups("/proc/self/cgroup");
  uint64_t count = 0;
  for (std::string line; std::getline(groups, line);) {
    const bool second = line.starts_with("0::");
    const size_t path = line.find(":/");
    if (path == line.npos || (!second && line.find(":memory:") == line.npos)) continue;
    std::string folder = second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const char* file = second ? "/memory.events" : "/memory.oom_control";
    // Inside of a container its own group may be the root of what is seen.
    if (access((folder + line.substr(path + 1) + file).c_str(), R_OK) == 0) {
      folder += line.substr(path + 1);
    }
    count += number_in(folder + file, "oom_kill");
  }
  return count;
}

}  // namespace leat
