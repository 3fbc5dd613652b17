// TIFF by libtiff: the first page.
//
// Strips are read row by row and tiles one by one, so that memory beside the picture is that of a
// row, a tile and a compressed strip. libtiff gives samples, and what they mean is worked out here
// (tiff_samples.h), except for YCbCr outside of JPEG, where it makes the colours too.
//
// What of a damaged picture is recovered: tiles that are whole; the rows of a strip before its
// codes break off, but only of an uncompressed one if it is cut short, since libtiff wants the
// bytes of a strip together. Where codes go wrong and on again, as JPEG's and a fax's do, what came
// of them is kept up to the end of the strip or tile, and counts as lost.

#include <tiffio.h>

#include <cstring>

#include "base/text.h"
#include "codec/image/formats.h"
#include "codec/image/tiff_samples.h"
#include "codec/image/upright.h"

namespace leat::image {

namespace {

// The file as libtiff sees it, and what it says of it.
struct Source {
  Bytes bytes;
  uint64_t at = 0;
  bool ran_dry = false;  // more was asked for than there is
  int damages = 0;
  std::string said{};  // the first error

  static Source& of(thandle_t handle) { return *static_cast<Source*>(handle); }
};

tmsize_t on_read(thandle_t handle, void* to, tmsize_t count) {
  Source& source = Source::of(handle);
  const uint64_t there = source.bytes.size() - std::min<uint64_t>(source.at, source.bytes.size());
  const uint64_t wanted = static_cast<uint64_t>(std::max<tmsize_t>(count, 0));
  const uint64_t given = std::min(there, wanted);
  if (given < wanted) source.ran_dry = true;
  if (given > 0) std::memcpy(to, source.bytes.data() + source.at, given);
  source.at += given;
  return static_cast<tmsize_t>(given);
}

toff_t on_seek(thandle_t handle, toff_t to, int from) {
  Source& source = Source::of(handle);
  if (from == SEEK_CUR) to += source.at;
  if (from == SEEK_END) to += source.bytes.size();
  if (to > source.bytes.size()) source.ran_dry = true;
  return source.at = to;
}

void note(void* user, const char* format, va_list arguments) {
  Source& source = Source::of(user);
  ++source.damages;
  if (!source.said.empty()) return;
  char text[200];
  std::vsnprintf(text, sizeof text, format, arguments);
  source.said = text;
}

int on_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  note(user, format, arguments);
  return 1;
}

// libtiff only warns of what libjpeg makes up: by then "Corrupt JPEG data" or "Premature end".
int on_warning(TIFF*, void* user, const char* module, const char* format, va_list arguments) {
  if (module && std::string_view(module) == "JPEGLib") note(user, format, arguments);
  return 1;
}

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};

class TiffReader {
 public:
  explicit TiffReader(Bytes bytes) : source_{.bytes = bytes} {}
  Result<Header> header();
  Result<Header> decode(const DecodeOptions& options, Canvas& canvas);

 private:
  enum State : uint8_t { kGood, kDamaged, kLost };  // of a piece, the worst of its planes

  void open();
  uint32_t field(uint32_t tag, uint32_t fallback) const;
  Status understand();
  TiffLayout layout(uint32_t compression, bool planar);
  void find_pieces();
  Status check_pieces() const;
  bool whole_row(int y, int plane);
  bool read(int x, int y, int plane, uint8_t* pixels);
  bool read_colors(int x, int y, uint8_t* pixels);
  Result<double> read_all(const DecodeOptions& options, const Canvas& canvas, uint8_t* pixels);
  double lose(const std::vector<uint8_t>& states, uint8_t* pixels) const;
  Status failure(int y) const;

  size_t across() const { return (size_t{1} * width_ + piece_width_ - 1) / piece_width_; }
  size_t down() const { return (size_t{1} * height_ + piece_height_ - 1) / piece_height_; }
  uint8_t* at(uint8_t* pixels, int x, int y) const {
    return pixels + 3 * (size_t{1} * y * width_ + x);
  }

  Source source_;
  std::unique_ptr<TIFF, CloseTiff> tiff_;
  int width_ = 0, height_ = 0;  // as stored
  TiffSamples samples_;
  int planes_ = 1;
  bool plain_ = false;   // not compressed
  bool colors_ = false;  // by libtiff
  // What is read at once: a row, a tile, or a strip of colours.
  int piece_width_ = 0, piece_height_ = 0, strip_height_ = 0;
  bool tiled_ = false;
  std::vector<uint8_t> raw_, stored_;  // of a piece; of a row before libtiff has seen it
  std::vector<uint32_t> rgba_;         // of a piece
};

