// Pictures for tests: small ones made here, and real ones where they are.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "codec/image/image.h"

namespace leat::image {

struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> pixels{};

  uint8_t* at(int x, int y) { return &pixels[3 * (size_t{1} * y * width + x)]; }
  const uint8_t* at(int x, int y) const { return &pixels[3 * (size_t{1} * y * width + x)]; }
  View view() const { return {pixels.data(), width, height}; }
  bool operator==(const Picture&) const = default;
};

// Smooth, different in every corner and channel, without symmetry.
inline Picture slopes(int width, int height) {
  Picture picture{width, height, std::vector<uint8_t>(size_t{3} * width * height)};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      uint8_t* pixel = picture.at(x, y);
      pixel[0] = static_cast<uint8_t>(255 * x / width);
      pixel[1] = static_cast<uint8_t>(255 * y / height);
      pixel[2] = static_cast<uint8_t>(127 * x / width + 127 * (height - y) / height);
    }
  }
  return picture;
}

// Decodes into memory filled with `fill`, so that a byte that is not written shows.
class PictureCanvas final : public Canvas {
 public:
  explicit PictureCanvas(uint8_t fill = 0xa5) : fill_(fill) {}
  Result<uint8_t*> memory(int width, int height) override {
    ++calls;
    if (!refusal.ok()) return refusal;
    picture = {width, height, std::vector<uint8_t>(size_t{3} * width * height, fill_)};
    return picture.pixels.data();
  }
  bool abandoned() const override { return gone; }

  Picture picture;
  int calls = 0;
  Status refusal;
  bool gone = false;

 private:
  uint8_t fill_;
};

// Where the real pictures lie; empty where they are not.
inline std::filesystem::path assets() {
  const char* set = std::getenv("LEAT_ASSETS");
  std::filesystem::path path = set ? set : "../shared/assets";
  return std::filesystem::exists(path / "MANIFEST.tsv") ? path : std::filesystem::path{};
}

inline std::vector<uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace leat::image
