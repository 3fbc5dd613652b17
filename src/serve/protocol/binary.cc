#include "serve/protocol/binary.h"

#include <cstring>

#include "base/text.h"
#include "memory/arena.h"

namespace leat {

namespace {

// The next element of BYTES at the front of `rest`.
Result<std::string_view> next_string(std::string_view& rest, size_t index) {
  uint32_t length;
  if (rest.size() < sizeof length) {
    return Status(Code::kBadInput, cat("element ", index, " has no 4-byte length: ", rest.size(),
                                       " bytes are left"));
  }
  std::memcpy(&length, rest.data(), sizeof length);
  rest.remove_prefix(sizeof length);
  if (rest.size() < length) {
    return Status(Code::kBadInput, cat("element ", index, " is said to have ", length, " bytes; ",
                                       rest.size(), " are left"));
  }
  std::string_view element = rest.substr(0, length);
  rest.remove_prefix(length);
  return element;
}

Status nothing_left(std::string_view rest, size_t count, const Shape& shape) {
  if (rest.empty()) return {};
  return Status(Code::kBadInput, cat(rest.size(), " bytes are left over after the ", count,
                                     " elements of shape ", shape.text()));
}

// A block of its own for a table of strings that lie in another block: its payload is that other
// block's, so that the table's offsets hold.
struct StringTable {
  Block block;
  Block* strings;
  ByteSpan* entries() { return reinterpret_cast<ByteSpan*>(this + 1); }
};

void release_table(Block* block) {
  auto* table = reinterpret_cast<StringTable*>(block);
  auto* home = reinterpret_cast<Block*>(reinterpret_cast<std::byte*>(table) - sizeof(Block));
  table->strings->drop();
  home->drop();
}

Result<Tensor> strings_in(Block* block, std::string_view bytes, const Shape& shape) {
  LEAT_TRY(shape.bytes(DType::kBytes).status());
  auto count = static_cast<size_t>(shape.elements());
  // Each element takes 4 bytes at least: a shape beyond that is not believed, nor allocated for.
  if (count > bytes.size() / 4) {
    return Status(Code::kBadInput, cat("shape ", shape.text(), " has ", count, " elements, and ",
                                       bytes.size(), " bytes cannot hold them"));
  }
  std::string_view rest = bytes;
  if (shape.rank() == 0) {
    LEAT_ASSIGN(std::string_view only, next_string(rest, 0));
    LEAT_TRY(nothing_left(rest, 1, shape));
    auto* data = reinterpret_cast<std::byte*>(const_cast<char*>(only.data()));
    return Tensor::view(block, DType::kBytes, shape, data, only.size());
  }
  LEAT_ASSIGN(Block * home, Arena::heap().allocate(sizeof(StringTable) + count * sizeof(ByteSpan)));
  auto* table = new (home->payload) StringTable{};
  for (size_t i = 0; i < count; ++i) {
    auto element = next_string(rest, i);
    if (!element.ok()) {
      home->drop();
      return element.status();
    }
    auto offset = reinterpret_cast<const std::byte*>(element->data()) - block->payload;
    table->entries()[i] = {static_cast<uint64_t>(offset), element->size()};
  }
  if (Status status = nothing_left(rest, count, shape); !status.ok()) {
    home->drop();
    return status;
  }
  table->block.refs.store(1, std::memory_order_relaxed);
  table->block.capacity = block->capacity;
  table->block.payload = block->payload;
  table->block.release = release_table;
  table->strings = block;
  block->retain();
  Tensor tensor =
      Tensor::view(&table->block, DType::kBytes, shape,
                   reinterpret_cast<std::byte*>(table->entries()), count * sizeof(ByteSpan));
  table->block.drop();  // the tensor holds it now
  return tensor;
}

}  // namespace

Result<Tensor> binary_tensor(Block* block, std::string_view bytes, DType type, const Shape& shape) {
  if (type == DType::kBytes) return strings_in(block, bytes, shape);
  LEAT_ASSIGN(size_t wanted, shape.bytes(type));
  if (wanted != bytes.size()) {
    return Status(Code::kBadInput, cat(bytes.size(), " bytes given; ", dtype_name(type),
                                       shape.text(), " has ", wanted));
  }
  if (type == DType::kBool) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (static_cast<uint8_t>(bytes[i]) > 1) {
        return Status(Code::kBadInput,
                      cat("element ", i, " of a BOOL tensor is ",
                          static_cast<int>(static_cast<uint8_t>(bytes[i])), "; allowed: 0 or 1"));
      }
    }
  }
  auto* data = reinterpret_cast<std::byte*>(const_cast<char*>(bytes.data()));
  if (reinterpret_cast<uintptr_t>(data) % 64 == 0) {
    return Tensor::view(block, type, shape, data, wanted);
  }
  LEAT_ASSIGN(Tensor copy, Tensor::allocate(type, shape));
  if (wanted > 0) std::memcpy(copy.mutable_data(), data, wanted);
  return copy;
}

}  // namespace leat
