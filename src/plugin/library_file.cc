// dlopen() maps what the file's header promises; where the file is shorter, reading it ends the
// process.
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/text.h"
#include "plugin/plugin.h"

namespace leat {

namespace {

constexpr Elf64_Half kMachine =
#if defined(__x86_64__)
    EM_X86_64;
#elif defined(__aarch64__)
    EM_AARCH64;
#else
    EM_NONE;
#endif

Status wrong(std::string_view why) { return Status(Code::kBadInput, std::string(why)); }

Status check(int file) {
  struct stat state;
  if (fstat(file, &state) != 0) return wrong(cat("it cannot be read: ", strerror(errno)));
  if (!S_ISREG(state.st_mode)) return wrong("it is no regular file");
  const auto size = static_cast<uint64_t>(state.st_size);
  Elf64_Ehdr head;
  const ssize_t got = pread(file, &head, sizeof head, 0);
  if (got < 0) return wrong(cat("it cannot be read: ", strerror(errno)));
  if (got < EI_NIDENT || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) {
    return wrong("it is no shared library: it does not begin as an ELF file does");
  }
  if (head.e_ident[EI_CLASS] != ELFCLASS64 || got != sizeof head || head.e_machine != kMachine) {
    return wrong("it is a library for another kind of machine");
  }
  if (head.e_type != ET_DYN || head.e_phentsize != sizeof(Elf64_Phdr)) {
    return wrong("it is an ELF file, but no shared library; link it with -shared");
  }
  std::vector<Elf64_Phdr> parts(head.e_phnum);
  const auto bytes = static_cast<ssize_t>(parts.size() * sizeof(Elf64_Phdr));
  if (pread(file, parts.data(), static_cast<size_t>(bytes), static_cast<off_t>(head.e_phoff)) !=
      bytes) {
    return wrong("it is cut off: it ends within its headers");
  }
  for (const Elf64_Phdr& part : parts) {
    if (part.p_type == PT_LOAD && (part.p_filesz > size || part.p_offset > size - part.p_filesz)) {
      return wrong(cat("it is cut off: it has ", size, " bytes, its headers speak of ",
                       part.p_offset + part.p_filesz));
    }
  }
  return {};
}

}  // namespace

Status check_library_file(const std::string& path) {
  // A pipe is not waited for.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return wrong(errno == ENOENT ? std::string("there is no such file")
                                 : cat("it cannot be read: ", strerror(errno)));
  }
  Status status = check(file);
  close(file);
  return status;
}

}  // namespace leat
