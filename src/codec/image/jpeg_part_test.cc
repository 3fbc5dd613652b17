// Of a JPEG only a part is decoded where no more is looked at: against the whole of it.

#include <gtest/gtest.h>

#include <numeric>

#include "base/text.h"
#include "codec/image/formats.h"
#include "codec/image/testing/jpegs.h"
#include "codec/image/testing/looked_at.h"

namespace leat::image {
namespace {

struct Decoded {
  Result<Header> header;
  Picture picture;
};

Decoded decode_into(uint8_t fill, const File& file, const DecodeOptions& options) {
  PictureCanvas canvas(fill);
  auto header = decode(file, options, canvas);
  return {std::move(header), std::move(canvas.picture)};
}

// The whole of it at the scale that these options lead to: somebody looks at all.
Decoded whole_of(const File& file, DecodeOptions options) {
  std::vector<ImageNeed> needs(options.needs.begin(), options.needs.end());
  needs.push_back({1, 1, Fit::kLetterbox});
  options.needs = needs;
  options.to_the_end = true;
  return decode_into(0xee, file, options);
}

int upto(std::mt19937& random, int most) {
  return static_cast<int>(random() % static_cast<unsigned>(most + 1));
}

ImageNeed any_need(ImageSize full, std::mt19937& random) {
  ImageNeed need{1 + upto(random, full.width / 2), 1 + upto(random, full.height / 2), Fit::kCover};
  if (random() % 2 == 0) {
    need.crop = 0.3 + 0.1 * upto(random, 7);
    return need;
  }
  need.fit = Fit::kStretch;
  if (random() % 2 == 0) need.width = need.height = ImageNeed::kAny;
  // Some lie partly or wholly beside the picture, some between the pixels of a reduced one.
  const int left = upto(random, full.width + 20) - 10, top = upto(random, full.height + 20) - 10;
  ImageBox box{1.0 * left, 1.0 * top, left + 1.0 + upto(random, full.width),
               top + 1.0 + upto(random, full.height)};
  for (double* side : {&box.left, &box.top, &box.right, &box.bottom}) {
    if (random() % 4 == 0) *side += 0.4;
    if (random() % 2 == 0) *side = std::floor(*side / 8) * 8;
  }
  if (box.right <= box.left || box.bottom <= box.top) return any_need(full, random);
  need.box = box;
  return need;
}

File any_file(std::mt19937& random) {
  Encoding encoding = any_encoding(random, 250);
  encoding.progressive = random() % 8 == 0;
  return jpeg_with_exif(encoded(encoding, random), exif(1 + upto(random, 7), random() % 2 == 0));
}

// How many pixels were left out.
int64_t expect_the_same(const File& file, const DecodeOptions& options) {
  const Decoded whole = whole_of(file, options);
  const Decoded part = decode_into(0x11, file, options);
  EXPECT_EQ(whole.header.ok(), part.header.ok())
      << whole.header.status().message() << part.header.status().message();
  EXPECT_EQ(whole.header.status().message(), part.header.status().message());
  if (!whole.header.ok() || !part.header.ok()) return 0;
  if (options.to_the_end) {
    EXPECT_EQ(whole.header->intact, part.header->intact);
  }
  const ImageSize size{part.picture.width, part.picture.height};
  EXPECT_EQ(whole.picture.width, size.width);
  EXPECT_EQ(whole.picture.height, size.height);
  if (testing::Test::HasFailure()) return 0;
  EXPECT_TRUE(same_where_looked_at(options.needs, part.header->size, size,
                                   part.picture.pixels.data(), whole.picture.pixels.data()));
  return std::ranges::count(part.picture.pixels, 0x11) -
         std::ranges::count(whole.picture.pixels, 0x11);
}

TEST(JpegPart, IsThatOfTheWhole) {
  std::mt19937 random(1);
  int64_t pixels = 0, left_out = 0;
  for (int n = 0; n < 800; ++n) {
    const File file = any_file(random);
    const ImageSize full = read_header(file)->size;
    std::vector<ImageNeed> needs;
    for (int i = upto(random, 1); i >= 0; --i) needs.push_back(any_need(full, random));
    const DecodeOptions options{
        .needs = needs, .oversample = 1, .recover = n % 2 == 0, .to_the_end = n % 3 == 0};
    left_out += expect_the_same(file, options) / 3;
    pixels += int64_t{full.width} * full.height;
    ASSERT_FALSE(HasFailure()) << n;
  }
  EXPECT_GT(left_out, pixels / 10);  // many are reduced
}

TEST(JpegPart, DamageEndsAsInTheWhole) {
  std::mt19937 random(2);
  for (int n = 0; n < 60; ++n) {
    const File sound = any_file(random);
    const ImageSize full = read_header(sound)->size;
    const std::vector<ImageNeed> needs{any_need(full, random)};
    for (int i = 0; i < 20; ++i) {
      File file = sound;
      const size_t at = file.size() - 1 - random() % (file.size() / 2);
      switch (i % 4) {
        case 0:
          file.resize(at);
          break;
        case 1:
          file[at] = static_cast<uint8_t>(random());
          break;
        case 2:
          file[at] = 0xff;
          break;
        default:
          file.erase(file.begin() + static_cast<ptrdiff_t>(at));
          break;
      }
      DecodeOptions options{.needs = needs, .oversample = 1};
      expect_the_same(file, options);
      options.recover = true;
      expect_the_same(file, options);
      options.to_the_end = false;
      expect_the_same(file, options);
      ASSERT_FALSE(HasFailure()) << n << " " << i;
    }
  }
}

// What lies behind the part is read if it is asked for, and only then.
TEST(JpegPart, WhetherTheFileIsSound) {
  File file = jpeg(noise(400, 600));
  file.resize(file.size() - 5000);
  const std::vector<ImageNeed> needs{
      {ImageNeed::kAny, ImageNeed::kAny, Fit::kStretch, 1, ImageBox{100, 100, 200, 200}}};
  DecodeOptions options{.needs = needs};
  EXPECT_FALSE(decode_into(0, file, options).header.ok());
  options.recover = true;
  EXPECT_LT(decode_into(0, file, options).header->intact, 1);
  options.to_the_end = false;
  EXPECT_EQ(decode_into(0, file, options).header->intact, 1);
}

TEST(JpegPart, NobodyWaits) {
  const File file = jpeg(noise(400, 300));
  PictureCanvas canvas;
  canvas.gone = true;
  const std::vector<ImageNeed> needs{{100, 100, Fit::kCover}};
  EXPECT_EQ(decode(file, {.needs = needs}, canvas).status().code(), Code::kCancelled);
}

}  // namespace
}  // namespace leat::image
