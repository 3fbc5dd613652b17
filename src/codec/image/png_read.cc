// PNG by libspng, which is shown only the chunks that pixels are made of.
//
// Text, colour profiles and the later frames of an APNG are stepped over in memory: no compressed
// text is ever inflated, and no chunk is copied that is not needed.

#include <spng.h>

#include <cstring>

#include "base/text.h"
#include "codec/image/exif.h"
#include "codec/image/formats.h"
#include "codec/image/png_raw.h"
#include "codec/image/upright.h"

namespace leat::image {

namespace {

constexpr size_t kSignature = 8;
constexpr size_t kAround = 12;  // a chunk's length, type and check sum

struct Chunk {
  std::string_view type;
  Bytes whole;    // cut short where the file is
  size_t length;  // as the chunk says

  bool critical() const { return !(type[0] & 0x20); }
  bool complete() const { return whole.size() == kAround + length; }
  Bytes payload() const { return whole.subspan(8, std::min(length, whole.size() - 8)); }
};

// Steps through the chunks. False at the end.
class ChunkWalk {
 public:
  explicit ChunkWalk(Bytes png) : left_(png.subspan(kSignature)) {}
  bool next(Chunk& chunk) {
    if (left_.size() < 8) return false;
    chunk.length = size_t{left_[0]} << 24 | left_[1] << 16 | left_[2] << 8 | left_[3];
    chunk.type = {reinterpret_cast<const char*>(left_.data()) + 4, 4};
    chunk.whole = left_.first(std::min(left_.size(), kAround + chunk.length));
    left_ = left_.subspan(chunk.whole.size());
    return true;
  }

 private:
  Bytes left_;
};

// What libspng reads: the signature and the critical chunks.
class CriticalBytes {
 public:
  explicit CriticalBytes(Bytes png) : walk_(png), now_(png.first(kSignature)) {}
  bool read(uint8_t* to, size_t count) {
    while (count > 0) {
      if (now_.empty() && !advance()) return false;
      size_t n = std::min(count, now_.size());
      std::memcpy(to, now_.data(), n);
      to += n;
      count -= n;
      now_ = now_.subspan(n);
    }
    return true;
  }

 private:
  bool advance() {
    Chunk chunk;
    while (walk_.next(chunk)) {
      if (!chunk.critical()) continue;
      now_ = chunk.whole;
      return true;
    }
    return false;
  }
  ChunkWalk walk_;
  Bytes now_;
};

struct FreeSpng {
  void operator()(spng_ctx* png) const { spng_ctx_free(png); }
};

class PngReader {
 public:
  explicit PngReader(Bytes bytes) : bytes_(bytes), source_(bytes), png_(spng_ctx_new(0)) {}

  Result<Header> header();
  Result<Header> decode(const DecodeOptions& options, Canvas& canvas);

 private:
  Status whole(int orientation, uint8_t* out);
  Status rows(int orientation, uint8_t* out, Canvas& canvas);
  static Status raw_rows(PngRaw& raw, int orientation, uint8_t* out, Canvas& canvas);
  Status failure(int error, int64_t rows) const;

