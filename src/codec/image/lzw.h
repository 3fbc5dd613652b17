// LZW as in GIF: codes of up to 12 bits in blocks of up to 255 bytes.
//
// A code is a level, "clear", "end", or an entry of the table: the levels of the code before and
// one more. Both lie in what was decoded, one behind the other, so that an entry is a place and a
// length there.
#pragma once

#include <array>

#include "codec/image/image.h"

namespace leat::image {

class Lzw {
 public:
  // What is written beyond the levels that were asked for: a string, and what a copy overshoots.
  static constexpr size_t kSlack = 4096 + 16;

  // `blocks`: the blocks, an empty one at their end; whatever follows is not looked at. `bits`: of
  // a level; 1 to 8 are possible.
  Lzw(Bytes blocks, int bits);

  // Decodes on, until `count` levels or more are in `levels`; the same memory is given each time,
  // of the largest count and kSlack. False: the data end before, or are damaged.
  bool decode(uint8_t* levels, size_t count);
  bool damaged() const { return damaged_; }

 private:
  static constexpr int kMostBits = 12, kCodes = 1 << kMostBits;
  struct Entry {
    uint32_t begin;
    uint32_t length;
  };

  bool fill();  // false: the data end
  void clear();

  Bytes left_;
  size_t block_ = 0;  // bytes of the block that are left
  uint64_t bits_ = 0;
  int bit_count_ = 0;

  const int level_bits_;
  int code_bits_ = 0, next_ = 0;  // next_: of the table
  bool first_ = true;             // after a clear
  Entry before_{};                // what the last code stood for
  size_t done_ = 0;
  bool damaged_ = false;
  std::array<Entry, kCodes> table_;
};

}  // namespace leat::image
