#include "codec/image/lzw.h"

#include <algorithm>

namespace leat::image {

Lzw::Lzw(Bytes blocks, int bits) : left_(blocks), level_bits_(bits) {
  damaged_ = bits < 1 || bits > 8;
  if (damaged_) return;
  for (int level = 0; level < 1 << bits; ++level) {
    table_[level] = {0, 1, static_cast<uint8_t>(level), static_cast<uint8_t>(level)};
  }
  clear();
}

void Lzw::clear() {
  code_bits_ = level_bits_ + 1;
  next_ = (1 << level_bits_) + 2;
  before_ = -1;
}

bool Lzw::fill() {
  while (bit_count_ <= 56) {
    if (block_ == 0) {
      if (left_.empty() || left_[0] == 0) break;
      block_ = left_[0];
      left_ = left_.subspan(1);
    }
    if (left_.empty()) break;
    bits_ |= uint64_t{left_[0]} << bit_count_;
    left_ = left_.subspan(1);
    bit_count_ += 8;
    --block_;
  }
  return bit_count_ >= code_bits_;
}

bool Lzw::next_code(int& code) {
  if (bit_count_ < code_bits_ && !fill()) return false;
  code = static_cast<int>(bits_ & ((1u << code_bits_) - 1));
  bits_ >>= code_bits_;
  bit_count_ -= code_bits_;
  return true;
}

// Writes what the code stands for. False: it stands for nothing.
bool Lzw::expand(int code, std::span<uint8_t> levels, size_t& done) {
  // The entry that this code makes may be the code itself: what was before, and its first again.
  const bool new_one = before_ >= 0 && next_ < kCodes;
  if (code > next_ || (code == next_ && !new_one)) return false;
  if (new_one) {
    const Entry& before = table_[before_];
    table_[next_] = {static_cast<uint16_t>(before_), static_cast<uint16_t>(before.length + 1),
                     before.first, code == next_ ? before.first : table_[code].first};
    ++next_;
    if (next_ == 1 << code_bits_ && code_bits_ < kMostBits) ++code_bits_;
  }
  before_ = code;

  const size_t length = table_[code].length, room = levels.size() - done;
  size_t i = length;
  if (length > room) {
    kept_begin_ = 0;
    kept_end_ = length - room;
    for (; i > room; code = table_[code].before) kept_[--i - room] = table_[code].last;
  }
  for (uint8_t* to = levels.data() + done; i > 0; code = table_[code].before) {
    to[--i] = table_[code].last;
  }
  done += std::min(length, room);
  return true;
}

bool Lzw::read(std::span<uint8_t> levels) {
  if (damaged_) return false;
  size_t done = std::min(levels.size(), kept_end_ - kept_begin_);
  std::copy_n(&kept_[kept_begin_], done, levels.begin());
  kept_begin_ += done;
  const int clear_code = 1 << level_bits_;
  for (int code; done < levels.size();) {
    if (!next_code(code) || code == clear_code + 1) return false;
    if (code == clear_code) {
      clear();
    } else if (!expand(code, levels, done)) {
      damaged_ = true;
      return false;
    }
  }
  return true;
}

}  // namespace leat::image
