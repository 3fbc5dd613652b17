// Packed bodies: any bytes give a Status or no more than is allowed; what was packed here comes
// back as it was, up to the limit itself.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "serve/http/inflate.h"

using namespace leat;

namespace {

constexpr size_t kMost = 1 << 16;

struct Unpacked {
  Unpacked(std::string_view packed, size_t most, size_t aligned) {
    auto allocated = allocate_body(packed.size(), aligned);
    if (!allocated.ok()) std::abort();
    body = *allocated;
    std::memcpy(body.data, packed.data(), packed.size());
    status = inflate(body, most, aligned);
  }
  ~Unpacked() { body.block->drop(); }
  Body body;
  Status status;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  {
    Unpacked any(text, kMost, data[0]);
    if (any.status.ok() ? any.body.size > kMost : any.status.message().empty()) std::abort();
#ifdef LEAT_PLANTED_BUG  // far more comes out than went in
    if (any.status.ok() && any.body.size > 30 * size) std::abort();
#endif
  }
  std::string packed;
  gzip(text, packed);
  Unpacked just(packed, text.size(), data[0]), less(packed, text.size() - 1, data[0]);
  if (!just.status.ok() || just.body.text() != text) std::abort();
  if (less.status.code() != Code::kTooLarge) std::abort();
  return 0;
}
