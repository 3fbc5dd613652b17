// Text for messages: cat("step ", name, " waits for ", n, " inputs"). Light to compile, which is
// why it is not a format library.
#pragma once

#include <charconv>
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leat {

// One argument of cat(): text, or a number in the shortest decimal form that reads back the same.
class Piece {
 public:
  Piece(std::string_view text) : text_(text) {}           // NOLINT: implicit on purpose
  Piece(const char* text) : text_(text) {}                // NOLINT
  Piece(const std::string& text) : text_(text) {}         // NOLINT
  Piece(char c) : text_(digits_, 1) { digits_[0] = c; }   // NOLINT
  Piece(bool value) : text_(value ? "true" : "false") {}  // NOLINT
  template <typename T>
    requires((std::integral<T> || std::floating_point<T>) && !std::same_as<T, bool> &&
             !std::same_as<T, char>)
  Piece(T value)  // NOLINT
      : text_(digits_, static_cast<size_t>(
                           std::to_chars(digits_, digits_ + sizeof digits_, value).ptr - digits_)) {
  }
  Piece(const Piece&) = delete;
  std::string_view text() const { return text_; }

 private:
  char digits_[40];
  std::string_view text_;
};

inline void append_to(std::string& out, const Piece& piece) { out += piece.text(); }

template <typename... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (out.append(Piece(parts).text()), ...);
  return out;
}

// A bound, for people: 1000000 and not 1e+06.
std::string bound_text(double bound);

// "a, b or c"
std::string join_or(std::span<const std::string> names);

// The entry of `names` nearest to `name` by edit distance, or "" when none is near enough to be
// what was meant.
std::string_view nearest(std::string_view name, std::span<const std::string> names);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

}  // namespace leat
