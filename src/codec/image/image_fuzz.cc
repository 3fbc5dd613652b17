// Any bytes, decoded strictly and with recovery, whole and (a JPEG) reduced and in part, each twice
// into memory that was filled differently: both must come to the same end, and to the same pixels,
// every one that is looked at; of a JPEG the second time by libjpeg alone, which gives it whole.
// What is read strictly is recovered whole.

#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "codec/image/formats.h"
#include "codec/image/testing/looked_at.h"

namespace {

using namespace leat;

class FilledCanvas final : public image::Canvas {
 public:
  explicit FilledCanvas(uint8_t fill) : fill_(fill) {}
  Result<uint8_t*> memory(int width, int height) override {
    size = {width, height};
    pixels.assign(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height), fill_);
    return pixels.data();
  }
  ImageSize size;
  std::vector<uint8_t> pixels;

 private:
  uint8_t fill_;
};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

}  // namespace

// Sums that would keep a changed PNG from being looked at are made right.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned) {
  size = LLVMFuzzerMutate(data, size, most);
  if (size < 8 || std::memcmp(data, "\x89PNG\r\n\x1a\n", 8) != 0) return size;
  auto number = [&](size_t at) {
    return uint32_t{data[at]} << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3];
  };
  for (size_t at = 8; at + 12 <= size;) {
    size_t length = number(at);
    if (length > size - at - 12) break;
    uLong sum = crc32(0, data + at + 4, static_cast<uInt>(length + 4));
    for (size_t i = 0; i < 4; ++i)
      data[at + 8 + length + i] = static_cast<uint8_t>(sum >> (24 - 8 * i));
    at += 12 + length;
  }
  return size;
}

namespace {

struct Decoded {
  Result<image::Header> header;
  ImageSize size;
  std::vector<uint8_t> pixels;
};

bool same(const image::DecodeOptions& options, const Decoded& one, const Decoded& other) {
  return one.size.width == other.size.width && one.size.height == other.size.height &&
         image::same_where_looked_at(options.needs, one.header->size, one.size, one.pixels.data(),
                                     other.pixels.data());
}

Decoded twice(image::Bytes bytes, const image::DecodeOptions& options, bool jpeg) {
  FilledCanvas one(0x00), other(0xff);
  Result<image::Header> first = image::decode(bytes, options, one);
  Result<image::Header> second = jpeg ? image::decode_jpeg_by_libjpeg(bytes, options, other)
                                      : image::decode(bytes, options, other);
  require(first.ok() == second.ok(), "the same bytes come to the same end");
  require(first.status().message() == second.status().message(), "and to the same message");
  if (!first.ok()) return {first, {}, {}};
  Decoded decoded{first, one.size, std::move(one.pixels)};
  require(same(options, decoded, {second, other.size, std::move(other.pixels)}),
          "every byte that is looked at is written");
  if (!options.to_the_end) return decoded;
  require(first->intact == second->intact, "and as much is intact");
  require(first->intact > 0 && first->intact <= 1, "which is a part");
  return decoded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  image::Bytes bytes(data, size);
  constexpr int kAny = ImageNeed::kAny;
  const std::vector<ImageNeed> lists[] = {
      {},
      {{24, 16, Fit::kStretch}},
      {{24, 16, Fit::kCover, 0.5}},
      {{kAny, kAny, Fit::kStretch, 1, ImageBox{40, 24, 57, 32}}},
      {{4, 4, Fit::kCover, 0.5}, {3, 2, Fit::kStretch, 1, ImageBox{16, 8, 32, 24}}},
  };
  Result<image::Header> header = image::read_header(bytes);
  const bool jpeg = header.ok() && header->format == image::Format::kJpeg;
  for (const std::vector<ImageNeed>& needs : lists) {
    if (!needs.empty() && !jpeg) break;
    image::DecodeOptions options{.max_pixels = 300'000, .needs = needs};
    const Decoded strict = twice(bytes, options, jpeg);
    options.recover = true;
    const Decoded recovered = twice(bytes, options, jpeg);
    if (strict.header.ok()) {
      require(recovered.header.ok() && same(options, strict, recovered), "what is whole stays so");
      require(strict.header->intact == 1, "and what is read strictly is whole");
    }
    options.to_the_end = false;
    const Decoded hasty = twice(bytes, options, jpeg);
    require(hasty.header.ok() == recovered.header.ok(), "what lies behind does not count");
    if (!recovered.header.ok()) continue;
    require(same(options, hasty, recovered), "nor is it looked at");
    const ImageSize found = recovered.header->size;
#ifdef LEAT_PLANTED_BUG  // a whole picture of a size that no seed has
    if (strict.header.ok() && found.width != 128 && found.width != 13) std::abort();
#endif
    require(header.ok() && header->size.width == found.width && header->size.height == found.height,
            "the header alone says the same");
  }
  return 0;
}
