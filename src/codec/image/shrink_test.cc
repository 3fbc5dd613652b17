#include "codec/image/shrink.h"

#include <gtest/gtest.h>

#include <random>

#include "base/text.h"
#include "codec/image/pictures_test.h"

namespace leat::image {
namespace {

// The share of [i, i + 1) that lies in [from, to).
double overlap(int i, double from, double to) {
  return std::max(0.0, std::min(i + 1.0, to) - std::max<double>(i, from));
}

TEST(Shrink, IsTheMeanOfEachArea) {
  std::mt19937 random(7);
  struct {
    int width, height, to_width, to_height;
  } const table[] = {{17, 13, 5, 4},   {17, 13, 17, 13}, {17, 13, 1, 1}, {40, 9, 39, 9},
                     {64, 64, 32, 16}, {7, 50, 3, 49},   {1, 1, 1, 1},   {100, 3, 33, 2}};
  for (const auto& row : table) {
    SCOPED_TRACE(cat(row.width, " x ", row.height, " to ", row.to_width, " x ", row.to_height));
    Picture from = slopes(row.width, row.height);
    for (uint8_t& value : from.pixels) value = static_cast<uint8_t>(random());
    Picture to = slopes(row.to_width, row.to_height);
    shrink(from.view(), to.width, to.height, to.pixels.data());
    double across = 1.0 * from.width / to.width, down = 1.0 * from.height / to.height;
    for (int y = 0; y < to.height; ++y) {
      for (int x = 0; x < to.width; ++x) {
        for (int c = 0; c < 3; ++c) {
          double sum = 0;
          for (int v = 0; v < from.height; ++v) {
            for (int u = 0; u < from.width; ++u) {
              sum += overlap(u, x * across, (x + 1) * across) *
                     overlap(v, y * down, (y + 1) * down) * from.at(u, v)[c];
            }
          }
          ASSERT_NEAR(to.at(x, y)[c], sum / (across * down), 0.51) << x << "," << y;
        }
      }
    }
  }
}

}  // namespace
}  // namespace leat::image
