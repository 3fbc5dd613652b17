// BMP: of Windows and of OS/2, with palettes, bit fields and run lengths.
//
// Rows are stored from the bottom up, unless the height is negative. Of a file that is cut short
// the rows that are there are recovered: mostly the lower ones. What a run-length coded picture
// leaves out, and colours beyond the palette, are colour 0 and black.

#include <bit>

#include "base/text.h"
#include "codec/image/formats.h"
#include "codec/image/palette.h"
#include "codec/image/rows.h"

namespace leat::image {

namespace {

enum Compression : uint32_t { kNone, kRle8, kRle4, kBitFields };

// A run-length coded picture, row by row. Codes are pairs of bytes: a count and a level; or 0 and
// what to do: end the row, end the picture, go on further right and up, or take levels as they are.
class RunLengths {
 public:
  RunLengths(Bytes codes, bool rle4) : left_(codes), rle4_(rle4) {}

  // False: the data end before the row does.
  bool row(std::span<uint8_t> levels) {
    std::ranges::fill(levels, 0);
    if (rows_skipped_ > 0 && --rows_skipped_ > 0) return true;
    size_t x = std::exchange(next_x_, 0);
    while (!ended_) {
      if (left_.size() < 2) return x >= levels.size();
      const uint8_t count = left_[0], what = left_[1];
      left_ = left_.subspan(2);
      if (count > 0) {
        const uint8_t pair[] = {rle4_ ? uint8_t(what >> 4) : what,
                                rle4_ ? uint8_t(what & 15) : what};
        for (int i = 0; i < count && x < levels.size(); ++i) levels[x++] = pair[i % 2];
      } else if (what == 0) {
        return true;
      } else if (what == 1) {
        ended_ = true;
      } else if (what == 2) {
        if (left_.size() < 2) return false;
        x += left_[0];
        rows_skipped_ = left_[1];
        left_ = left_.subspan(2);
        if (rows_skipped_ == 0) continue;
        next_x_ = x;
        return true;
      } else if (!plain(what, levels, x)) {
        return false;
      }
    }
    return true;
  }

 private:
  bool plain(size_t count, std::span<uint8_t> levels, size_t& x) {
    const size_t size = rle4_ ? (count + 1) / 2 : count;
    if (left_.size() < size) return false;
    for (size_t i = 0; i < count && x < levels.size(); ++i) {
      levels[x++] = !rle4_ ? left_[i] : i % 2 ? left_[i / 2] & 15 : left_[i / 2] >> 4;
    }
    left_ = left_.subspan(std::min(left_.size(), size + size % 2));
    return true;
  }

  Bytes left_;
  const bool rle4_;
  bool ended_ = false;
  int rows_skipped_ = 0;  // until the one that goes on, at next_x_
  size_t next_x_ = 0;
};

// Where a colour lies in a pixel's number: at most 8 bits of it, those that weigh most.
class Field {
 public:
  Field() = default;
  explicit Field(uint32_t mask) : shift_(mask == 0 ? 0 : std::countr_zero(mask)) {
    const int too_many = std::bit_width(mask >> shift_) - 8;
    if (too_many > 0) shift_ += too_many;
    most_ = mask >> shift_;
    for (uint32_t i = 1; i <= most_; ++i) scaled_[i] = static_cast<uint8_t>(i * 255 / most_);
  }
  uint8_t of(uint32_t pixel) const { return scaled_[pixel >> shift_ & most_]; }

 private:
  int shift_ = 0;
  uint32_t most_ = 0;
  std::array<uint8_t, 256> scaled_{};
};

class BmpReader {
 public:
  explicit BmpReader(Bytes bytes) : bytes_(bytes) {}
  Result<Header> header();
  Result<Header> decode(const DecodeOptions& options, Canvas& canvas);

 private:
  // Little-endian; 0 beyond the end.
  uint32_t number(size_t at, int size) const {
    uint32_t value = 0;
    if (at > bytes_.size() || bytes_.size() - at < static_cast<size_t>(size)) return 0;
    for (int i = size; i-- > 0;) value = value << 8 | bytes_[at + i];
    return value;
  }
  // Of the second header, which begins at 14; 0 where it is too short for that.
  uint32_t field(size_t at, int size) const {
    return at + size <= size_ ? number(14 + at, size) : 0;
  }
  Status understand();
  Status find_fields();
  void pixels(const uint8_t* row, uint8_t* rgb) const;

