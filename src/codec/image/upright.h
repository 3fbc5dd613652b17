// Turns a picture upright while its rows come in, so that no second pass over it is needed.
//
// EXIF orientations: 1 as it is, 2 mirrored left to right, 3 turned by half, 4 mirrored top to
// bottom; 5 to 8 are 1, 4, 3 and 2 with rows and columns exchanged. Orientations 1 to 4 are written
// in place: a row goes to its final memory, and is reversed there while in the first-level cache.
// 5 to 8 gather kBand rows in a band that fits the second-level cache, and write it as runs of
// kBand pixels down the upright rows.
//
// Of a part of the picture only that part's place is written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace leat::image {

// Of a stored picture: columns [left, right) of rows [top, bottom).
struct StoredPart {
  int left, top, right, bottom;
};

class UprightRows {
 public:
  static constexpr int kBand = 32;

  // `out`: memory of the upright picture, width * height * 3 bytes. At most one object lives in a
  // thread at a time: the band is the thread's.
  UprightRows(uint8_t* out, int stored_width, int stored_height, int orientation)
      : UprightRows(out, stored_width, stored_height, orientation,
                    {0, 0, stored_width, stored_height}) {}
  UprightRows(uint8_t* out, int stored_width, int stored_height, int orientation, StoredPart part);

  // How many stored rows may be written before settle() is called. They come in order, from the
  // part's first on.
  int band(int first) const { return std::min(kBand, part_.bottom - first); }
  // Where stored row y, or the part of it, is to be written, 3 bytes a pixel.
  uint8_t* row(int y);
  // Rows first .. first + count - 1, one whole band, are written.
  void settle(int first, int count);

 private:
  uint8_t* const out_;
  const int width_, height_;  // as stored
  const int orientation_;
  const StoredPart part_;
  size_t stride_;  // between rows, in the band or in the picture
  uint8_t* band_ = nullptr;
};

// The same for a stored picture that is in memory already.
void turn_upright(const uint8_t* stored, int stored_width, int stored_height, int orientation,
                  uint8_t* out);

}  // namespace leat::image