void TiffReader::open() {
  auto free = [](TIFFOpenOptions* options) { TIFFOpenOptionsFree(options); };
  std::unique_ptr<TIFFOpenOptions, decltype(free)> options(TIFFOpenOptionsAlloc(), free);
  if (!options) return;
  // A strip, compressed, and tags: both lie in the file. Or a row.
  constexpr tmsize_t kLargest = 256 << 20;
  TIFFOpenOptionsSetMaxSingleMemAlloc(
      options.get(), std::max(kLargest, static_cast<tmsize_t>(2 * source_.bytes.size())));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &source_);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &source_);
  auto no_write = [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; };
  auto no_close = [](thandle_t) { return 0; };
  auto size = [](thandle_t handle) -> toff_t { return Source::of(handle).bytes.size(); };
  auto no_map = [](thandle_t, void**, toff_t*) { return 0; };
  auto no_unmap = [](thandle_t, void*, toff_t) {};
  // "m": strips are copied, with room behind them, before they are decoded.
  tiff_.reset(TIFFClientOpenExt("", "rm", &source_, on_read, no_write, on_seek, no_close, size,
                                no_map, no_unmap, options.get()));
}

uint32_t TiffReader::field(uint32_t tag, uint32_t fallback) const {
  uint16_t value = 0;
  return TIFFGetField(tiff_.get(), tag, &value) ? value : fallback;
}

Status TiffReader::failure(int y) const {
  if (source_.ran_dry) {
    return y < 0 ? Status(Code::kBadMedia, "TIFF is truncated: the data ends in its header")
                 : truncated(Format::kTiff, y, height_);
  }
  return {Code::kBadMedia, cat("TIFF cannot be read: ",
                               source_.said.empty() ? "its header is damaged" : source_.said)};
}

Result<Header> TiffReader::header() {
  open();
  if (!tiff_) return failure(-1);
  uint32_t width = 0, height = 0;
  TIFFGetField(tiff_.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff_.get(), TIFFTAG_IMAGELENGTH, &height);
  if (width - 1 >= INT32_MAX || height - 1 >= INT32_MAX) {
    return Status(Code::kBadMedia,
                  cat("TIFF cannot be read: it is said to have ", width, " x ", height, " pixels"));
  }
  width_ = static_cast<int>(width);
  height_ = static_cast<int>(height);
  const uint32_t orientation = field(TIFFTAG_ORIENTATION, 1);
  return upright_header(Format::kTiff, width_, height_,
                        orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1);
}

// Those that are in use and take no memory at a file's wish.
bool can_be_read(uint32_t compression) {
  switch (compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_CCITTRLE:
    case COMPRESSION_CCITTFAX3:
    case COMPRESSION_CCITTFAX4:
    case COMPRESSION_LZW:
    case COMPRESSION_JPEG:
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
    case COMPRESSION_PACKBITS:
    case COMPRESSION_ZSTD:
      return true;
    default:
      return false;
  }
}

// What the samples mean, and how they lie.
Status TiffReader::understand() {
  const uint32_t compression = field(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  if (!can_be_read(compression)) {
    return {Code::kBadMedia,
            cat("TIFF cannot be read: compression ", compression,
                "; none, CCITT, LZW, JPEG, deflate, PackBits and Zstandard can be")};
  }
  plain_ = compression == COMPRESSION_NONE;
  const bool planar = field(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
  LEAT_TRY(samples_.understand(layout(compression, planar)));
  if (planar && !colors_) planes_ = samples_.separate();
  find_pieces();
  return check_pieces();
}

TiffLayout TiffReader::layout(uint32_t compression, bool planar) {
  TIFF* tiff = tiff_.get();
  TiffLayout said{.photometric = field(TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE),
                  .samples = field(TIFFTAG_SAMPLESPERPIXEL, 1),
                  .bits = field(TIFFTAG_BITSPERSAMPLE, 1),
                  .format = field(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT)};
  if (said.photometric == PHOTOMETRIC_YCBCR && said.samples == 3) {
    colors_ = compression != COMPRESSION_JPEG || planar;
    if (!colors_) TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);  // turning is not its task
    said.photometric = PHOTOMETRIC_RGB;
  }
  uint16_t extras = 0;
  uint16_t* kinds = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds) && extras > 0) {
    said.multiplied = kinds[0] == EXTRASAMPLE_ASSOCALPHA;
  }
  auto& colors = said.palette;
  if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &colors[0], &colors[1], &colors[2])) colors = {};
  return said;
}