  Bytes bytes_;
  CriticalBytes source_;
  std::unique_ptr<spng_ctx, FreeSpng> png_;
  spng_ihdr ihdr_{};
};

Status PngReader::failure(int error, int64_t rows) const {
  switch (error) {
    case SPNG_IO_EOF:
    case SPNG_EOF:
    case SPNG_EIDAT_TOO_SHORT:
      if (ihdr_.height == 0) {
        return {Code::kBadMedia, "PNG is truncated: the data ends in its header"};
      }
      return truncated(Format::kPng, rows, ihdr_.height);
    case SPNG_EMEM:
      return {Code::kOverloaded, "PNG cannot be read: out of memory"};
    default:
      return {Code::kBadMedia, cat("PNG cannot be read: ", spng_strerror(error))};
  }
}

// Orientation of the eXIf chunk, wherever it stands.
int png_orientation(Bytes png) {
  ChunkWalk walk(png);
  Chunk chunk;
  while (walk.next(chunk)) {
    if (chunk.type == "eXIf" && chunk.complete()) return exif_orientation(chunk.payload());
  }
  return 1;
}

Result<Header> PngReader::header() {
  if (!png_) return failure(SPNG_EMEM, 0);
  auto read = [](spng_ctx*, void* source, void* to, size_t count) -> int {
    bool all = static_cast<CriticalBytes*>(source)->read(static_cast<uint8_t*>(to), count);
    return all ? SPNG_OK : SPNG_IO_EOF;
  };
  int error = spng_set_png_stream(png_.get(), read, &source_);
  if (!error) error = spng_get_ihdr(png_.get(), &ihdr_);
  if (error) return failure(error, 0);
  return upright_header(Format::kPng, static_cast<int>(ihdr_.width), static_cast<int>(ihdr_.height),
                        png_orientation(bytes_));
}

Result<Header> PngReader::decode(const DecodeOptions& options, Canvas& canvas) {
  LEAT_ASSIGN(Header header, this->header());
  LEAT_TRY(check_pixels(header, options));
  // Deflate makes at most 1032 bytes of one: far too few bytes need no memory.
  constexpr uint64_t kMostOfOne = 1032;
  uint64_t samples = ihdr_.color_type == SPNG_COLOR_TYPE_TRUECOLOR         ? 3
                     : ihdr_.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ? 4
                     : ihdr_.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ? 2
                                                                           : 1;
  uint64_t raw = uint64_t{ihdr_.width} * ihdr_.height * samples * ihdr_.bit_depth / 8;
  if (raw / kMostOfOne > bytes_.size()) {
    return Status(Code::kBadMedia, cat("PNG is truncated: ", bytes_.size(), " bytes cannot hold ",
                                       header.size.width, " x ", header.size.height, " pixels"));
  }
  LEAT_ASSIGN(uint8_t * out, canvas.memory(header.size.width, header.size.height));
  if (PngRaw plain; plain.open(bytes_)) {
    LEAT_TRY(raw_rows(plain, header.orientation, out, canvas));
    return header;
  }
  if (ihdr_.interlace_method == SPNG_INTERLACE_NONE) {
    LEAT_TRY(rows(header.orientation, out, canvas));
  } else {
    LEAT_TRY(whole(header.orientation, out));
  }
  return header;
}

Status PngReader::rows(int orientation, uint8_t* out, Canvas& canvas) {
  int error = spng_decode_image(png_.get(), nullptr, 0, SPNG_FMT_RGB8, SPNG_DECODE_PROGRESSIVE);
  if (error) return failure(error, 0);
  const int width = static_cast<int>(ihdr_.width), height = static_cast<int>(ihdr_.height);
  UprightRows upright(out, width, height, orientation);
  for (int first = 0, count; first < height; first += count) {
    if (canvas.abandoned()) return {Code::kCancelled, "nobody waits for the picture any more"};
    count = upright.band(first);
    for (int y = first; y < first + count; ++y) {
      error = spng_decode_row(png_.get(), upright.row(y), size_t{3} * ihdr_.width);
      if (error && !(error == SPNG_EOI && y == height - 1)) return failure(error, y);
    }
    upright.settle(first, count);
  }
  return {};
}

Status PngReader::raw_rows(PngRaw& raw, int orientation, uint8_t* out, Canvas& canvas) {
  UprightRows upright(out, raw.width(), raw.height(), orientation);
  for (int first = 0, count; first < raw.height(); first += count) {
    if (canvas.abandoned()) return {Code::kCancelled, "nobody waits for the picture any more"};
    count = upright.band(first);
    for (int y = first; y < first + count; ++y) raw.row(upright.row(y));
    upright.settle(first, count);
  }
  return {};
}

// An interlaced picture comes in passes over all of it.
Status PngReader::whole(int orientation, uint8_t* out) {
  const int width = static_cast<int>(ihdr_.width), height = static_cast<int>(ihdr_.height);
  const size_t row = size_t{3} * ihdr_.width;
  Tensor stored;
  uint8_t* pixels = out;
  if (orientation != 1) {
    LEAT_ASSIGN(stored, Tensor::allocate(DType::kUint8, {height, width, 3}));
    pixels = stored.mutable_values<uint8_t>().data();
  }
  int error = spng_decode_image(png_.get(), pixels, row * ihdr_.height, SPNG_FMT_RGB8, 0);
  if (error) return failure(error, 0);
  if (orientation != 1) turn_upright(pixels, width, height, orientation, out);
  return {};
}

}  // namespace

Result<Header> read_png_header(Bytes bytes) { return PngReader(bytes).header(); }

Result<Header> decode_png(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  return PngReader(bytes).decode(options, canvas);
}

}  // namespace leat::image
