#include <algorithm>

#include "base/text.h"
#include "codec/image/image.h"

namespace leat::image {

namespace {

using namespace std::string_view_literals;

struct Signature {
  size_t offset;
  std::string_view magic;
  std::string_view what;
};

// The first that fits tells. "ftyp" is the box that begins every file of the ISO media family.
constexpr Signature kOthers[] = {
    {0, "%PDF"sv, "a PDF document"},
    {0, "\0\0\0\x0cJXL "sv, "a JPEG XL"},
    {0, "\xff\x0a"sv, "a JPEG XL"},
    {0, "\0\0\0\x0cjP  "sv, "a JPEG 2000"},
    {0, "\xff\x4f\xff\x51"sv, "a JPEG 2000"},
    {0, "8BPS"sv, "a Photoshop document"},
    {0, "\0\0\1\0"sv, "a Windows icon"},
    {4, "ftypavif"sv, "an AVIF"},
    {4, "ftypavis"sv, "an AVIF"},
    {4, "ftyphei"sv, "a HEIC"},
    {4, "ftyphev"sv, "a HEIC"},
    {4, "ftypmif1"sv, "a HEIC or AVIF"},
    {4, "ftypmsf1"sv, "a HEIC or AVIF"},
    {4, "ftyp"sv, "an MP4 video"},
    {0, "\x1a\x45\xdf\xa3"sv, "a Matroska or WebM video"},
    {0, "RIFF"sv, "a RIFF file (AVI, WAV)"},
    {0, "\x1f\x8b"sv, "gzip data"},
    {0, "PK\3\4"sv, "a ZIP archive"},
    {0, "\x89PNG"sv, "a PNG damaged by a transfer as text"},
    {0, "data:image/"sv, "a data: URL; send the bytes themselves"},
    {0, "/9j/"sv, "a JPEG in base64; send the bytes themselves"},
    {0, "iVBORw0KGgo"sv, "a PNG in base64; send the bytes themselves"},
    {0, "UklGR"sv, "a WebP in base64; send the bytes themselves"},
};

constexpr std::string_view kWanted = "JPEG, PNG, WebP, GIF, BMP or TIFF is wanted";

bool has(std::string_view text, size_t offset, std::string_view magic) {
  return text.size() >= offset && text.substr(offset).starts_with(magic);
}

std::string_view seems(std::string_view text) {
  for (const Signature& other : kOthers) {
    if (has(text, other.offset, other.magic)) return other.what;
  }
  std::string_view start = text.substr(0, 512);
  size_t mark = start.find_first_not_of(" \t\r\n");
  if (mark != start.npos && start[mark] == '<') {
    return start.find("<svg") != start.npos ? "an SVG" : "HTML or XML";
  }
  if (mark != start.npos && (start[mark] == '{' || start[mark] == '[')) return "JSON";
  bool text_only = std::ranges::all_of(start, [](unsigned char c) {  // ASCII or UTF-8
    return c >= 0x20 ? c != 0x7f && c != 0xc0 && c != 0xc1 && c < 0xf5
                     : c == '\t' || c == '\r' || c == '\n';
  });
  return text_only ? "text" : "data of an unknown kind";
}

// Two letters say little: the size of the second header must be one that there is.
bool is_bmp(Bytes bytes) {
  return bytes.size() >= 18 && bytes[0] == 'B' && bytes[1] == 'M' && bytes[14] >= 12 &&
         bytes[14] <= 124 && !bytes[15] && !bytes[16] && !bytes[17];
}

}  // namespace

Result<Format> sniff(Bytes bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xff\xd8\xff"sv)) return Format::kJpeg;
  if (text.starts_with("\x89PNG\r\n\x1a\n"sv)) return Format::kPng;
  if (text.starts_with("RIFF"sv) && has(text, 8, "WEBP"sv)) return Format::kWebp;
  if (text.starts_with("GIF87a"sv) || text.starts_with("GIF89a"sv)) return Format::kGif;
  for (std::string_view magic : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv}) {  // + is BigTIFF
    if (text.starts_with(magic)) return Format::kTiff;
  }
  if (is_bmp(bytes)) return Format::kBmp;
  if (text.empty()) {
    return Status(Code::kBadMedia, cat("no picture: there are no bytes; ", kWanted));
  }
  return Status(Code::kBadMedia, cat("not a picture that can be read: ", text.size(),
                                     text.size() == 1 ? " byte" : " bytes", ", seems to be ",
                                     seems(text), "; ", kWanted));
}

}  // namespace leat::image