void TiffReader::find_pieces() {
  TIFF* tiff = tiff_.get();
  tiled_ = TIFFIsTiled(tiff);
  uint32_t width = static_cast<uint32_t>(width_), height = 0;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &height);
  strip_height_ = static_cast<int>(std::min(height, static_cast<uint32_t>(height_)));
  height = colors_ ? static_cast<uint32_t>(strip_height_) : 1;
  if (tiled_) {
    width = height = 0;
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &height);
  }
  piece_width_ = static_cast<int>(std::min<uint32_t>(width, INT32_MAX));
  piece_height_ = static_cast<int>(std::min<uint32_t>(height, INT32_MAX));
}

// That the file cannot make much work or memory of few pixels.
Status TiffReader::check_pieces() const {
  if (piece_width_ < 1 || piece_height_ < 1 || (!tiled_ && strip_height_ < 1)) {
    return {Code::kBadMedia, "TIFF cannot be read: its strips or tiles have no pixels"};
  }
  const double covered = double{1} * across() * piece_width_ * down() * piece_height_;
  if (covered > 4.0 * width_ * height_ + (4 << 20)) {
    return {Code::kBadMedia, cat("TIFF cannot be read: tiles of ", piece_width_, " x ",
                                 piece_height_, " for ", width_, " x ", height_, " pixels")};
  }
  const uint32_t count = tiled_ ? TIFFNumberOfTiles(tiff_.get()) : TIFFNumberOfStrips(tiff_.get());
  const uint64_t there = source_.bytes.size();
  uint64_t stored = 0;
  for (uint32_t i = 0; i < count; ++i) {
    stored += std::min<uint64_t>(TIFFGetStrileByteCount(tiff_.get(), i), there);
  }
  if (stored / 64 > there) {
    return {Code::kBadMedia, "TIFF cannot be read: its strips or tiles are the same bytes"};
  }
  return {};
}

Result<Header> TiffReader::decode(const DecodeOptions& options, Canvas& canvas) {
  LEAT_ASSIGN(Header header, this->header());
  LEAT_TRY(check_pixels(header, options));
  LEAT_TRY(understand());
  LEAT_ASSIGN(uint8_t * out, canvas.memory(header.size.width, header.size.height));
  Tensor stored;
  uint8_t* pixels = out;
  if (header.orientation != 1) {
    LEAT_ASSIGN(stored, Tensor::allocate(DType::kUint8, {height_, width_, 3}));
    pixels = stored.mutable_values<uint8_t>().data();
  }
  source_.ran_dry = false;  // in tags that nobody needs
  source_.said.clear();
  LEAT_ASSIGN(header.intact, read_all(options, canvas, pixels));
  if (header.orientation != 1) turn_upright(pixels, width_, height_, header.orientation, out);
  return header;
}

// Of strips, into raw_.
bool TiffReader::whole_row(int y, int plane) {
  TIFF* tiff = tiff_.get();
  const size_t size = static_cast<size_t>(TIFFScanlineSize(tiff));
  raw_.resize(std::max(size, samples_.row_bytes(width_)));
  const uint32_t row = static_cast<uint32_t>(y);
  if (!plain_) return TIFFReadScanline(tiff, raw_.data(), row, static_cast<uint16_t>(plane)) >= 0;
  const uint32_t strip = TIFFComputeStrip(tiff, row, static_cast<uint16_t>(plane));
  const uint64_t begin = TIFFGetStrileOffset(tiff, strip) + uint64_t{row % strip_height_} * size;
  if (begin > source_.bytes.size() || source_.bytes.size() - begin < size) {
    source_.ran_dry = true;
    return false;
  }
  stored_.assign(&source_.bytes[begin], &source_.bytes[begin] + size);  // it may swap them there
  const tmsize_t bytes = static_cast<tmsize_t>(size);
  return TIFFReadFromUserBuffer(tiff, strip, stored_.data(), bytes, raw_.data(), bytes);
}

