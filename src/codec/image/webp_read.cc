// WebP by libwebp. Pictures are always decoded whole: its scaler would save little, since most of
// the time goes into the bit stream, and works before the chroma is brought to full size.

#include <webp/decode.h>
#include <webp/demux.h>

#include <cstring>

#include "base/text.h"
#include "codec/image/exif.h"
#include "codec/image/formats.h"
#include "codec/image/upright.h"

namespace leat::image {

namespace {

struct FreeDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};

class WebpReader {
 public:
  explicit WebpReader(Bytes bytes) : bytes_(bytes) {}
  ~WebpReader() { WebPDemuxReleaseIterator(&frame_); }
  WebpReader(const WebpReader&) = delete;
  WebpReader& operator=(const WebpReader&) = delete;

  Result<Header> header();
  Result<Header> decode(const DecodeOptions& options, Canvas& canvas);

 private:
  int orientation() const;

  Bytes bytes_;
  std::unique_ptr<WebPDemuxer, FreeDemuxer> demuxer_;
  WebPIterator frame_{};  // the first
};

Result<Header> WebpReader::header() {
  uint64_t wanted = bytes_.size() < 12
                        ? 12
                        : 8 + (uint64_t{bytes_[4]} | uint64_t{bytes_[5]} << 8 |
                               uint64_t{bytes_[6]} << 16 | uint64_t{bytes_[7]} << 24);
  if (bytes_.size() < wanted) {
    return Status(Code::kBadMedia,
                  cat("WebP is truncated: it says ", wanted, " bytes, and has ", bytes_.size()));
  }
  WebPData data{bytes_.data(), bytes_.size()};
  demuxer_.reset(WebPDemux(&data));
  if (!demuxer_ || !WebPDemuxGetFrame(demuxer_.get(), 1, &frame_)) {
    return Status(Code::kBadMedia, "WebP cannot be read: its chunks are not those of a picture");
  }
  int width = static_cast<int>(WebPDemuxGetI(demuxer_.get(), WEBP_FF_CANVAS_WIDTH));
  int height = static_cast<int>(WebPDemuxGetI(demuxer_.get(), WEBP_FF_CANVAS_HEIGHT));
  return upright_header(Format::kWebp, width, height, orientation());
}

int WebpReader::orientation() const {
  WebPChunkIterator chunk{};
  int orientation = 1;
  if (WebPDemuxGetChunk(demuxer_.get(), "EXIF", 1, &chunk)) {
    orientation = exif_orientation({chunk.chunk.bytes, chunk.chunk.size});
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

Result<Header> WebpReader::decode(const DecodeOptions& options, Canvas& canvas) {
  LEAT_ASSIGN(Header header, this->header());
  LEAT_TRY(check_pixels(header, options));
  int width = header.size.width, height = header.size.height;
  LEAT_ASSIGN(uint8_t * out, canvas.memory(width, height));
  if (header.orientation >= 5) std::swap(width, height);  // as stored, from here on

  Tensor stored;
  uint8_t* pixels = out;
  if (header.orientation != 1) {
    LEAT_ASSIGN(stored, Tensor::allocate(DType::kUint8, {height, width, 3}));
    pixels = stored.mutable_values<uint8_t>().data();
  }
  const size_t stride = size_t{3} * width, size = stride * height;
  bool fills = frame_.width == width && frame_.height == height;
  if (!fills) {  // a first frame of an animation may be smaller than the canvas, which is black
    std::memset(pixels, 0, size);
  }
  const size_t at = stride * frame_.y_offset + size_t{3} * frame_.x_offset;

  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    return Status(Code::kInternal, "libwebp is of another version than its header");
  }
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {pixels + at, static_cast<int>(stride), size - at};
  switch (VP8StatusCode code = WebPDecode(frame_.fragment.bytes, frame_.fragment.size, &config)) {
    case VP8_STATUS_OK:
      break;
    case VP8_STATUS_OUT_OF_MEMORY:
      return Status(Code::kOverloaded, "WebP cannot be read: out of memory");
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return Status(Code::kBadMedia, "WebP is truncated: its pixels end early");
    default:
      return Status(Code::kBadMedia, cat("WebP cannot be read: its pixels are damaged (libwebp ",
                                         static_cast<int>(code), ")"));
  }
  if (header.orientation != 1) turn_upright(pixels, width, height, header.orientation, out);
  return header;
}

}  // namespace

Result<Header> read_webp_header(Bytes bytes) { return WebpReader(bytes).header(); }

Result<Header> decode_webp(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  return WebpReader(bytes).decode(options, canvas);
}

}  // namespace leat::image
