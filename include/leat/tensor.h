// Tensors: typed views on counted buffers.
//
// A Block is a piece of one arena (see src/memory/arena.h); a Tensor is a view of (part of) a block
// with a type and a shape. Copying a Tensor copies the view and counts the block; nothing is ever
// copied behind the caller's back. Elements are little-endian, row-major, densely packed.
//
// BYTES tensors. A tensor of rank 0 is the string itself: data() .. data()+byte_size(). With rank
// >= 1 each element is a ByteSpan {offset from the block's payload, length}, so that rows of a
// BYTES tensor are views like those of any other type.
//
// Threads: a Tensor object belongs to one thread at a time; the memory it views may be read by any
// number of threads, and is written only by its producer before it is handed on.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "leat/status.h"

namespace leat {

// The Open Inference Protocol's element types. Values are stable: they cross process boundaries.
enum class DType : uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kBytes,
};
constexpr int kDTypes = 14;

// "FP32", "BYTES", ... as the protocol writes them.
std::string_view dtype_name(DType type);
Result<DType> parse_dtype(std::string_view name);

struct ByteSpan {
  uint64_t offset;  // bytes from the start of the block's payload
  uint64_t length;
};

// Bytes of one element; for BYTES (rank >= 1) the size of a ByteSpan.
constexpr size_t dtype_size(DType type) {
  constexpr size_t sizes[kDTypes] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, sizeof(ByteSpan)};
  return sizes[static_cast<size_t>(type)];
}

// Up to 8 dimensions; -1 is a dimension not known yet (never in a Tensor).
class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dims_[axis]; }
  void set(int axis, int64_t size) { dims_[axis] = size; }
  std::span<const int64_t> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }

  bool known() const;        // no -1
  int64_t elements() const;  // product of the dimensions; 1 for rank 0. Requires known().
  // elements() * size, or an error when that overflows or a dimension is negative.
  Result<size_t> bytes(DType type) const;

  Shape without(int axis) const;
  Shape with(int axis, int64_t size) const;  // inserts a dimension before `axis`

  bool operator==(const Shape& other) const;
  std::string text() const;  // "[3,224,224]"

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int8_t rank_ = 0;
};

// Where memory lies, the same in every process that has the arena mapped.
struct BufferId {
  uint32_t arena;
  uint64_t offset;  // of the payload
  uint64_t length;
};

// The counted piece of an arena behind one or more tensors. Sits 64 bytes before its payload.
struct alignas(64) Block {
  std::atomic<uint32_t> refs;
  uint32_t arena;
  uint32_t size_class;
  uint32_t reserved;
  uint64_t capacity;  // payload bytes
  uint64_t offset;    // of the payload in the arena
  std::byte* payload;
  void (*release)(Block*);  // called when the last reference goes

  void retain() { refs.fetch_add(1, std::memory_order_relaxed); }
  void drop() {
    if (refs.fetch_sub(1, std::memory_order_acq_rel) == 1) release(this);
  }
};
static_assert(sizeof(Block) == 64);

// Full size of the upright picture that an image tensor shows a (possibly reduced) version of, in
// pixels. {0, 0}: the tensor is the picture, unreduced.
struct ImageSize {
  int32_t width = 0;
  int32_t height = 0;
};

template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::kUint8;
};
template <>
struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::kUint16;
};
template <>
struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::kUint32;
};
template <>
struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::kUint64;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::kInt8;
};
template <>
struct DTypeOf<int16_t> {
  static constexpr DType value = DType::kInt16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::kInt32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::kInt64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kFp32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kFp64;
};

class Tensor {
 public:
  Tensor() = default;  // absent: no value
  Tensor(const Tensor& other) { copy(other); }
  Tensor(Tensor&& other) noexcept { steal(other); }
  Tensor& operator=(const Tensor& other) {
    if (this != &other) {
      reset();
      copy(other);
    }
    return *this;
  }
  Tensor& operator=(Tensor&& other) noexcept {
    if (this != &other) {
      reset();
      steal(other);
    }
    return *this;
  }
  ~Tensor() { reset(); }

  // Uninitialised, 64-byte aligned memory from this process's pool. Not for BYTES of rank >= 1.
  static Result<Tensor> allocate(DType type, const Shape& shape);
  // A BYTES scalar, a copy of `text`.
  static Result<Tensor> bytes(std::string_view text);
  // A BYTES tensor of shape [texts.size()] or `shape`, copies of `texts`.
  static Result<Tensor> strings(std::span<const std::string_view> texts);
  static Result<Tensor> strings(std::span<const std::string_view> texts, const Shape& shape);
  // A view on the caller's memory, which stays valid until `release(context)` is called.
  static Tensor borrow(DType type, const Shape& shape, void* data, void (*release)(void* context),
                       void* context);
  // A copy of `values`, with shape [values.size()] or `shape`.
  template <typename T>
  static Result<Tensor> of(std::span<const T> values, const Shape& shape);
  template <typename T>
  static Result<Tensor> scalar(T value) {
    return of(std::span<const T>(&value, 1), Shape{});
  }
  // A view on `bytes` at `data` inside `block`, which is counted.
  static Tensor view(Block* block, DType type, const Shape& shape, std::byte* data, size_t bytes);

  explicit operator bool() const { return block_ != nullptr; }  // present?
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  size_t byte_size() const { return bytes_; }
  const std::byte* data() const { return data_; }
  std::byte* mutable_data() { return data_; }  // for its producer
  template <typename T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(data_), bytes_ / sizeof(T)};
  }
  template <typename T>
  std::span<T> mutable_values() {
    return {reinterpret_cast<T*>(data_), bytes_ / sizeof(T)};
  }
  // Element i of a BYTES tensor of any rank.
  std::string_view string(int64_t i = 0) const;

  // Row i along axis 0 as a view: rank falls by one. Requires rank >= 1.
  Tensor row(int64_t i) const;
  // Rows [begin, end) along axis 0 as a view.
  Tensor rows(int64_t begin, int64_t end) const;
  // The same memory under another shape of as many elements.
  Tensor reshaped(const Shape& shape) const;

  // For image tensors (UINT8 [height, width, 3]): the full picture's size in pixels.
  ImageSize full_size() const;
  void set_full_size(ImageSize size) { full_size_ = size; }

  Block* block() const { return block_; }
  BufferId where() const;  // of this view

  void reset() {
    if (block_) block_->drop();
    block_ = nullptr;
  }

 private:
  void copy(const Tensor& other) {
    block_ = other.block_;
    if (!block_) return;
    block_->retain();
    data_ = other.data_;
    bytes_ = other.bytes_;
    shape_ = other.shape_;
    full_size_ = other.full_size_;
    dtype_ = other.dtype_;
  }
  void steal(Tensor& other) {
    block_ = other.block_;
    if (!block_) return;
    data_ = other.data_;
    bytes_ = other.bytes_;
    shape_ = other.shape_;
    full_size_ = other.full_size_;
    dtype_ = other.dtype_;
    other.block_ = nullptr;
  }

  Block* block_ = nullptr;
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
  Shape shape_;
  ImageSize full_size_;
  DType dtype_ = DType::kUint8;
};

template <typename T>
Result<Tensor> Tensor::of(std::span<const T> values, const Shape& shape) {
  assert(shape.elements() == static_cast<int64_t>(values.size()));
  auto tensor = allocate(DTypeOf<T>::value, shape);
  if (tensor.ok() && !values.empty()) {
    __builtin_memcpy(tensor->mutable_data(), values.data(), values.size_bytes());
  }
  return tensor;
}

}  // namespace leat
