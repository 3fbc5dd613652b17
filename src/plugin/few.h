// As many objects as are asked for, once: on the stack as long as there are few.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

namespace leat {

template <typename T>
class Few {
 public:
  explicit Few(size_t count) : count_(count) {
    if (count > kFew) {
      more_ =
          static_cast<std::byte*>(::operator new(count * sizeof(T), std::align_val_t{alignof(T)}));
    }
    at_ = reinterpret_cast<T*>(more_ ? more_ : few_);
    std::uninitialized_default_construct_n(at_, count);
  }
  ~Few() {
    std::destroy_n(at_, count_);
    if (more_) ::operator delete(more_, std::align_val_t{alignof(T)});
  }
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;

  T& operator[](size_t i) { return at_[i]; }
  T* data() { return at_; }
  size_t size() const { return count_; }
  T* begin() { return at_; }
  T* end() { return at_ + count_; }

 private:
  static constexpr size_t kFew = 6;
  const size_t count_;
  T* at_;
  std::byte* more_ = nullptr;
  alignas(T) std::byte few_[kFew * sizeof(T)];
};

}  // namespace leat
