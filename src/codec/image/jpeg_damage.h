// How much of a damaged JPEG came: kept by scan, by component and coefficient, and by row of MCUs.
//
// libjpeg goes on after damage: it warns, and what it lacks is zero, or wrong up to the next
// restart marker. A row is lost when a warning came in it, or in one before it without a restart
// marker between the two. A scan brings some coefficients of some components to some precision; the
// intact part is the mean over the coefficients of all blocks, a missing bit halving what one
// counts. Of a picture with one scan that is the part of its rows.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>
// After <cstdio>, which it lacks.
#include <jpeglib.h>

namespace leat::image {

class JpegDamage {
 public:
  // `jpeg`: its header has been read.
  explicit JpegDamage(const jpeg_decompress_struct& jpeg);

  // None of these takes memory: they are called where libjpeg may jump away.
  void lose(unsigned row);  // of the scan that is being read
  // Of the scan that ends, `rows` rows of MCUs were read.
  void end_scan(const jpeg_decompress_struct& jpeg, unsigned rows);

  // 0 to 1.
  double intact() const;

 private:
  double part_of_rows(const jpeg_decompress_struct& jpeg, unsigned rows) const;

  const unsigned height_, row_height_;  // of the picture, and of a row of MCUs, in pixels
  const bool blended_;                  // the chroma of pixels at a row's edge comes from both rows
  std::vector<uint8_t> lost_;           // rows of the scan that is being read
  std::vector<double> weights_;         // blocks of each component
  std::vector<std::array<double, DCTSIZE2>> known_;  // by component, 0 to 1
};

}  // namespace leat::image
