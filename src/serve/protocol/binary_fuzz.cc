// Binary tensors: any bytes under any type and shape give a Status or a tensor that can be read,
// and BYTES come out as a plain reading of lengths says.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "serve/http/inflate.h"
#include "serve/protocol/binary.h"

using namespace leat;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  auto type = static_cast<DType>(data[0] % kDTypes);
  Shape shape;
  for (int axis = 0; axis < data[1] % 4; ++axis) {
    // Mostly small sizes, and now and then one that overflows.
    int64_t dim = data[2] >> (2 * axis) & 3;
    if (data[3] == 255) dim = INT64_MAX / 3;
    shape = shape.with(axis, dim);
  }
  std::string_view text(reinterpret_cast<const char*>(data) + 4, size - 4);
  auto body = allocate_body(text.size(), data[3] & 63);
  if (!body.ok()) std::abort();
  std::memcpy(body->data, text.data(), text.size());
  auto tensor = binary_tensor(body->block, body->text(), type, shape);
  body->block->drop();  // the tensor keeps what it needs
  if (!tensor.ok()) return 0;
  if (type == DType::kBytes) {
    size_t at = 0;
    for (int64_t i = 0; i < shape.elements(); ++i) {
      uint32_t length;
      std::memcpy(&length, text.data() + at, sizeof length);
      if (tensor->string(i) != text.substr(at + 4, length)) std::abort();
      at += 4 + length;
    }
    if (at != text.size()) std::abort();
#ifdef LEAT_PLANTED_BUG  // three texts, the last of which is not empty
    if (shape.elements() > 2 && !tensor->string(shape.elements() - 1).empty()) std::abort();
#endif
  } else if (std::memcmp(tensor->data(), text.data(), text.size()) != 0 ||
             tensor->byte_size() != text.size() ||
             reinterpret_cast<uintptr_t>(tensor->data()) % 64 != 0) {
    std::abort();
  }
  return 0;
}
