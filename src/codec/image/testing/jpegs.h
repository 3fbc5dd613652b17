// JPEGs of every encoding that libjpeg can be told to write.
#pragma once

#include <cstdio>
#include <random>
// After <cstdio>, which it lacks.
#include <jpeglib.h>

#include "codec/image/testing/files.h"

namespace leat::image {

struct Encoding {
  int width = 0, height = 0;
  int quality = 90;
  int across = 1, down = 1;                // sampling factors of the first component
  int second_across = 1, second_down = 1;  // and of the second, if there are three
  J_COLOR_SPACE colours = JCS_YCbCr;
  bool optimised = false;
  bool progressive = false;
  unsigned restart = 0;  // MCUs
};

// Flat, sloping and noisy by turns.
File encoded(const Encoding& encoding, std::mt19937& random);

// Of at most `most` pixels each way.
Encoding any_encoding(std::mt19937& random, int most = 80);

}  // namespace leat::image
