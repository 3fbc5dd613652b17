#include "leat/tensor.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/text.h"
#include "memory/blocks.h"

namespace leat {

namespace {

constexpr std::string_view kNames[kDTypes] = {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64",
                                              "INT8", "INT16", "INT32",  "INT64",  "FP16",
                                              "BF16", "FP32",  "FP64",   "BYTES"};

// A borrowed tensor's block: the payload is the caller's. It lies in a pool block itself, or, when
// the pool is used up, in memory from the system, since lending cannot fail.
struct Loan {
  Block block;
  void (*release)(void*);
  void* context;
  bool pooled;
};

void end_loan(Block* block) {
  auto* loan = reinterpret_cast<Loan*>(block);
  auto* release = loan->release;
  void* context = loan->context;
  if (loan->pooled) {
    reinterpret_cast<Block*>(reinterpret_cast<std::byte*>(loan) - sizeof(Block))->drop();
  } else {
    delete loan;
  }
  if (release) release(context);
}

}  // namespace

std::string_view dtype_name(DType type) { return kNames[static_cast<size_t>(type)]; }

Result<DType> parse_dtype(std::string_view name) {
  for (int i = 0; i < kDTypes; ++i) {
    if (kNames[i] == name) return static_cast<DType>(i);
  }
  std::vector<std::string> names(std::begin(kNames), std::end(kNames));
  return Status(Code::kBadInput, cat("\"", name, "\" is no data type; allowed: ", join_or(names)));
}

Shape::Shape(std::span<const int64_t> dims) : rank_(static_cast<int8_t>(dims.size())) {
  assert(dims.size() <= kMaxRank);
  std::copy(dims.begin(), dims.end(), dims_.begin());
}

bool Shape::known() const {
  for (int64_t size : dims()) {
    if (size < 0) return false;
  }
  return true;
}

int64_t Shape::elements() const {
  int64_t count = 1;
  for (int64_t size : dims()) count *= size;
  return count;
}

Result<size_t> Shape::bytes(DType type) const {
  uint64_t count = dtype_size(type);
  for (int64_t size : dims()) {
    if (size < 0)
      return Status(Code::kBadInput, cat("shape ", text(), " has a negative dimension"));
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(size), &count) ||
        count > (uint64_t{1} << 62)) {
      return Status(Code::kTooLarge, cat("shape ", text(), " is too large"));
    }
  }
  return count;
}

Shape Shape::without(int axis) const {
  Shape result;
  for (int i = 0; i < rank_; ++i) {
    if (i != axis) result.dims_[result.rank_++] = dims_[i];
  }
  return result;
}

Shape Shape::with(int axis, int64_t size) const {
  assert(rank_ < kMaxRank);
  Shape result;
  for (int i = 0; i <= rank_; ++i) {
    if (i == axis) result.dims_[result.rank_++] = size;
    if (i < rank_) result.dims_[result.rank_++] = dims_[i];
  }
  return result;
}

bool Shape::operator==(const Shape& other) const {
  return std::ranges::equal(dims(), other.dims());
}

std::string Shape::text() const {
  std::string out = "[";
  for (int i = 0; i < rank_; ++i) {
    if (i > 0) out += ',';
    append_to(out, dims_[i]);
  }
  return out + "]";
}

Tensor Tensor::view(Block* block, DType type, const Shape& shape, std::byte* data, size_t bytes) {
  Tensor tensor;
  block->retain();
  tensor.block_ = block;
  tensor.data_ = data;
  tensor.bytes_ = bytes;
  tensor.shape_ = shape;
  tensor.dtype_ = type;
  return tensor;
}

Result<Tensor> Tensor::allocate(DType type, const Shape& shape) {
  assert(type != DType::kBytes || shape.rank() == 0);
  LEAT_ASSIGN(size_t bytes, shape.bytes(type));
  LEAT_ASSIGN(Block * block, allocate_block(bytes));
  Tensor tensor = view(block, type, shape, block->payload, bytes);
  block->drop();
  return tensor;
}

Result<Tensor> Tensor::bytes(std::string_view text) {
  LEAT_ASSIGN(Block * block, allocate_block(text.size()));
  if (!text.empty()) std::memcpy(block->payload, text.data(), text.size());
  Tensor tensor = view(block, DType::kBytes, Shape{}, block->payload, text.size());
  block->drop();
  return tensor;
}

Result<Tensor> Tensor::strings(std::span<const std::string_view> texts) {
  return strings(texts, Shape{static_cast<int64_t>(texts.size())});
}

