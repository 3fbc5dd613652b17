// Between leat's own types and those of include/leat/plugin.h. Both sides of the boundary are
// compiled with this, each for itself: nothing of C++ crosses it.
//
// Threads: any.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "leat/op.h"
#include "leat/plugin.h"

namespace leat {

inline leat_text to_c(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view from_c(leat_text text) {
  return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}

// Types that are handed over live here as long as they are looked at.
class CTypes {
 public:
  explicit CTypes(size_t count) : dims_(count), types_(count), pointers_(count, nullptr) {}
  void set(size_t i, const Type& type);  // which lives as long; others stay null
  const leat_type* const* data() const { return pointers_.data(); }
  const leat_type& at(size_t i) const { return types_[i]; }

 private:
  std::vector<std::vector<leat_dim>> dims_;
  std::vector<leat_type> types_;
  std::vector<const leat_type*> pointers_;
};
Type from_c(const leat_type& type);

// Likewise parameters' values.
class CValue {
 public:
  explicit CValue(const ParamValue& value);  // which lives as long
  const leat_value& get() const { return value_; }

 private:
  leat_value value_{};
  std::vector<leat_text> texts_;
};
// False: it is of no known kind.
bool from_c(const leat_value& value, ParamValue& to);

inline leat_image_need to_c(const ImageNeed& need) {
  // All of it: what is added must go over, too.
  const auto& [width, height, fit, crop, box] = need;
  leat_image_need out{};
  out.width = width;
  out.height = height;
  out.fit = static_cast<int32_t>(fit);
  out.crop = crop;
  out.has_box = box ? 1 : 0;
  if (box) std::ranges::copy(std::array{box->left, box->top, box->right, box->bottom}, out.box);
  return out;
}
inline ImageNeed from_c(const leat_image_need& need) {
  ImageNeed out{need.width, need.height, static_cast<Fit>(need.fit)};
  if (need.crop != 0) out.crop = need.crop;
  if (need.has_box) out.box = {need.box[0], need.box[1], need.box[2], need.box[3]};
  return out;
}

// The block is not counted for `to`; what is not said here of `to` is zero.
void to_c(const Tensor& from, leat_tensor& to);
// What a tensor says beside its shape and where it lies.
void attributes_to_c(const Tensor& from, leat_tensor& to);
void attributes_from_c(const leat_tensor& from, Tensor& to);
// A view that counts the block. `from` holds what a tensor may: see sound().
Tensor from_c(const leat_tensor& from);
bool sound(const leat_tensor& tensor);  // element type, rank, dimensions and size go together

// What the other side is told to put its failure in.
class Failure {
 public:
  Failure() : error_{this, &Failure::set} {}
  Failure(const Failure&) = delete;
  Failure& operator=(const Failure&) = delete;
  const leat_error* error() const { return &error_; }
  // Never ok; `silent`: the message, where the other side has said nothing.
  Status status(std::string_view silent);

 private:
  static void set(void* context, int32_t code, leat_text message);
  const leat_error error_;
  Status status_;
};

// The other way round: tells what went wrong, and returns what stands for that; 0 for ok.
int32_t tell(const Status& status, const leat_error* error);

}  // namespace leat
