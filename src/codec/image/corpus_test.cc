// Every picture that these tests make, and every one of the assets where they are, damaged: cut at
// each hundredth, with flipped bits, and spliced from two. Whatever comes of it, nothing beyond the
// bytes is read (they lie at the end of mapped memory, so that libraries are caught too), a strict
// decoding and one that recovers agree, and of what is cut the part that is said to be intact is.
//
// Of large pictures some of the damages are tried; LEAT_CORPUS_ALL=1 tries all.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <random>

#include "base/text.h"
#include "codec/image/testing/files.h"

namespace leat::image {
namespace {

// A copy whose last byte is the last of its memory.
class AtTheEnd {
 public:
  explicit AtTheEnd(const File& file) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_ = (file.size() / page + 2) * page;
    memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) std::abort();
    uint8_t* end = static_cast<uint8_t*>(memory_) + size_ - page;
    mprotect(end, page, PROT_NONE);
    std::ranges::copy(file, end - file.size());
    bytes_ = {end - file.size(), file.size()};
  }
  ~AtTheEnd() { munmap(memory_, size_); }
  AtTheEnd(const AtTheEnd&) = delete;
  AtTheEnd& operator=(const AtTheEnd&) = delete;
  Bytes bytes() const { return bytes_; }

 private:
  void* memory_;
  size_t size_;
  Bytes bytes_;
};

struct Sample {
  std::string name;
  File file;
};

std::vector<Sample> samples() {
  const Picture picture = noise(61, 47), few = few_colors(picture), slope = slopes(64, 64);
  std::vector<Sample> all = {
      {"JPEG", jpeg(picture)},
      {"progressive JPEG", progressive(picture)},
      {"turned JPEG", jpeg_with_exif(jpeg(picture), exif(6, true))},
      {"PNG", png(picture)},
      {"turned PNG", png_with(png(picture), "eXIf", exif(5, false))},
      {"interlaced PNG", png_interlaced(picture)},
      {"WebP", webp(picture)},
      {"turned WebP", webp_with_exif(webp(picture), 61, 47, exif(3, true))},
      {"GIF", gif(few)},
      {"interlaced GIF", gif(few, true)},
      {"BMP", bmp(picture)},
      {"run-length BMP", bmp_run_lengths(few)},
      {"TIFF of YCbCr tiles",
       tiff(slope, {.compression = COMPRESSION_LZW, .tile = 32, .photometric = PHOTOMETRIC_YCBCR})},
      {"TIFF of JPEGs",
       tiff(slope, {.compression = COMPRESSION_JPEG, .photometric = PHOTOMETRIC_YCBCR})}};
  File lossy;
  EXPECT_TRUE(encode_webp(picture.view(), 90, lossy).ok());
  all.push_back({"lossy WebP", lossy});
  for (uint16_t compression : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                               COMPRESSION_PACKBITS, COMPRESSION_ZSTD}) {
    all.push_back({cat("TIFF ", compression), tiff(picture, {.compression = compression})});
    all.push_back({cat("tiled, turned TIFF ", compression),
                   tiff(picture, {.compression = compression, .tile = 16, .orientation = 8})});
    all.push_back({cat("TIFF of planes ", compression),
                   tiff(picture, {.compression = compression, .planar = true})});
  }
  if (assets().empty()) return all;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(assets() / "images")) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);  // the same damages in every run
  for (const auto& path : paths) all.push_back({path.filename(), read_file(path)});
  return all;
}

bool all_of_them() { return std::getenv("LEAT_CORPUS_ALL") != nullptr; }

struct Decoded {
  Result<Header> header;
  Picture picture;
};

Decoded tried(const File& file, bool recover) {
  AtTheEnd memory(file);
  PictureCanvas canvas;
  auto header = decode(memory.bytes(), {.max_pixels = 4'000'000, .recover = recover}, canvas);
  return {std::move(header), std::move(canvas.picture)};
}

// How many damages of a kind are tried: all of a small picture's.
int trials(const Decoded& whole, int most) {
  if (all_of_them() || !whole.header.ok()) return most;
  constexpr int kPixels = 400'000;
  return std::clamp(kPixels / std::max(1, whole.picture.width * whole.picture.height), 3, most);
}