Result<Tensor> Tensor::strings(std::span<const std::string_view> texts, const Shape& shape) {
  assert(shape.elements() == static_cast<int64_t>(texts.size()));
  if (shape.rank() == 0) return bytes(texts[0]);
  size_t table = texts.size() * sizeof(ByteSpan);
  size_t total = table;
  for (std::string_view text : texts) total += text.size();
  LEAT_ASSIGN(Block * block, allocate_block(total));
  auto* entry = reinterpret_cast<ByteSpan*>(block->payload);
  size_t offset = table;
  for (std::string_view text : texts) {
    *entry++ = {offset, text.size()};
    if (!text.empty()) std::memcpy(block->payload + offset, text.data(), text.size());
    offset += text.size();
  }
  Tensor tensor = view(block, DType::kBytes, shape, block->payload, table);
  block->drop();
  return tensor;
}

Tensor Tensor::borrow(DType type, const Shape& shape, void* data, void (*release)(void*),
                      void* context) {
  auto home = allocate_block(sizeof(Loan));
  Loan* loan = home.ok() ? new ((*home)->payload) Loan{} : new Loan{};
  loan->pooled = home.ok();
  loan->block.refs.store(1, std::memory_order_relaxed);
  loan->block.payload = static_cast<std::byte*>(data);
  loan->block.release = end_loan;
  loan->release = release;
  loan->context = context;
  auto bytes = shape.bytes(type);
  assert(bytes.ok());
  loan->block.capacity = *bytes;
  Tensor tensor = view(&loan->block, type, shape, loan->block.payload, *bytes);
  loan->block.drop();
  return tensor;
}

std::string_view Tensor::string(int64_t i) const {
  assert(dtype_ == DType::kBytes);
  if (shape_.rank() == 0) return {reinterpret_cast<const char*>(data_), bytes_};
  const ByteSpan& span = values<ByteSpan>()[static_cast<size_t>(i)];
  return {reinterpret_cast<const char*>(block_->payload) + span.offset, span.length};
}

Tensor Tensor::row(int64_t i) const {
  assert(shape_.rank() >= 1 && i >= 0 && i < shape_[0]);
  Shape shape = shape_.without(0);
  if (dtype_ == DType::kBytes && shape.rank() == 0) {
    const ByteSpan& span = values<ByteSpan>()[static_cast<size_t>(i)];
    return view(block_, dtype_, shape, block_->payload + span.offset, span.length);
  }
  size_t stride = bytes_ / static_cast<size_t>(shape_[0]);
  return view(block_, dtype_, shape, data_ + static_cast<size_t>(i) * stride, stride);
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  assert(shape_.rank() >= 1 && begin >= 0 && begin <= end && end <= shape_[0]);
  Shape shape = shape_;
  shape.set(0, end - begin);
  size_t stride = shape_[0] == 0 ? 0 : bytes_ / static_cast<size_t>(shape_[0]);
  return view(block_, dtype_, shape, data_ + static_cast<size_t>(begin) * stride,
              static_cast<size_t>(end - begin) * stride);
}

Tensor Tensor::reshaped(const Shape& shape) const {
  assert(shape.elements() == shape_.elements());
  Tensor tensor = *this;
  if (dtype_ == DType::kBytes && (shape.rank() == 0) != (shape_.rank() == 0)) {
    // The string itself becomes one entry of a table, or the other way round.
    if (shape.rank() == 0) {
      std::string_view text = string(0);
      return view(block_, dtype_, shape,
                  reinterpret_cast<std::byte*>(const_cast<char*>(text.data())), text.size());
    }
    std::string_view text = string(0);
    if (auto table = strings(std::span(&text, 1), shape); table.ok()) return *std::move(table);
    // The pool is used up: as with loans, memory from the system.
    auto* memory = static_cast<std::byte*>(operator new(sizeof(ByteSpan) + text.size()));
    new (memory) ByteSpan{sizeof(ByteSpan), text.size()};
    if (!text.empty()) std::memcpy(memory + sizeof(ByteSpan), text.data(), text.size());
    return borrow(
        dtype_, shape, memory, [](void* owned) { operator delete(owned); }, memory);
  }
  tensor.shape_ = shape;
  return tensor;
}

ImageSize Tensor::full_size() const {
  if (full_size_.width > 0) return full_size_;
  assert(shape_.rank() >= 2);
  return {static_cast<int32_t>(shape_[1]), static_cast<int32_t>(shape_[0])};
}

BufferId Tensor::where() const {
  return {block_->arena, block_->offset + static_cast<uint64_t>(data_ - block_->payload), bytes_};
}

}  // namespace leat
