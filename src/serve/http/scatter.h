// A message's body as pieces that lie where they lay: text of our own, and memory of tensors.
// Written with one gathering system call; nothing is copied into one buffer first.
#pragma once

#include <sys/uio.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "leat/pipeline.h"

namespace leat {

class Scatter {
 public:
  // Text may be appended here at any time, up to the next borrow().
  std::string& text() { return text_; }
  // `bytes` must stay valid until the body has been sent or cleared; see keep().
  void borrow(std::string_view bytes) {
    if (bytes.empty()) return;
    close_text();
    pieces_.push_back({bytes.data(), 0, bytes.size()});
    size_ += bytes.size();
  }
  // Holds what was borrowed from.
  void keep(Value value) { kept_.push_back(std::move(value)); }

  size_t size() const { return size_ + text_.size() - closed_; }
  bool only_text() const { return size() == text_.size(); }
  void clear() {
    text_.clear();
    pieces_.clear();
    kept_.clear();
    closed_ = size_ = 0;
  }
  // Appends the pieces in order.
  void list(std::vector<iovec>& out) {
    close_text();
    for (const Piece& piece : pieces_) {
      const char* begin = piece.borrowed ? piece.borrowed : text_.data() + piece.offset;
      out.push_back({const_cast<char*>(begin), piece.length});
    }
  }

 private:
  struct Piece {
    const char* borrowed;  // null: of text_
    size_t offset;
    size_t length;
  };
  void close_text() {
    if (text_.size() == closed_) return;
    pieces_.push_back({nullptr, closed_, text_.size() - closed_});
    size_ += text_.size() - closed_;
    closed_ = text_.size();
  }

  std::string text_;
  std::vector<Piece> pieces_;
  std::vector<Value> kept_;
  size_t closed_ = 0;  // text up to here is in pieces_
  size_t size_ = 0;    // of pieces_
};

}  // namespace leat
