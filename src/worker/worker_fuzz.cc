// What a worker answers, to inputs in the exchange and in another worker's arena: any message and
// any bytes in its arena give a Status, or outputs of which every byte can be read; and all that
// was lent is given back once.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "worker/reply.h"
#include "worker/wire.h"

using namespace leat;

namespace {

constexpr size_t kArena = 4096;
int lent = 0;

void read_all(const Tensor& tensor) {
  if (!tensor) return;
  unsigned sum = 0;
  for (size_t i = 0; i < tensor.byte_size(); ++i) sum += static_cast<unsigned>(tensor.data()[i]);
  if (tensor.dtype() == DType::kBytes) {
    for (int64_t i = 0; i < tensor.shape().elements(); ++i) {
      for (char c : tensor.string(i)) sum += static_cast<unsigned char>(c);
    }
  }
  [[maybe_unused]] volatile unsigned keep = sum;
#ifdef LEAT_PLANTED_BUG  // of a type that no seed has
  if (tensor.dtype() == DType::kUint16 && tensor.byte_size() > 0) std::abort();
#endif
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  // On the heap, so that a byte too far is found; the inputs' memories beside it.
  auto* arena = static_cast<std::byte*>(std::aligned_alloc(64, kArena));
  std::memset(arena, 0, kArena);
  std::memcpy(arena, data + 4, std::min(size - 4, kArena));
  Tensor inputs[2];
  for (Tensor& input : inputs) {
    input = *Tensor::allocate(DType::kUint8, Shape{64});
    std::memset(input.mutable_data(), 1, 64);
  }
  Tensor others = Tensor::borrow(
      DType::kUint8, Shape{64}, inputs[1].mutable_data(), [](void*) {}, nullptr);
  others.block()->arena = 7;
  others.block()->offset = 128;
  std::swap(inputs[1], others);
  Message message;
  message.offset = data[0] < 250 ? 0 : uint64_t{1} << (data[0] & 63);
  message.length = data[1] < 250 ? uint64_t{data[2]} | uint64_t{data[3]} << 8 : ~uint64_t{data[2]};
  lent = 0;
  const ReplyReader reader{{arena, kArena},
                           inputs[0].data(),
                           inputs,
                           [](uint64_t) -> void* {
                             ++lent;
                             return &lent;
                           },
                           [](void* count) { --*static_cast<int*>(count); },
                           9};
  Status status;
  std::vector<Tensor> outputs;
  std::string note;
  if (reader.read(message, status, outputs, note).ok()) {
    for (const Tensor& output : outputs) read_all(output);
  }
  outputs.clear();
  if (lent != 0) std::abort();
  std::free(arena);
  return 0;
}
