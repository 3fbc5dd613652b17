#include "codec/image/exif.h"

#include <cstring>

namespace leat::image {

namespace {

// Numbers of either byte order; 0 beyond the end.
class TiffReader {
 public:
  TiffReader(Bytes bytes, bool big) : bytes_(bytes), big_(big) {}
  uint32_t number(uint64_t at, int size) const {
    if (at + size > bytes_.size()) return 0;
    uint32_t value = 0;
    for (int i = 0; i < size; ++i) value = value << 8 | bytes_[at + (big_ ? i : size - 1 - i)];
    return value;
  }

 private:
  Bytes bytes_;
  bool big_;
};

}  // namespace

int exif_orientation(Bytes block) {
  if (block.size() >= 6 && std::memcmp(block.data(), "Exif\0\0", 6) == 0) block = block.subspan(6);
  if (block.size() < 8) return 1;
  bool big = block[0] == 'M';
  if (block[0] != block[1] || (block[0] != 'M' && block[0] != 'I')) return 1;
  TiffReader tiff(block, big);
  if (tiff.number(2, 2) != 42) return 1;

  constexpr int kOrientation = 0x112, kShort = 3, kLong = 4, kEntry = 12;
  uint64_t directory = tiff.number(4, 4);
  uint32_t entries = tiff.number(directory, 2);
  for (uint32_t i = 0; i < entries; ++i) {
    uint64_t entry = directory + 2 + uint64_t{i} * kEntry;
    if (entry + kEntry > block.size()) break;
    if (tiff.number(entry, 2) != kOrientation) continue;
    uint32_t type = tiff.number(entry + 2, 2);
    if (type != kShort && type != kLong) return 1;
    uint32_t value = tiff.number(entry + 8, type == kShort ? 2 : 4);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace leat::image
