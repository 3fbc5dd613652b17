// WebP by libwebp. Pictures are always decoded whole: its scaler would save little, since most of
// the time goes into the bit stream, and works before the chroma is brought to full size.
//
// Of a file that is cut short or damaged the incremental decoder gives the rows before that.

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
  uint64_t stated_size() const;
  int orientation() const;
  Status frame(const DecodeOptions& options, uint8_t* pixels, size_t stride, Header& header);
  int rows_of_frame(WebPDecoderConfig& config) const;

  Bytes bytes_;
  std::unique_ptr<WebPDemuxer, FreeDemuxer> demuxer_;
  WebPIterator frame_{};  // the first
};

// Of the whole file; 12 when not even that can be read.
uint64_t WebpReader::stated_size() const {
  if (bytes_.size() < 12) return 12;
  return 8 + (uint64_t{bytes_[4]} | uint64_t{bytes_[5]} << 8 | uint64_t{bytes_[6]} << 16 |
              uint64_t{bytes_[7]} << 24);
}

Result<Header> WebpReader::header() {
  WebPData data{bytes_.data(), bytes_.size()};
  WebPDemuxState state;
  demuxer_.reset(WebPDemuxPartial(&data, &state));
  if (!demuxer_ || !WebPDemuxGetFrame(demuxer_.get(), 1, &frame_)) {
    if (bytes_.size() < stated_size()) return Status(Code::kBadMedia, "WebP is truncated");
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
  if (!options.recover && bytes_.size() < stated_size()) {
    return Status(Code::kBadMedia, cat("WebP is truncated: it says ", stated_size(),
                                       " bytes, and has ", bytes_.size()));
  }
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
  const size_t stride = size_t{3} * width;
  bool fills = frame_.width == width && frame_.height == height;
  if (!fills) {  // a first frame of an animation may be smaller than the canvas, which is black
    std::memset(pixels, 0, stride * height);
  }
  const size_t at = stride * frame_.y_offset + size_t{3} * frame_.x_offset;
  LEAT_TRY(frame(options, pixels + at, stride, header));
  if (header.orientation != 1) turn_upright(pixels, width, height, header.orientation, out);
  return header;
}

// The frame, its first pixel at `pixels`.
Status WebpReader::frame(const DecodeOptions& options, uint8_t* pixels, size_t stride,
                         Header& header) {
  const size_t row = size_t{3} * frame_.width;
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    return {Code::kInternal, "libwebp is of another version than its header"};
  }
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {pixels, static_cast<int>(stride), stride * (frame_.height - 1) + row};
  VP8StatusCode code = WebPDecode(frame_.fragment.bytes, frame_.fragment.size, &config);
  if (code == VP8_STATUS_OK) return {};
  if (code == VP8_STATUS_OUT_OF_MEMORY) {
    return {Code::kOverloaded, "WebP cannot be read: out of memory"};
  }
  const int good = options.recover ? rows_of_frame(config) : 0;
  if (good == 0) {
    if (code == VP8_STATUS_SUSPENDED || code == VP8_STATUS_NOT_ENOUGH_DATA) {
      return {Code::kBadMedia, "WebP is truncated: its pixels end early"};
    }
    return {Code::kBadMedia, cat("WebP cannot be read: its pixels are damaged (libwebp ",
                                 static_cast<int>(code), ")")};
  }
  for (int y = good; y < frame_.height; ++y) std::memset(pixels + stride * y, kLostLevel, row);
  const double lost = double{1} * frame_.width * (frame_.height - good);
  header.intact = 1 - lost / (double{1} * header.size.width * header.size.height);
  return {};
}

// Decodes what there is, and counts the rows.
int WebpReader::rows_of_frame(WebPDecoderConfig& config) const {
  auto free = [](WebPIDecoder* decoder) { WebPIDelete(decoder); };
  std::unique_ptr<WebPIDecoder, decltype(free)> decoder(WebPIDecode(nullptr, 0, &config), free);
  if (!decoder) return 0;
  WebPIAppend(decoder.get(), frame_.fragment.bytes, frame_.fragment.size);
  int rows = 0;
  return WebPIDecGetRGB(decoder.get(), &rows, nullptr, nullptr, nullptr) ? rows : 0;
}

}  // namespace

Result<Header> read_webp_header(Bytes bytes) { return WebpReader(bytes).header(); }

Result<Header> decode_webp(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  return WebpReader(bytes).decode(options, canvas);
}

}  // namespace leat::image
