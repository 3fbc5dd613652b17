// PNG by libspng, which is shown only the chunks that pixels are made of.
//
// Text, colour profiles and the later frames of an APNG are stepped over in memory: no compressed
// text is ever inflated, and no chunk is copied that is not needed.
//
// Of a damaged picture the rows before the first damage are recovered: those after it were stored
// as differences from rows that are lost. Of an interlaced one those pixels that the passes so far
// have brought, and nothing is made up between them.

#include <spng.h>
#include <zlib.h>

#include <cstring>

#include "base/text.h"
#include "codec/image/exif.h"
#include "codec/image/formats.h"
#include "codec/image/rows.h"

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

// What libspng reads: the signature and the critical chunks. Pixels that are cut short are shown as
// a whole chunk of what is there, since libspng throws away what comes before the end of its data.
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
      if (chunk.type == "IDAT" && !chunk.complete()) shorten(chunk);
      return true;
    }
    return false;
  }
  void shorten(const Chunk& chunk) {
    const Bytes there = chunk.payload();
    shorter_.assign(chunk.whole.begin(), chunk.whole.begin() + 8);
    shorter_.insert(shorter_.end(), there.begin(), there.end());
    put_number(there.size(), 0);
    const uLong sum = crc32(0, &shorter_[4], static_cast<uInt>(shorter_.size() - 4));
    shorter_.resize(shorter_.size() + 4);
    put_number(sum, shorter_.size() - 4);
    now_ = shorter_;
  }
  void put_number(uint64_t number, size_t at) {
    for (size_t i = 0; i < 4; ++i) shorter_[at + i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  }

  ChunkWalk walk_;
  Bytes now_;
  std::vector<uint8_t> shorter_;
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
  Status passes(uint8_t* pixels, const DecodeOptions& options, const Canvas& canvas,
                Header& header);
  Status turned_passes(uint8_t* out, const DecodeOptions& options, const Canvas& canvas,
                       Header& header);
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
  // Deflate makes at most 1032 bytes of one: far too few bytes need no memory. When what there is
  // is wanted, a hundredth of the picture is enough.
  const uint64_t most_of_one = options.recover ? 103200 : 1032;
  uint64_t samples = ihdr_.color_type == SPNG_COLOR_TYPE_TRUECOLOR         ? 3
                     : ihdr_.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ? 4
                     : ihdr_.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ? 2
                                                                           : 1;
  uint64_t raw = uint64_t{ihdr_.width} * ihdr_.height * samples * ihdr_.bit_depth / 8;
  if (raw / most_of_one > bytes_.size()) {
    return Status(Code::kBadMedia, cat("PNG is truncated: ", bytes_.size(), " bytes cannot hold ",
                                       header.size.width, " x ", header.size.height, " pixels"));
  }
  LEAT_ASSIGN(uint8_t * out, canvas.memory(header.size.width, header.size.height));
  int error = spng_decode_image(png_.get(), nullptr, 0, SPNG_FMT_RGB8, SPNG_DECODE_PROGRESSIVE);
  if (error) return failure(error, 0);
  if (ihdr_.interlace_method != SPNG_INTERLACE_NONE) {
    LEAT_TRY(turned_passes(out, options, canvas, header));
    return header;
  }
  const int last = static_cast<int>(ihdr_.height) - 1;
  auto read = [&](int y, uint8_t* row) -> Status {
    int code = spng_decode_row(png_.get(), row, size_t{3} * ihdr_.width);
    return !code || (code == SPNG_EOI && y == last) ? Status() : failure(code, y);
  };
  LEAT_TRY(read_rows(header, header.orientation, out, options, canvas, read));
  return header;
}

Status PngReader::turned_passes(uint8_t* out, const DecodeOptions& options, const Canvas& canvas,
                                Header& header) {
  if (header.orientation == 1) return passes(out, options, canvas, header);
  const int width = static_cast<int>(ihdr_.width), height = static_cast<int>(ihdr_.height);
  LEAT_ASSIGN(Tensor stored, Tensor::allocate(DType::kUint8, {height, width, 3}));
  uint8_t* pixels = stored.mutable_values<uint8_t>().data();
  LEAT_TRY(passes(pixels, options, canvas, header));
  turn_upright(pixels, width, height, header.orientation, out);
  return {};
}

// Adam7: every pass brings some columns of some rows.
Status PngReader::passes(uint8_t* pixels, const DecodeOptions& options, const Canvas& canvas,
                         Header& header) {
  constexpr uint32_t kFirst[] = {0, 4, 0, 2, 0, 1, 0}, kEvery[] = {8, 8, 4, 4, 2, 2, 1};
  const size_t stride = size_t{3} * ihdr_.width;
  if (options.recover) std::memset(pixels, kLostLevel, stride * ihdr_.height);
  int64_t brought = 0, rows = 0;
  int error = 0;
  for (spng_row_info row{}; (error = spng_get_row_info(png_.get(), &row)) == 0; ++rows) {
    if (rows % 32 == 0 && canvas.abandoned()) return abandoned();
    error = spng_decode_row(png_.get(), pixels + stride * row.row_num, stride);
    if (error && error != SPNG_EOI) break;
    const uint32_t every = kEvery[row.pass];
    brought += (ihdr_.width - kFirst[row.pass] + every - 1) / every;
  }
  header.intact = double{1} * brought / (int64_t{1} * ihdr_.width * ihdr_.height);
  if (error == SPNG_EOI) return {};
  Status status = failure(error, 0);
  return options.recover && brought > 0 && status.code() == Code::kBadMedia ? Status() : status;
}

}  // namespace

Result<Header> read_png_header(Bytes bytes) { return PngReader(bytes).header(); }

Result<Header> decode_png(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  return PngReader(bytes).decode(options, canvas);
}

}  // namespace leat::image
