#include "cli/output_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/text.h"

namespace leat {

Status write_file(const std::string& path, std::string_view text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  bool good = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file) good &= std::fclose(file) == 0;
  if (good) return {};
  return Status(Code::kBadInput, cat(path, ": cannot be written: ", std::strerror(errno)));
}

}  // namespace leat
