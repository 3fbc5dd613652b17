// Pictures for tests, and Pillow's resampling by its definition.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "leat/op.h"
#include "leat/tensor.h"
#include "ops/image/axis.h"

namespace leat {

// The picture of which the literal expectations in the tests were made, with Pillow 13.0.
inline std::vector<uint8_t> pattern(int width, int height) {
  std::vector<uint8_t> out;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        out.push_back(static_cast<uint8_t>(x * 37 + y * 91 + c * 53 + x * y % 17 * 11));
      }
    }
  }
  return out;
}

// One without steps, for what interpolates: of this the tests' literal expectations were made with
// OpenCV 5.0, as
//   y, x, c = np.mgrid[0:height, 0:width, 0:3]
//   abs((x * 9 + y * 5 + c * 40) % 510 - 255).astype(np.uint8)
inline std::vector<uint8_t> slopes(int width, int height) {
  std::vector<uint8_t> out;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        out.push_back(static_cast<uint8_t>(std::abs((x * 9 + y * 5 + c * 40) % 510 - 255)));
      }
    }
  }
  return out;
}

// Every byte by chance; or, as in a drawing, 0 and 255 alone.
inline std::vector<uint8_t> noise(int width, int height, std::mt19937& random, bool hard = false) {
  std::vector<uint8_t> out(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  for (uint8_t& byte : out) byte = static_cast<uint8_t>(hard ? (random() & 1) * 255 : random());
  return out;
}

inline Tensor image(const std::vector<uint8_t>& pixels, int width, int height) {
  return *Tensor::of(std::span<const uint8_t>(pixels), Shape{height, width, 3});
}

// With other bytes wherever the need does not look. `full`: of the picture that this is a version
// of, reduced by 1, 2, 4 or 8.
inline std::vector<uint8_t> without_the_rest(std::vector<uint8_t> pixels, ImageSize size,
                                             ImageSize full, const ImageNeed& need) {
  int by = 1;
  while (by < 8 && (full.width + by - 1) / by != size.width) by *= 2;
  const ImageBox part = need.part_of(full.width, full.height);
  size_t at = 0;
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x, at += 3) {
      if ((x + 1) * by > part.left && x * by < part.right && (y + 1) * by > part.top &&
          y * by < part.bottom) {
        continue;
      }
      for (size_t c = 0; c < 3; ++c) pixels[at + c] ^= 0xff;
    }
  }
  return pixels;
}

// A filter of Pillow's by its definition: how far it reaches, and its weight at distance x.
struct Kernel {
  double reach;
  double (*weight)(double x);
};

inline Kernel kernel(Filter filter) {
  constexpr double kPi = 3.14159265358979323846;
  switch (filter) {
    case Filter::kArea:
      return {0.5, [](double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }};
    case Filter::kBicubic:  // R. Keys, 1981, with a = -1/2
      return {2, [](double x) {
                const double d = std::abs(x);
                if (d < 1) return 1.5 * d * d * d - 2.5 * d * d + 1;
                return d < 2 ? -0.5 * d * d * d + 2.5 * d * d - 4 * d + 2 : 0;
              }};
    case Filter::kLanczos:
      return {3, [](double x) {
                if (x == 0) return 1.0;
                if (std::abs(x) > 3) return 0.0;
                return 3 * std::sin(kPi * x) * std::sin(kPi * x / 3) / (kPi * kPi * x * x);
              }};
    default:
      return {1, [](double x) { return std::max(0.0, 1 - std::abs(x)); }};
  }
}

// Pillow's way, pixel by pixel: across, then down, with weights of 22 bits, each time to bytes.
inline std::vector<uint8_t> resampled(const std::vector<uint8_t>& in, ImageSize from, ImageSize to,
                                      Filter filter) {
  auto matrix = [&](int n, int m) {  // m rows of n weights
    std::vector<std::vector<int>> rows(static_cast<size_t>(m));
    const double scale = static_cast<double>(n) / m;
    const double spread = std::max(1.0, scale);
    const double support = spread * kernel(filter).reach;
    const double step = 1.0 / spread;
    for (int i = 0; i < m; ++i) {
      std::vector<int>& row = rows[static_cast<size_t>(i)];
      row.assign(static_cast<size_t>(n), 0);
      const double centre = (i + 0.5) * scale;
      if (filter == Filter::kNearest) {
        row[static_cast<size_t>(centre)] = 1 << 22;
        continue;
      }
      const int low = std::max(0, static_cast<int>(centre - support + 0.5));
      const int high = std::min(n, static_cast<int>(centre + support + 0.5));
      std::vector<double> exact;
      double sum = 0;
      for (int j = low; j < high; ++j) {
        const double x = (j - centre + 0.5) * step;
        exact.push_back(kernel(filter).weight(x));
        sum += exact.back();
      }
      for (int j = low; j < high; ++j) {
        row[static_cast<size_t>(j)] =
            static_cast<int>(std::lround(exact[static_cast<size_t>(j - low)] / sum * (1 << 22)));
      }
    }
    return rows;
  };
  const auto across = matrix(from.width, to.width), down = matrix(from.height, to.height);
  const auto width = static_cast<size_t>(from.width), height = static_cast<size_t>(from.height);
  auto byte = [](const std::vector<int>& weights, const uint8_t* values, size_t stride) {
    int sum = 1 << 21;
    for (size_t i = 0; i < weights.size(); ++i) sum += weights[i] * values[i * stride];
    return static_cast<uint8_t>(std::clamp(sum >> 22, 0, 255));
  };
  std::vector<uint8_t> narrow, out;
  for (size_t y = 0; y < height; ++y) {
    for (const auto& row : across) {
      for (size_t c = 0; c < 3; ++c) narrow.push_back(byte(row, &in[y * width * 3 + c], 3));
    }
  }
  const size_t stride = across.size() * 3;
  for (const auto& row : down) {
    for (size_t x = 0; x < stride; ++x) out.push_back(byte(row, &narrow[x], stride));
  }
  return out;
}

}  // namespace leat
