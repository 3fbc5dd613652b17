#include "pipeline/python_end.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/text.h"
#include "pipeline/document.h"
#include "worker/python.h"

namespace leat {

namespace fs = std::filesystem;

namespace {

bool runs(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

// A script that only lives in memory, for as long as this process: it does what python_words() do,
// whose length would be in everybody's way in a list of processes.
int source_file() {
  std::vector<std::string> words = python_words();
  std::string script = "import sys\nsys.path[0] = ''\nsys.argv[1:] = [";
  for (size_t i = 2; i < words.size(); ++i) script += json_text(words[i]) + ",\n";
  script += cat("]\n", words[1]);
  int file = memfd_create("leat_step.py", MFD_CLOEXEC);
  std::string_view left = script;
  while (file >= 0 && !left.empty()) {
    ssize_t put = write(file, left.data(), left.size());
    if (put < 0) return close(file), -1;
    left.remove_prefix(static_cast<size_t>(put));
  }
  return file;
}

}  // namespace

Result<std::string> find_python(const std::string& name) {
  std::error_code error;
  if (fs::is_directory(name, error)) {
    fs::path inside = fs::path(name) / "bin" / "python3";
    if (runs(inside)) return inside.string();
    return Status(Code::kNotFound,
                  cat(name, " is no virtual environment: it has no bin/python3 that can be run"));
  }
  if (name.find('/') != std::string::npos) {
    if (runs(name)) return name;
    return Status(Code::kNotFound, cat("there is no interpreter ", name));
  }
  const char* path = std::getenv("PATH");
  for (std::string_view folder : split(path ? path : "", ':')) {
    if (!folder.empty() && runs(fs::path(folder) / name)) return (fs::path(folder) / name).string();
  }
  return Status(Code::kNotFound, cat("there is no interpreter ", name,
                                     " on PATH; python_env, or --python, names one"));
}

Result<std::vector<std::string>> python_arguments() {
  static const int file = source_file();
  if (file < 0) {
    return Status(Code::kInternal, cat("memfd_create for Python's part: ", strerror(errno)));
  }
  // Opened when the interpreter starts, and not inherited.
  return std::vector<std::string>{cat("/proc/", getpid(), "/fd/", file)};
}

}  // namespace leat
