// LZW as in GIF: codes of up to 12 bits in blocks of up to 255 bytes.
//
// A code is a level, "clear", "end", or an entry of the table: an earlier code's levels and one
// more. Strings are written from their ends, straight to where they belong; what of one passes the
// end of the row that is asked for is kept for the next.
#pragma once

#include <array>

#include "codec/image/image.h"

namespace leat::image {

class Lzw {
 public:
  // `blocks`: the blocks, an empty one at their end; whatever follows is not looked at. `bits`: of
  // a level; 1 to 8 are possible.
  Lzw(Bytes blocks, int bits);

  // The next levels, so many as `levels` takes. False: the data end before, or are damaged.
  bool read(std::span<uint8_t> levels);
  bool damaged() const { return damaged_; }

 private:
  static constexpr int kMostBits = 12, kCodes = 1 << kMostBits;
  struct Entry {
    uint16_t before;  // the code of all but the last level
    uint16_t length;
    uint8_t first, last;
  };

  bool next_code(int& code);
  bool fill();  // false: the data end
  void clear();
  bool expand(int code, std::span<uint8_t> levels, size_t& done);

  Bytes left_;
  size_t block_ = 0;  // bytes of the block that are left
  uint64_t bits_ = 0;
  int bit_count_ = 0;

  const int level_bits_;
  int code_bits_ = 0, next_ = 0;  // next_: of the table
  int before_ = -1;               // the code before; -1 at the start and after a clear
  bool damaged_ = false;
  std::array<Entry, kCodes> table_;
  std::array<uint8_t, kCodes> kept_;  // levels for the next read
  size_t kept_begin_ = 0, kept_end_ = 0;
};

}  // namespace leat::image
