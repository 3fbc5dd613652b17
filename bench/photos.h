// Real photos and models for the benchmarks, and the line that says which machine they ran on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu.h"

namespace bench {

struct Photo {
  std::string name;
  std::vector<uint8_t> bytes;
};

// The folder of shared assets: $LEAT_ASSETS, or beside the repository.
inline std::filesystem::path assets() {
  const char* set = std::getenv("LEAT_ASSETS");
  return set ? set : "../shared/assets";
}

// Says so, and gives false, where the assets that `program` needs are absent.
inline bool have_assets(const char* program) {
  if (std::filesystem::exists(assets() / "MANIFEST.tsv")) return true;
  std::printf("%s: skipped, there are no assets at %s; set LEAT_ASSETS\n", program,
              assets().c_str());
  return false;
}

inline std::vector<uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The JPEGs of some folders under images/, in the order of their names.
inline std::vector<Photo> photos(const std::vector<std::string>& folders) {
  std::vector<Photo> found;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(assets() / "images" / folder)) {
      std::string extension = entry.path().extension();
      if (extension != ".jpg" && extension != ".jpeg") continue;
      found.push_back({folder + "/" + entry.path().filename().string(), read_file(entry.path())});
    }
  }
  std::ranges::sort(found, {}, &Photo::name);
  return found;
}

// One line: the processor, the cores this process may use, and how busy they are already.
inline void print_machine() {
  std::ifstream cpus("/proc/cpuinfo"), loads("/proc/loadavg");
  std::string line, model = "unknown processor", load = "?";
  while (std::getline(cpus, line)) {
    if (line.starts_with("model name")) model = line.substr(line.find(": ") + 2);
  }
  loads >> load;
  std::printf("machine: %s, %d cores, load before the run %s\n", model.c_str(), leat::cpu_budget(),
              load.c_str());
}

}  // namespace bench