// What holds of any bytes. Gives what was recovered.
Decoded expect_sense(const File& file) {
  Decoded strict = tried(file, false), recovered = tried(file, true);
  for (const Decoded* one : {&strict, &recovered}) {
    const Status& status = one->header.status();
    EXPECT_TRUE(status.ok() || status.code() == Code::kBadMedia || status.code() == Code::kTooLarge)
        << status.message();
  }
  if (strict.header.ok()) {
    EXPECT_TRUE(recovered.header.ok());
    EXPECT_EQ(strict.header->intact, 1);
    EXPECT_TRUE(strict.picture == recovered.picture);
  }
  if (recovered.header.ok()) {
    EXPECT_GT(recovered.header->intact, 0);
    EXPECT_LE(recovered.header->intact, 1);
  }
  return recovered;
}

// More than one scan: several markers that begin one.
bool many_scans(const File& jpeg) {
  constexpr uint8_t kScan[] = {0xff, 0xda};
  auto next = [&](auto from) { return std::search(from, jpeg.end(), kScan, kScan + 2); };
  const auto first = next(jpeg.begin());
  return first != jpeg.end() && next(first + 1) != jpeg.end();
}

// Of a JPEG what is lost is grey, or what libjpeg makes up; of one with many scans no pixel may be
// as it was (jpeg_damage_test.cc has those).
void expect_part_of(const Decoded& part, const Decoded& whole, const File& file) {
  if (part.header->orientation != whole.header->orientation) return;  // which lay behind the cut
  if (whole.header->format != Format::kJpeg) {
    return expect_part(part.picture, part.header->intact, whole.picture);
  }
  if (many_scans(file)) return;
  ASSERT_EQ(part.picture.pixels.size(), whole.picture.pixels.size());
  const size_t pixels = whole.picture.pixels.size() / 3;
  size_t differ = 0;
  for (size_t i = 0; i < pixels; ++i) {
    differ += !std::equal(&part.picture.pixels[3 * i], &part.picture.pixels[3 * i] + 3,
                          &whole.picture.pixels[3 * i]);
  }
  EXPECT_LE(static_cast<double>(differ),
            (1 - part.header->intact) * static_cast<double>(pixels) + 0.5);
}

TEST(Corpus, Cut) {
  for (const Sample& sample : samples()) {
    const Decoded whole = expect_sense(sample.file);
    const int count = trials(whole, 100);
    for (int i = 0; i < count; ++i) {
      const double part =
          (i + std::fmod(0.618 * static_cast<double>(sample.file.size()), 1)) / count;
      File cut = sample.file;
      cut.resize(static_cast<size_t>(part * static_cast<double>(cut.size())));
      SCOPED_TRACE(cat(sample.name, " cut to ", cut.size(), " of ", sample.file.size()));
      const Decoded got = expect_sense(cut);
      if (got.header.ok() && whole.header.ok() && whole.header->intact == 1) {
        expect_part_of(got, whole, sample.file);
      }
    }
  }
}

TEST(Corpus, FlippedBits) {
  std::mt19937 random(11);
  for (const Sample& sample : samples()) {
    if (sample.file.empty()) continue;
    const int count = trials(expect_sense(sample.file), 100);
    for (int i = 0; i < count; ++i) {
      File bad = sample.file;
      // Headers are short, and decide most.
      const size_t within = i % 3 == 0 ? std::min<size_t>(bad.size(), 200) : bad.size();
      for (unsigned flips = 1 + random() % 3; flips > 0; --flips) {
        bad[random() % within] ^= static_cast<uint8_t>(1u << random() % 8);
      }
      SCOPED_TRACE(cat(sample.name, " with flipped bits, number ", i));
      expect_sense(bad);
    }
  }
}

TEST(Corpus, Spliced) {
  std::mt19937 random(12);
  const std::vector<Sample> all = samples();
  for (const Sample& front : all) {
    const int count = trials(expect_sense(front.file), 20);
    for (int i = 0; i < count; ++i) {
      const Sample& back = all[random() % all.size()];
      File spliced(front.file.begin(),
                   front.file.begin() + static_cast<ptrdiff_t>(front.file.size() / 2));
      spliced.insert(spliced.end(),
                     back.file.begin() + static_cast<ptrdiff_t>(back.file.size() / 2),
                     back.file.end());
      SCOPED_TRACE(cat(front.name, " and ", back.name));
      expect_sense(spliced);
    }
  }
}

}  // namespace
}  // namespace leat::image
