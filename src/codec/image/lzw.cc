#include "codec/image/lzw.h"

#include <cstring>

namespace leat::image {

Lzw::Lzw(Bytes blocks, int bits) : left_(blocks), level_bits_(bits) {
  damaged_ = bits < 1 || bits > 8;
  if (!damaged_) clear();
}

void Lzw::clear() {
  code_bits_ = level_bits_ + 1;
  next_ = (1 << level_bits_) + 2;
  first_ = true;
}

bool Lzw::fill() {
  while (bit_count_ <= 56) {
    if (block_ == 0) {
      if (left_.empty() || left_[0] == 0) break;
      block_ = left_[0];
      left_ = left_.subspan(1);
    }
    if (left_.empty()) break;
    size_t bytes = 1;
    uint64_t more = left_[0];
    if (block_ >= 8 && left_.size() >= 8) {
      bytes = static_cast<size_t>(64 - bit_count_) / 8;
      std::memcpy(&more, left_.data(), 8);
      if (bytes < 8) more &= (uint64_t{1} << 8 * bytes) - 1;
    }
    bits_ |= more << bit_count_;
    left_ = left_.subspan(bytes);
    block_ -= bytes;
    bit_count_ += static_cast<int>(8 * bytes);
  }
  return bit_count_ >= code_bits_;
}

bool Lzw::decode(uint8_t* levels, size_t count) {
  if (damaged_) return false;
  const int clear_code = 1 << level_bits_;
  while (done_ < count) {
    if (bit_count_ < code_bits_ && !fill()) return false;
    const int code = static_cast<int>(bits_ & ((1u << code_bits_) - 1));
    bits_ >>= code_bits_;
    bit_count_ -= code_bits_;
    if (code == clear_code) {
      clear();
      continue;
    }
    if (code == clear_code + 1) return false;
    // An entry is made of the last code and the first level of this one, which it may stand for.
    if (!first_ && next_ < kCodes) {
      table_[next_] = {before_.begin, before_.length + 1};
      ++next_;
      if (next_ == 1 << code_bits_ && code_bits_ < kMostBits) ++code_bits_;
    }
    first_ = false;
    uint8_t* const to = levels + done_;
    before_ = {static_cast<uint32_t>(done_), 1};
    if (code < clear_code) {
      *to = static_cast<uint8_t>(code);
    } else if (code < next_) {
      const Entry entry = table_[code];
      const uint8_t* const from = levels + entry.begin;
      if (entry.length <= 16) {
        uint8_t string[16];
        std::memcpy(string, from, 16);
        std::memcpy(to, string, 16);
      } else {
        std::memcpy(to, from, entry.length - 1);
      }
      // Of the entry that was just made the last level is the first of this very string.
      to[entry.length - 1] = from + entry.length > to ? to[0] : from[entry.length - 1];
      before_.length = entry.length;
    } else {
      damaged_ = true;
      return false;
    }
    done_ += before_.length;
  }
  return true;
}

}  // namespace leat::image
