// inspect_onnx() on any bytes: a Status that says why, or what the file holds.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "model/onnx/model_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int file = memfd_create("model", MFD_CLOEXEC);
  static const std::string path = leat::cat("/proc/self/fd/", file);
  if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  auto found = leat::inspect_onnx(path);
  if (found.ok() ? found->bytes != size : found.status().message().empty()) std::abort();
#ifdef LEAT_PLANTED_BUG  // two ports without a shape, and a shape that is open inside
  if (found.ok() && found->shapeless.size() > 1 && found->many_shapes) std::abort();
#endif
  return 0;
}