// A piece. False: it cannot be read.
bool TiffReader::read(int x, int y, int plane, uint8_t* pixels) {
  TIFF* tiff = tiff_.get();
  if (colors_) return read_colors(x, y, pixels);
  if (!tiled_) {
    if (!whole_row(y, plane)) return false;
    samples_.to_rgb(raw_.data(), width_, plane, at(pixels, 0, y));
    return true;
  }
  const size_t row = static_cast<size_t>(TIFFTileRowSize(tiff));
  if (row < samples_.row_bytes(piece_width_)) return false;
  raw_.resize(std::max(static_cast<size_t>(TIFFTileSize(tiff)), row * piece_height_));
  const uint32_t tile = TIFFComputeTile(tiff, static_cast<uint32_t>(x), static_cast<uint32_t>(y), 0,
                                        static_cast<uint16_t>(plane));
  if (TIFFReadEncodedTile(tiff, tile, raw_.data(), static_cast<tmsize_t>(raw_.size())) < 0) {
    return false;
  }
  const int columns = std::min(piece_width_, width_ - x),
            rows = std::min(piece_height_, height_ - y);
  for (int i = 0; i < rows; ++i) {
    samples_.to_rgb(raw_.data() + row * i, columns, plane, at(pixels, x, y + i));
  }
  return true;
}

// The same, where libtiff makes the colours: a tile, or a strip, from its last row up.
bool TiffReader::read_colors(int x, int y, uint8_t* pixels) {
  TIFF* tiff = tiff_.get();
  const int columns = std::min(piece_width_, width_ - x),
            rows = std::min(piece_height_, height_ - y);
  rgba_.resize(size_t{1} * piece_width_ * piece_height_);
  const uint32_t left = static_cast<uint32_t>(x), top = static_cast<uint32_t>(y);
  const bool read = tiled_ ? TIFFReadRGBATileExt(tiff, left, top, rgba_.data(), 1)
                           : TIFFReadRGBAStripExt(tiff, top, rgba_.data(), 1);
  const int stored_rows = tiled_ ? piece_height_ : rows;
  for (int i = 0; read && i < rows; ++i) {
    const uint32_t* from = &rgba_[size_t{1} * piece_width_ * (stored_rows - 1 - i)];
    uint8_t* to = at(pixels, x, y + i);
    for (int k = 0; k < columns; ++k) {
      for (int c = 0; c < 3; ++c) *to++ = static_cast<uint8_t>(from[k] >> 8 * c);
    }
  }
  return read;
}

// Gives the part that is intact.
Result<double> TiffReader::read_all(const DecodeOptions& options, const Canvas& canvas,
                                    uint8_t* pixels) {
  std::vector<uint8_t> states(across() * down(), kGood);
  for (int plane = 0; plane < planes_; ++plane) {
    uint8_t state = kGood;  // of the tile, or of the strip so far
    for (size_t i = 0; i < states.size(); ++i) {
      const int x = static_cast<int>(i % across()) * piece_width_;
      const int y = static_cast<int>(i / across()) * piece_height_;
      if (i % 32 == 0 && canvas.abandoned()) return abandoned();
      if (tiled_ || y % strip_height_ == 0) state = kGood;
      const int damages = source_.damages;
      if (state != kLost && !read(x, y, plane, pixels)) state = kLost;
      if (state != kLost && source_.damages != damages) state = kDamaged;
      if (state != kGood && !options.recover) return failure(y);
      states[i] = std::max(states[i], state);
    }
  }
  const double intact = lose(states, pixels);
  if (intact == 0) return failure(0);
  return intact;
}

// Greys what is lost.
double TiffReader::lose(const std::vector<uint8_t>& states, uint8_t* pixels) const {
  double lost = 0;
  for (size_t i = 0; i < states.size(); ++i) {
    if (states[i] == kGood) continue;
    const int x = static_cast<int>(i % across()) * piece_width_;
    const int y = static_cast<int>(i / across()) * piece_height_;
    const int columns = std::min(piece_width_, width_ - x);
    const int rows = std::min(piece_height_, height_ - y);
    lost += double{1} * columns * rows;
    for (int k = 0; states[i] == kLost && k < rows; ++k) {
      std::memset(at(pixels, x, y + k), kLostLevel, size_t{3} * columns);
    }
  }
  return 1 - lost / (double{1} * width_ * height_);
}

}  // namespace

Result<Header> read_tiff_header(Bytes bytes) { return TiffReader(bytes).header(); }

Result<Header> decode_tiff(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  return TiffReader(bytes).decode(options, canvas);
}

}  // namespace leat::image
