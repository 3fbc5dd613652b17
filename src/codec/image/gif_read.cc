// GIF: the first frame on its canvas.
//
// The canvas is as large as the screen or, if that is larger, as what the frame covers. Around the
// frame it has the frame's transparent colour, or its first. Colours beyond the palette are black;
// without a palette they are levels of grey.
//
// Of a damaged picture the rows before the damage are recovered. Those of an interlaced one come in
// four passes over the picture; nothing is made up between the rows that have come.

#include "base/text.h"
#include "codec/image/formats.h"
#include "codec/image/lzw.h"
#include "codec/image/palette.h"

namespace leat::image {

namespace {

class GifReader {
 public:
  explicit GifReader(Bytes bytes) : bytes_(bytes) {}
  Result<Header> header();
  Result<Header> decode(const DecodeOptions& options, Canvas& canvas);

 private:
  bool has(size_t count) const { return bytes_.size() - at_ >= count; }
  int number(size_t at) const { return bytes_[at] | bytes_[at + 1] << 8; }
  Status find_frame();
  bool pass_extension();
  bool read_palette(uint8_t flags);
  Status frame(const DecodeOptions& options, const Canvas& canvas, uint8_t* out, Header& header);

  Bytes bytes_;
  size_t at_ = 0;
  Palette palette_;
  uint8_t background_ = 0;  // what lies around the frame: an index
  int left_ = 0, top_ = 0, width_ = 0, height_ = 0;
  bool interlaced_ = false;
};

// False: the data end.
bool GifReader::read_palette(uint8_t flags) {
  constexpr uint8_t kThere = 0x80;
  if (!(flags & kThere)) return true;
  const size_t colors = size_t{2} << (flags & 7);
  if (!has(3 * colors)) return false;
  palette_ = {};
  for (size_t i = 0; i < colors; ++i, at_ += 3) {
    palette_.set(i, bytes_[at_], bytes_[at_ + 1], bytes_[at_ + 2]);
  }
  return true;
}

// From its label to its end. False: the data end.
bool GifReader::pass_extension() {
  constexpr uint8_t kGraphicControl = 0xf9;
  if (!has(2)) return false;
  const bool control = bytes_[at_++] == kGraphicControl;
  for (bool first = true; has(1); first = false) {
    const size_t size = bytes_[at_];
    if (!has(1 + size)) return false;
    if (control && first && size >= 4 && bytes_[at_ + 1] & 1) background_ = bytes_[at_ + 4];
    at_ += 1 + size;
    if (size == 0) return true;
  }
  return false;
}

// Reads up to the pixels of the first frame.
Status GifReader::find_frame() {
  const Status ends(Code::kBadMedia, "GIF is truncated: the data ends in its header");
  constexpr size_t kScreen = 13, kFrame = 9;
  if (!has(kScreen)) return ends;
  for (size_t i = 0; i < 256; ++i) {
    const uint8_t level = static_cast<uint8_t>(i);
    palette_.set(i, level, level, level);
  }
  at_ = kScreen;
  if (!read_palette(bytes_[10])) return ends;
  while (has(1)) {
    const uint8_t what = bytes_[at_++];
    if (what == '!') {
      if (!pass_extension()) return ends;
    } else if (what == ';') {
      return {Code::kBadMedia, "GIF cannot be read: there is no picture in it"};
    } else if (what == ',') {
      if (!has(kFrame)) return ends;
      left_ = number(at_);
      top_ = number(at_ + 2);
      width_ = number(at_ + 4);
      height_ = number(at_ + 6);
      const uint8_t flags = bytes_[at_ + 8];
      interlaced_ = flags & 0x40;
      at_ += kFrame;
      return read_palette(flags) ? Status() : ends;
    }  // anything else is let pass
  }
  return ends;
}

Result<Header> GifReader::header() {
  LEAT_TRY(find_frame());
  if (width_ == 0 || height_ == 0) {
    return Status(Code::kBadMedia, cat("GIF cannot be read: its first frame has ", width_, " x ",
                                       height_, " pixels"));
  }
  return Header{Format::kGif,
                {std::max(number(6), left_ + width_), std::max(number(8), top_ + height_)}};
}

Result<Header> GifReader::decode(const DecodeOptions& options, Canvas& canvas) {
  LEAT_ASSIGN(Header header, this->header());
  LEAT_TRY(check_pixels(header, options));
  // A code has 12 bits for at most 4096 pixels, or less for fewer: far too few bytes need no
  // memory. When what there is is wanted, a hundredth of the frame is enough.
  const int64_t most_of_one = options.recover ? 273100 : 2731;
  if (int64_t{1} * width_ * height_ / most_of_one > static_cast<int64_t>(bytes_.size())) {
    return Status(Code::kBadMedia, cat("GIF is truncated: ", bytes_.size(), " bytes cannot hold ",
                                       width_, " x ", height_, " pixels"));
  }
  const int width = header.size.width, height = header.size.height;
  LEAT_ASSIGN(uint8_t * out, canvas.memory(width, height));
  if (width_ < width || height_ < height) {
    const std::vector<uint8_t> row(static_cast<size_t>(width), background_);
    for (int y = 0; y < height; ++y) {
      palette_.to_rgb(row.data(), row.size(), out + size_t{3} * width * y);
    }
  }
  LEAT_TRY(frame(options, canvas, out, header));
  return header;
}

// The rows of an interlaced frame: every 8th, every 8th from the 4th on, every 4th, every 2nd.
struct RowOrder {
  int height;
  bool interlaced;
  int row = 0, pass = 0;

  void next() {
    static constexpr int kStep[] = {8, 8, 4, 2}, kNext[] = {4, 2, 1, 0};
    row += interlaced ? kStep[pass] : 1;
    while (interlaced && row >= height && pass < 3) row = kNext[pass++];
  }
};

Status GifReader::frame(const DecodeOptions& options, const Canvas& canvas, uint8_t* out,
                        Header& header) {
  if (!has(1)) return {Code::kBadMedia, "GIF is truncated: the data ends in its header"};
  Lzw lzw(bytes_.subspan(at_ + 1), bytes_[at_]);
  const size_t row_size = static_cast<size_t>(width_);
  std::vector<uint8_t> indices(row_size * static_cast<size_t>(height_) + Lzw::kSlack);
  Status failure;
  int good = 0;
  RowOrder order{height_, interlaced_};
  for (int i = 0; i < height_; ++i, order.next()) {
    if (i % 32 == 0 && canvas.abandoned()) return abandoned();
    uint8_t* row = out + 3 * (size_t{1} * header.size.width * (top_ + order.row) + left_);
    if (failure.ok() && !lzw.decode(indices.data(), row_size * (i + 1))) {
      failure = lzw.damaged() ? Status(Code::kBadMedia, cat("GIF cannot be read: damaged after ", i,
                                                            " of ", height_, " rows"))
                              : truncated(Format::kGif, i, height_);
      if (!options.recover || good == 0) return failure;
    }
    if (failure.ok()) {
      ++good;
      palette_.to_rgb(&indices[row_size * i], row_size, row);
    } else {
      std::fill_n(row, size_t{3} * width_, kLostLevel);
    }
  }
  const double lost = double{1} * width_ * (height_ - good);
  header.intact = 1 - lost / (double{1} * header.size.width * header.size.height);
  return {};
}

}  // namespace

Result<Header> read_gif_header(Bytes bytes) { return GifReader(bytes).header(); }

Result<Header> decode_gif(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  return GifReader(bytes).decode(options, canvas);
}

}  // namespace leat::image
