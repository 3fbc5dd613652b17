// Pictures decoded per second on one core: real photos, and one of 12 megapixels, whole and at each
// reduced scale. The order goes round, so that all see the same machine; the best of each counts.
// Before anything is timed, a reduced picture is compared with the mean of the full one.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "codec/image/image.h"

namespace {

using namespace leat;

class ReusedCanvas final : public image::Canvas {
 public:
  Result<uint8_t*> memory(int width, int height) override {
    size = {width, height};
    pixels.resize(size_t{3} * width * height);
    return pixels.data();
  }
  ImageSize size;
  std::vector<uint8_t> pixels;
};

struct Photo {
  std::string name;
  std::vector<uint8_t> bytes;
};

constexpr int kScales[] = {1, 2, 4, 8};

// Decodes at 1 / `scale`.
void decode(const Photo& photo, int scale, ReusedCanvas& canvas) {
  Result<image::Header> header = image::read_header(photo.bytes);
  std::vector<ImageNeed> needs;
  if (header.ok()) {
    needs.push_back({header->size.width / scale, header->size.height / scale, Fit::kLetterbox});
  }
  image::DecodeOptions options{.needs = needs, .oversample = 1};
  if (Result<image::Header> done = image::decode(photo.bytes, options, canvas); !done.ok()) {
    std::fprintf(stderr, "%s: %s\n", photo.name.c_str(), done.status().message().c_str());
    std::exit(1);
  }
}

double mean(const std::vector<uint8_t>& values) {
  double sum = 0;
  for (uint8_t value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::vector<uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// 4000 x 3000, from a photo repeated pixel by pixel and then smoothed by the encoder's own blocks.
Photo twelve_megapixels(const Photo& photo) {
  constexpr int kWidth = 4000, kHeight = 3000;
  ReusedCanvas small;
  decode(photo, 1, small);
  std::vector<uint8_t> pixels(size_t{3} * kWidth * kHeight);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      double u = 1.0 * x * (small.size.width - 1) / kWidth;
      double v = 1.0 * y * (small.size.height - 1) / kHeight;
      int left = static_cast<int>(u), top = static_cast<int>(v);
      size_t at = 3 * (size_t{1} * top * small.size.width + left);
      size_t below = at + size_t{3} * small.size.width;
      for (size_t c = 0; c < 3; ++c) {
        double upper = std::lerp(small.pixels[at + c], small.pixels[at + 3 + c], u - left);
        double lower = std::lerp(small.pixels[below + c], small.pixels[below + 3 + c], u - left);
        // A little grain, as a sensor has.
        double grain = static_cast<double>((x * 7919u ^ y * 104729u) * 2654435761u >> 29) - 3.5;
        double value = std::lerp(upper, lower, v - top) + grain;
        pixels[3 * (size_t{1} * y * kWidth + x) + c] =
            static_cast<uint8_t>(std::clamp(value, 0.0, 255.0));
      }
    }
  }
  Photo large{"12 megapixels", {}};
  if (!image::encode_jpeg({pixels.data(), kWidth, kHeight}, 85, large.bytes).ok()) std::exit(1);
  return large;
}

}  // namespace

int main() {
  const char* set = std::getenv("LEAT_ASSETS");
  std::filesystem::path images = std::filesystem::path(set ? set : "../shared/assets") / "images";
  std::vector<Photo> photos;
  for (const char* name : {"photo/ovms_people2.jpeg", "photo/ovms_road1.jpg",
                           "exif/Landscape_0.jpg", "exif/Portrait_6.jpg", "face/fr_biden.jpg"}) {
    if (std::filesystem::exists(images / name)) photos.push_back({name, read_file(images / name)});
  }
  if (photos.empty()) {
    std::puts("decode: no photos; set LEAT_ASSETS");
    return 0;
  }
  photos.push_back(twelve_megapixels(photos[0]));

  std::printf("%-26s%9s%11s%11s%11s%11s   pictures a second, one core\n", "", "KB", "1/1", "1/2",
              "1/4", "1/8");
  for (const Photo& photo : photos) {
    ReusedCanvas canvas;
    decode(photo, 1, canvas);
    double full = mean(canvas.pixels);
    for (int scale : kScales) {
      decode(photo, scale, canvas);
      if (std::abs(mean(canvas.pixels) - full) > 1) {
        std::fprintf(stderr, "%s: 1/%d is another picture\n", photo.name.c_str(), scale);
        return 1;
      }
    }
    double best[4] = {1e9, 1e9, 1e9, 1e9};
    for (int round = 0; round < 15; ++round) {
      for (int i = 0; i < 4; ++i) {
        auto begin = std::chrono::steady_clock::now();
        decode(photo, kScales[i], canvas);
        std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        best[i] = std::min(best[i], took.count());
      }
    }
    std::printf("%-26s%9zu", photo.name.c_str(), photo.bytes.size() / 1024);
    for (double seconds : best) std::printf("%11.1f", 1 / seconds);
    std::puts("");
  }
}