  const Bytes bytes_;
  size_t size_ = 0, begin_ = 0;  // of the second header; of the pixels
  int width_ = 0, height_ = 0;
  bool top_down_ = false;
  uint32_t bits_ = 0, compression_ = kNone;
  bool bytes_of_bgr_ = false;    // the usual order, of 24 bits and more
  std::array<Field, 3> fields_;  // if not
  Palette palette_;
};

Result<Header> BmpReader::header() {
  size_ = number(14, 4);
  if (bytes_.size() < 14 + size_) {
    return Status(Code::kBadMedia, "BMP is truncated: the data ends in its header");
  }
  const bool old = size_ == 12;  // of OS/2 1
  const int64_t width = old ? field(4, 2) : int64_t{static_cast<int32_t>(field(4, 4))};
  const int64_t height = old ? field(6, 2) : int64_t{static_cast<int32_t>(field(8, 4))};
  top_down_ = height < 0;
  bits_ = old ? field(10, 2) : field(14, 2);
  compression_ = old ? kNone : field(16, 4);
  constexpr int64_t kMost = INT32_MAX;
  if (width < 1 || height == 0 || height < -kMost) {
    return Status(Code::kBadMedia,
                  cat("BMP cannot be read: it is said to have ", width, " x ", height, " pixels"));
  }
  width_ = static_cast<int>(width);
  height_ = static_cast<int>(std::abs(height));
  return Header{Format::kBmp, {width_, height_}};
}

// Where the colours lie in a pixel, of 16 bits and more.
Status BmpReader::find_fields() {
  std::array<uint32_t, 3> masks{0xff0000, 0xff00, 0xff};
  const std::array<uint32_t, 3> usual = masks;
  if (bits_ == 16) masks = {0x7c00, 0x3e0, 0x1f};
  if (compression_ == kBitFields) {
    std::array<uint32_t, 3> stated{};
    for (size_t c = 0; c < 3; ++c) stated[c] = number(14 + 40 + 4 * c, 4);
    if (stated != std::array<uint32_t, 3>{}) masks = stated;
  }
  bytes_of_bgr_ = masks == usual && bits_ >= 24;
  for (size_t c = 0; c < 3; ++c) {
    const uint32_t low = masks[c] & -masks[c];
    if (masks[c] & (masks[c] + low)) {
      return {Code::kBadMedia, "BMP cannot be read: a bit field has gaps"};
    }
    fields_[c] = Field(masks[c]);
  }
  return {};
}

Status BmpReader::understand() {
  const bool known =
      bits_ == 1 || bits_ == 4 || bits_ == 8 || bits_ == 16 || bits_ == 24 || bits_ == 32;
  if (!known) return {Code::kBadMedia, cat("BMP cannot be read: ", bits_, " bits a pixel")};
  const bool fits = compression_ == kNone || (compression_ == kRle8 && bits_ == 8) ||
                    (compression_ == kRle4 && bits_ == 4) ||
                    (compression_ == kBitFields && bits_ >= 16);
  if (!fits) {
    return {Code::kBadMedia, cat("BMP cannot be read: compression ", compression_, " with ", bits_,
                                 " bits a pixel; run lengths of 4 and 8 bits, and bit fields of 16 "
                                 "and more, can be")};
  }
  size_t begin = number(10, 4);
  size_t end = 14 + size_;  // of what precedes the pixels
  if (bits_ >= 16) {
    LEAT_TRY(find_fields());
    if (compression_ == kBitFields && size_ == 40) end += 12;
  } else {
    const size_t entry = size_ == 12 ? 3 : 4;
    uint64_t colors = field(32, 4);
    if (colors == 0) colors = uint64_t{1} << bits_;
    for (size_t i = 0; i < std::min<uint64_t>(colors, 256); ++i) {
      const uint32_t bgr = number(end + entry * i, 3);
      palette_.set(i, uint8_t(bgr >> 16), uint8_t(bgr >> 8), uint8_t(bgr));
    }
    if (begin == 14 + size_) begin = 0;  // some say that the pixels begin with the palette
    end += entry * colors;
  }
  begin_ = std::min(begin == 0 ? end : begin, bytes_.size());
  return {};
}

// Pixels that hold their colours.
void BmpReader::pixels(const uint8_t* row, uint8_t* rgb) const {
  const size_t size = bits_ / 8;
  if (bytes_of_bgr_) {
    for (int x = 0; x < width_; ++x, rgb += 3, row += size) {
      rgb[0] = row[2];
      rgb[1] = row[1];
      rgb[2] = row[0];
    }
    return;
  }
  for (int x = 0; x < width_; ++x, row += size) {
    uint32_t pixel = 0;
    for (size_t i = size; i-- > 0;) pixel = pixel << 8 | row[i];
    for (const Field& field : fields_) *rgb++ = field.of(pixel);
  }
}

Result<Header> BmpReader::decode(const DecodeOptions& options, Canvas& canvas) {
  LEAT_ASSIGN(Header header, this->header());
  LEAT_TRY(check_pixels(header, options));
  LEAT_TRY(understand());
  const bool runs = compression_ == kRle8 || compression_ == kRle4;
  const size_t stride = (size_t{bits_} * static_cast<size_t>(width_) + 31) / 32 * 4;
  const size_t padding = stride - (size_t{bits_} * static_cast<size_t>(width_) + 7) / 8;
  const size_t there = (bytes_.size() - begin_ + padding) / stride;  // the last may lack it
  if (!runs && (there == 0 || (!options.recover && there < static_cast<size_t>(height_)))) {
    return truncated(Format::kBmp, static_cast<int64_t>(there), height_);
  }
  LEAT_ASSIGN(uint8_t * out, canvas.memory(width_, height_));

  RunLengths lengths(bytes_.subspan(begin_), compression_ == kRle4);
  std::vector<uint8_t> indices(bits_ < 16 ? static_cast<size_t>(width_) : 0);
  auto read = [&](int y, uint8_t* rgb) -> Status {
    const bool is_there = runs ? lengths.row(indices) : static_cast<size_t>(y) < there;
    if (!is_there) return truncated(Format::kBmp, y, height_);
    const uint8_t* row = bytes_.data() + begin_ + stride * y;
    if (bits_ >= 16) {
      pixels(row, rgb);
    } else if (runs || bits_ < 8) {
      if (!runs) unpack(row, bits_, indices.size(), indices.data());
      palette_.to_rgb(indices.data(), indices.size(), rgb);
    } else {
      palette_.to_rgb(row, indices.size(), rgb);
    }
    return {};
  };
  constexpr int kAsItIs = 1, kTopToBottom = 4;  // orientations
  LEAT_TRY(read_rows(header, top_down_ ? kAsItIs : kTopToBottom, out, options, canvas, read));
  return header;
}

}  // namespace

Result<Header> read_bmp_header(Bytes bytes) { return BmpReader(bytes).header(); }

Result<Header> decode_bmp(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  return BmpReader(bytes).decode(options, canvas);
}

}  // namespace leat::image
