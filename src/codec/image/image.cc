#include "codec/image/image.h"

#include "base/text.h"
#include "codec/image/formats.h"

namespace leat::image {

std::string_view format_name(Format format) {
  constexpr std::string_view names[] = {"JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF"};
  return names[static_cast<int>(format)];
}

Result<Header> read_header(Bytes bytes) {
  LEAT_ASSIGN(Format format, sniff(bytes));
  switch (format) {
    case Format::kJpeg:
      return read_jpeg_header(bytes);
    case Format::kPng:
      return read_png_header(bytes);
    case Format::kWebp:
      return read_webp_header(bytes);
    case Format::kGif:
      return read_gif_header(bytes);
    case Format::kBmp:
      return read_bmp_header(bytes);
    case Format::kTiff:
      return read_tiff_header(bytes);
  }
  __builtin_unreachable();
}

Result<Header> decode(Bytes bytes, const DecodeOptions& options, Canvas& canvas) {
  LEAT_ASSIGN(Format format, sniff(bytes));
  switch (format) {
    case Format::kJpeg:
      return decode_jpeg(bytes, options, canvas);
    case Format::kPng:
      return decode_png(bytes, options, canvas);
    case Format::kWebp:
      return decode_webp(bytes, options, canvas);
    case Format::kGif:
      return decode_gif(bytes, options, canvas);
    case Format::kBmp:
      return decode_bmp(bytes, options, canvas);
    case Format::kTiff:
      return decode_tiff(bytes, options, canvas);
  }
  __builtin_unreachable();
}

Status check_pixels(const Header& header, const DecodeOptions& options) {
  int64_t pixels = int64_t{header.size.width} * header.size.height;
  if (pixels <= options.max_pixels) return {};
  return {Code::kTooLarge,
          cat(format_name(header.format), " of ", header.size.width, " x ", header.size.height,
              " has ", pixels, " pixels; at most ", options.max_pixels, " are allowed")};
}

Status truncated(Format format, int64_t rows, int64_t of) {
  return {Code::kBadMedia, cat(format_name(format), " is truncated: the data ends after ", rows,
                               " of ", of, " rows")};
}

Status abandoned() { return {Code::kCancelled, "nobody waits for the picture any more"}; }

}  // namespace leat::image
