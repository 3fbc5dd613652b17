#include "codec/image/jpeg_huffman.h"

#include <jerror.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace leat::image {

namespace {

// Where the k-th coefficient of the zigzag lies in a block.
constexpr uint8_t kZigzag[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

// The number that `size` bits stand for: T.81, F.2.2.1.
int extended(uint32_t bits, int size) {
  return size == 0 ? 0 : static_cast<int>(bits) - (bits >> (size - 1) ? 0 : (1 << size) - 1);
}

bool has_ff(uint64_t bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  return ((~bytes - kOnes) & bytes & (kOnes << 7)) != 0;
}

}  // namespace

bool JpegHuffman::Table::build(const JHUFF_TBL& from, bool dc) {
  std::memcpy(symbols, from.huffval, sizeof symbols);
  std::fill(std::begin(entries), std::end(entries), kLong);
  int code = 0, symbol = 0;
  for (int length = 1; length <= 16; ++length, code <<= 1) {
    offset[length] = symbol - code;
    for (int i = 0; i < from.bits[length]; ++i, ++code, ++symbol) {
      if (symbol > 255 || code >> length != 0) return false;
      if (length > kLook) continue;
      const int size = symbols[symbol] & 15, run = dc ? 0 : symbols[symbol] >> 4;
      const bool end = !dc && size == 0 && run != 15;
      const bool whole = length + size <= kLook;
      const int spare = kLook - length - (whole ? size : 0);
      const uint32_t kind = end ? kEnd : static_cast<uint32_t>(run) << 8 | (whole ? 0 : kMore);
      for (int extra = 0; extra < (whole ? 1 << size : 1); ++extra) {
        const int value = whole ? extended(static_cast<uint32_t>(extra), size) : size;
        const int taken = whole ? length + size : length;
        uint32_t* first = entries + (code << (kLook - length)) + (extra << spare);
        std::fill(first, first + (size_t{1} << spare),
                  static_cast<uint32_t>(value) << 16 | kind | static_cast<uint32_t>(taken));
      }
    }
    largest[length] = from.bits[length] > 0 ? (code << (16 - length)) - 1 : -1;
  }
  return true;
}

// At least 48 bits, if none of the next bytes needs a closer look.
[[gnu::always_inline]] inline bool JpegHuffman::Bits::fill_eight() {
  if (end - at < 8) return false;
  uint64_t next;
  std::memcpy(&next, at, 8);
  if constexpr (std::endian::native == std::endian::little) next = __builtin_bswap64(next);
  if (has_ff(next)) return false;
  // Bits of a byte that is not counted yet are put there as well, and again the next time.
  buffer |= next >> count;
  const int bytes = (63 - count) >> 3;
  at += bytes;
  count += 8 * bytes;
  return true;
}

// More than 56 bits, or all there are and zeros.
void JpegHuffman::Bits::fill_bytes() {
  for (; count <= 56; count += 8) {
    uint64_t byte = 0;
    if (at < end && *at != 0xff) {
      byte = *at++;
    } else if (end - at >= 2 && at[1] == 0) {
      byte = 0xff;
      at += 2;
    } else {
      padded += 8;
    }
    buffer |= byte << (56 - count);
  }
}

int JpegHuffman::Bits::take(int size) {
  if (size == 0) return 0;
  const int value = extended(static_cast<uint32_t>(buffer >> (64 - size)), size);
  buffer <<= size;
  count -= size;
  return value;
}

// What is left of a byte is filled up, and a marker comes.
bool JpegHuffman::Bits::take_restart(unsigned number) {
  if (own() < 0 || own() >= 8) return false;
  if (end - at < 2 || at[0] != 0xff || at[1] != 0xd0 + (number & 7)) return false;
  at += 2;
  buffer = 0;
  count = padded = 0;
  return true;
}

bool JpegHuffman::take_over(jpeg_decompress_struct& jpeg) {
  if (jpeg.progressive_mode || jpeg.arith_code || jpeg_has_multiple_scans(&jpeg)) return false;
  uint64_t across = jpeg.MCUs_per_row;
  left_ = across * jpeg.MCU_rows_in_scan;
  block_count_ = jpeg.blocks_in_MCU;
  bool built[2][NUM_HUFF_TBLS] = {};
  for (int i = 0; i < block_count_; ++i) {
    const int component = jpeg.MCU_membership[i];
    const jpeg_component_info& info = *jpeg.cur_comp_info[component];
    const int dc = info.dc_tbl_no, ac = info.ac_tbl_no;
    if (!jpeg.dc_huff_tbl_ptrs[dc] || !jpeg.ac_huff_tbl_ptrs[ac]) return false;
    if (!built[0][dc] && !dc_[dc].build(*jpeg.dc_huff_tbl_ptrs[dc], true)) return false;
    if (!built[1][ac] && !ac_[ac].build(*jpeg.ac_huff_tbl_ptrs[ac], false)) return false;
    built[0][dc] = built[1][ac] = true;
    blocks_[i] = {&dc_[dc], &ac_[ac], component, info.DCT_scaled_size > 1};
  }
  bits_ = {jpeg.src->next_input_byte, jpeg.src->next_input_byte + jpeg.src->bytes_in_buffer, 0, 0,
           0};
  std::memset(last_, 0, sizeof last_);
  restart_interval_ = until_restart_ = jpeg.restart_interval;
  restarts_ = 0;
  self_.gave_up = false;
  self_.decoder = *jpeg.entropy;
  self_.decoder.decode_mcu = on_mcu;
#ifdef __x86_64__
  if (__builtin_cpu_supports("bmi2")) self_.decoder.decode_mcu = on_mcu_bmi2;
#endif
  self_.owner = this;
  jpeg.entropy = &self_.decoder;
  return true;
}

// What an entry that is not all means: one with skip, coefficient and no bits left to take. With
// kLong: there is no such code.
[[gnu::noinline]] uint32_t JpegHuffman::slow_entry(Bits& bits, const Table& table, uint32_t entry) {
  if (entry & Table::kMore) {
    return static_cast<uint32_t>(bits.take(static_cast<int>(entry >> 16))) << 16 |
           (entry & Table::kSkip);
  }
  const auto next = static_cast<int32_t>(bits.buffer >> 48);
  for (int length = kLook + 1; length <= 16; ++length) {
    if (next > table.largest[length]) continue;
    const int at = (next >> (16 - length)) + table.offset[length];
    if (at < 0 || at > 255) break;
    const uint8_t symbol = table.symbols[at];
    bits.buffer <<= length;
    bits.count -= length;
    const int size = symbol & 15, run = symbol >> 4;
    if (size == 0 && run != 15) return Table::kEnd;
    return static_cast<uint32_t>(bits.take(size)) << 16 | static_cast<uint32_t>(run) << 8;
  }
  return Table::kLong;
}

// `out` is all zeros. Without kKeep only the first coefficient is stored.
template <bool kKeep>
[[gnu::always_inline]] inline bool JpegHuffman::block(Bits& bits, const Block& kind, int& last,
                                                      JCOEF* out) {
  constexpr int kMost = 31;  // bits of a code and its value
  const auto next = [&bits](const Table& table) __attribute__((always_inline)) {
    if (bits.count < kMost && !bits.fill_eight()) {
      Bits copy = bits;  // here and below: `bits` itself stays in registers
      copy.fill_bytes();
      bits = copy;
    }
    uint32_t entry = table.entries[bits.buffer >> (64 - kLook)];
    const int taken = static_cast<int>(entry & 0xff);
    bits.buffer <<= taken;
    bits.count -= taken;
    if (entry & (Table::kMore | Table::kLong)) {
      Bits copy = bits;
      entry = slow_entry(copy, table, entry);
      bits = copy;
    }
    return entry;
  };
  const auto value = [](uint32_t entry) { return static_cast<int16_t>(entry >> 16); };

  uint32_t entry = next(*kind.dc);
  if (entry & Table::kLong) return false;
  if (!(entry & Table::kEnd)) last += value(entry);  // a long code may stand for "no difference"
  if (last != static_cast<JCOEF>(last)) return false;
  out[0] = static_cast<JCOEF>(last);
  const Table& ac = *kind.ac;
  for (uint32_t k = 1; k < 64; ++k) {
    entry = next(ac);
    if (entry & (Table::kEnd | Table::kLong)) return (entry & Table::kEnd) != 0;
    k += entry >> 8 & 15;
    if (k > 63) return false;
    if constexpr (kKeep) out[kZigzag[k]] = value(entry);
  }
  return true;
}

[[gnu::always_inline]] inline bool JpegHuffman::mcu(jpeg_decompress_struct& jpeg,
                                                    JBLOCKROW* blocks) {
  if (left_ == 0) return false;
  if (restart_interval_ > 0) {
    if (until_restart_ == 0) {
      if (!bits_.take_restart(restarts_++)) return false;
      std::memset(last_, 0, sizeof last_);
      until_restart_ = restart_interval_;
    }
    --until_restart_;
  }
  Bits bits = bits_;  // in registers
  for (int i = 0; i < block_count_; ++i) {
    const Block& kind = blocks_[i];
    int& last = last_[kind.component];
    JCOEF unwanted;
    const bool read = blocks == nullptr ? block<false>(bits, kind, last, &unwanted)
                      : kind.keep       ? block<true>(bits, kind, last, *blocks[i])
                                        : block<false>(bits, kind, last, *blocks[i]);
    if (!read) return false;
  }
  bits_ = bits;
  if (bits.own() < 0) return false;
  if (--left_ == 0) {  // libjpeg goes on with the markers
    if (bits.own() >= 8) return false;
    jpeg.src->next_input_byte = bits.at;
    jpeg.src->bytes_in_buffer = static_cast<size_t>(bits.end - bits.at);
  }
  return true;
}

boolean JpegHuffman::finish_mcu(j_decompress_ptr jpeg, bool read) {
  if (!read) {
    owner(jpeg).self_.gave_up = true;
    ERREXIT(jpeg, JERR_CANT_SUSPEND);
  }
  return TRUE;
}

bool JpegHuffman::read_on(jpeg_decompress_struct& jpeg) {
  for (uint64_t n = std::min<uint64_t>(left_, 1 << 14); n > 0; --n) {
    self_.decoder.decode_mcu(&jpeg, nullptr);
  }
  return left_ > 0;
}

boolean JpegHuffman::on_mcu(j_decompress_ptr jpeg, JBLOCKROW* blocks) {
  return finish_mcu(jpeg, owner(jpeg).mcu(*jpeg, blocks));
}

#ifdef __x86_64__
[[gnu::target("bmi2")]] boolean JpegHuffman::on_mcu_bmi2(j_decompress_ptr jpeg, JBLOCKROW* blocks) {
  return finish_mcu(jpeg, owner(jpeg).mcu(*jpeg, blocks));
}
#endif

}  // namespace leat::image
