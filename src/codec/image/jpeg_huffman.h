// A faster Huffman decoder in libjpeg's place: most of the time that a baseline JPEG takes.
//
// Between libjpeg's markers and its inverse DCT, for pictures with one scan. It reads eight bytes
// at a time, and most symbols, code and value together, by one look into a table; it stores the
// same coefficients, so that the picture is the same to the last bit. What is irregular it leaves
// alone: it gives up by libjpeg's way of failing, and the whole picture is to be decoded anew
// without it, so that damaged data end as libjpeg decides.
//
// The code is that of ITU-T T.81, annexes C and F.2.
#pragma once

#include <cstdint>
#include <cstdio>
// After <cstdio>, which it lacks.
#include <jpeglib.h>
extern "C" {
#include <jpegint.h>
}

namespace leat::image {

class JpegHuffman {
 public:
  // Takes over, after jpeg_start_decompress(); false if the picture is not of its kind. Must
  // outlive the reading of the pixels.
  bool take_over(jpeg_decompress_struct& jpeg);
  // Reads on behind the last pixel that is wanted, some of it at a time; false at the end. Fails as
  // libjpeg does.
  bool read_on(jpeg_decompress_struct& jpeg);
  // True after a failure that was its own, since it took over.
  bool gave_up() const { return self_.gave_up; }

 private:
  static constexpr int kLook = 11;  // bits looked at in one go

  // Of one Huffman table.
  struct Table {
    // By the next kLook bits: from the lowest bit on, 8 with the number of bits to take, 8 with how
    // many zeros come before the coefficient, or one of these, and 16 with the coefficient.
    static constexpr uint32_t kSkip = 0x0f00;
    static constexpr uint32_t kEnd = 0x8000;   // no more coefficients in this block
    static constexpr uint32_t kMore = 0x4000;  // with kSkip: so many bits more are the coefficient
    static constexpr uint32_t kLong = 0x2000;  // the code has more than kLook bits; none are taken
    uint32_t entries[1 << kLook];
    // Of codes with n bits: the largest, left-aligned in 16 bits and all below it filled; -1: none.
    int32_t largest[18];
    int32_t offset[17];  // of a code with n bits: where its symbol lies less the code itself
    uint8_t symbols[256];

    // False: no code is like that.
    bool build(const JHUFF_TBL& from, bool dc);
  };

  // The bits that come next: `buffer` has `count` of them, from its highest bit on. Behind the last
  // byte of the scan they are zeros, `padded` of them.
  struct Bits {
    const uint8_t* at;
    const uint8_t* end;
    uint64_t buffer;
    int count;
    int padded;

    void fill() {
      if (!fill_eight()) fill_bytes();
    }
    bool fill_eight();
    void fill_bytes();
    int take(int size);                         // as a coefficient
    int own() const { return count - padded; }  // below 0: zeros were taken for data
    bool take_restart(unsigned number);
  };

  struct Block {
    const Table* dc;
    const Table* ac;
    int component;
    bool keep;  // all coefficients, not the first alone
  };

  // What libjpeg calls gets a pointer to the first member.
  struct State {
    jpeg_entropy_decoder decoder;
    JpegHuffman* owner;
    bool gave_up = false;
  };

  static JpegHuffman& owner(j_decompress_ptr jpeg) {
    return *reinterpret_cast<State*>(jpeg->entropy)->owner;
  }
  static boolean on_mcu(j_decompress_ptr jpeg, JBLOCKROW* blocks);
  static boolean on_mcu_bmi2(j_decompress_ptr jpeg, JBLOCKROW* blocks);  // with faster shifts
  static boolean finish_mcu(j_decompress_ptr jpeg, bool read);
  bool mcu(jpeg_decompress_struct& jpeg, JBLOCKROW* blocks);  // null: its pixels are not wanted
  template <bool kKeep>
  static bool block(Bits& bits, const Block& kind, int& last, JCOEF* out);
  static uint32_t slow_entry(Bits& bits, const Table& table, uint32_t entry);

  State self_{};
  Bits bits_{};
  int last_[MAX_COMPS_IN_SCAN] = {};  // DC by component
  Block blocks_[D_MAX_BLOCKS_IN_MCU] = {};
  int block_count_ = 0;
  unsigned restart_interval_ = 0;
  unsigned until_restart_ = 0;
  unsigned restarts_ = 0;
  uint64_t left_ = 0;  // MCUs
  Table dc_[NUM_HUFF_TBLS], ac_[NUM_HUFF_TBLS];
};

}  // namespace leat::image
