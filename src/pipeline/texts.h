// A list of texts that one process writes and another reads in the same order: what a worker is
// told of its step, and what it tells of itself.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "leat/tensor.h"

namespace leat {

class TextWriter {
 public:
  void put(const Piece& piece) { texts_.emplace_back(piece.text()); }
  std::vector<std::string>& texts() { return texts_; }

 private:
  std::vector<std::string> texts_;
};

// Of a BYTES tensor of rank 1. What is not there reads as nothing and 0, and then ok() is false.
class TextReader {
 public:
  explicit TextReader(const Tensor& texts) : texts_(texts) {}

  std::string_view text() {
    if (at_ >= texts_.shape().elements()) {
      ok_ = false;
      return {};
    }
    return texts_.string(at_++);
  }
  template <typename T = int64_t>
  T number() {
    T value{};
    std::string_view digits = text();
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    ok_ = ok_ && error == std::errc() && end == digits.data() + digits.size();
    return value;
  }
  // How many of something follow, each of `texts` texts or more.
  size_t count(int64_t texts = 1) {
    auto value = number();
    if (value >= 0 && value <= (texts_.shape().elements() - at_) / texts) {
      return static_cast<size_t>(value);
    }
    ok_ = false;
    return 0;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return at_ == texts_.shape().elements(); }

 private:
  const Tensor& texts_;
  int64_t at_ = 0;
  bool ok_ = true;
};

// They are of a process that is not believed: a tensor of another type gives none.
inline Result<Tensor> texts_tensor(const std::vector<std::string>& texts) {
  std::vector<std::string_view> views(texts.begin(), texts.end());
  return Tensor::strings(views);
}

}  // namespace leat
