// image.to_tensor on one core: microseconds a call, megapixels of source a second, and the ratio to
// the floor, which is copying the part of the source that is used. Interleaved; medians.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "ops/image/placement.h"
#include "ops/image/resample.h"

namespace leat {
namespace {

struct Case {
  const char* name;
  ImageSize source;
  int width, height;
  Fit fit;
  Filter filter;
  PixelFormat format;
};

PixelFormat normalised(bool planar, bool bgr, DType type) {
  return {.dtype = type,
          .planar = planar,
          .bgr = bgr,
          .multiply = {1 / 58.395f, 1 / 57.12f, 1 / 57.375f},
          .add = {-123.675f / 58.395f, -116.28f / 57.12f, -103.53f / 57.375f}};
}

// A picture of soft waves under noise, so that an error of a pixel's place would show.
std::vector<uint8_t> picture(ImageSize size) {
  std::vector<uint8_t> pixels(static_cast<size_t>(size.width) * size.height * 3);
  std::mt19937 random(7);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        double wave = std::sin(x * 0.01 * (c + 1)) + std::cos(y * 0.013 * (c + 1));
        pixels[(static_cast<size_t>(y) * size.width + x) * 3 + c] =
            static_cast<uint8_t>(128 + 50 * wave + static_cast<int>(random() % 41) - 20);
      }
    }
  }
  return pixels;
}

// One value of the result by its definition.
double expected(const Case& c, const std::vector<uint8_t>& pixels, const Placement& to, int x,
                int y, int channel) {
  auto weights = [&](int in, int out, int at) {
    double scale = static_cast<double>(in) / out, spread = std::max(scale, 1.0);
    double support = (c.filter == Filter::kArea ? 0.5 : 1.0) * spread;
    double centre = (at + 0.5) * scale, sum = 0;
    std::vector<std::pair<int, double>> all;
    for (int i = std::max(0, static_cast<int>(centre - support + 0.5));
         i < std::min(in, static_cast<int>(centre + support + 0.5)); ++i) {
      double d = (i + 0.5 - centre) / spread;
      double w = c.filter == Filter::kArea ? d > -0.5 && d <= 0.5 : 1 - std::abs(d);
      all.push_back({i, w});
      sum += w;
    }
    for (auto& entry : all) entry.second /= sum;
    return all;
  };
  double value = 0;
  for (auto [j, v] : weights(c.source.height, to.scaled_height, y + to.cut_y)) {
    for (auto [i, u] : weights(c.source.width, to.scaled_width, x + to.cut_x)) {
      value += u * v * pixels[(static_cast<size_t>(j) * c.source.width + i) * 3 + channel];
    }
  }
  return value;
}

bool right(const Case& c, const std::vector<uint8_t>& pixels, const Placement& to,
           const std::vector<float>& out) {
  if (c.format.dtype != DType::kFp32 || !c.format.planar) return true;
  std::mt19937 random(11);
  for (int n = 0; n < 200; ++n) {
    int x = static_cast<int>(random() % to.width), y = static_cast<int>(random() % to.height);
    int channel = static_cast<int>(random() % 3);
    float got = out[(static_cast<size_t>(channel) * c.height + to.y + y) * c.width + to.x + x];
    double pixel = (got - c.format.add[channel]) / c.format.multiply[channel];
    double want = expected(c, pixels, to, x, y, c.format.bgr ? 2 - channel : channel);
    if (std::abs(pixel - want) > 1.01) {  // rounded twice
      std::printf("%s: pixel %d, %d is %f where %f is right\n", c.name, x, y, pixel, want);
      return false;
    }
  }
  return true;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

template <typename F>
double micros(F&& f) {
  auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
      .count();
}

bool measure(const Case& c) {
  const std::vector<uint8_t> pixels = picture(c.source);
  const Placement to = place(c.source, c.width, c.height, c.fit, 1.0, Align::kTopLeft);
  std::vector<float> out(static_cast<size_t>(c.width) * c.height * 3);
  const Canvas canvas{reinterpret_cast<std::byte*>(out.data()),
                      c.width,
                      c.height,
                      {to.x, to.y, to.width, to.height}};
  const float fill[3] = {0, 0, 0};
  auto convert = [&] {
    resample({pixels.data(), c.source.width, c.source.height},
             {to.scaled_width, to.scaled_height, to.cut_x, to.cut_y, c.filter}, c.format, canvas);
    if (c.fit == Fit::kLetterbox) fill_around(canvas, c.format, fill);
  };
  convert();
  if (!right(c, pixels, to, out)) return false;

  const double used =
      std::min(1.0, static_cast<double>(to.width) / to.scaled_width * to.height / to.scaled_height);
  std::vector<uint8_t> copy(static_cast<size_t>(static_cast<double>(pixels.size()) * used));
  std::vector<double> ours, floor;
  const size_t rounds = std::clamp<size_t>(2'000'000'000 / pixels.size() / 4, 15, 301);
  for (size_t i = 0; i < rounds; ++i) {
    ours.push_back(micros(convert));
    floor.push_back(micros([&] { std::memcpy(copy.data(), pixels.data(), copy.size()); }));
  }
  const double time = median(ours);
  std::printf("%-44s %9.1f us %8.0f MP/s   %5.2f of copying\n", c.name, time,
              static_cast<double>(c.source.width) * c.source.height * used / time,
              time / median(floor));
  return true;
}

}  // namespace
}  // namespace leat

int main() {
  using namespace leat;
  const PixelFormat nchw = normalised(true, false, DType::kFp32);
  const PixelFormat bgr = normalised(true, true, DType::kFp32);
  const PixelFormat nhwc = normalised(false, false, DType::kFp32);
  const PixelFormat half = normalised(true, false, DType::kFp16);
  const Case cases[] = {
      {"1280x960 > 224 cover bilinear FP32 NCHW",
       {1280, 960},
       224,
       224,
       Fit::kCover,
       Filter::kBilinear,
       nchw},
      {"1280x960 > 224 cover area FP32 NCHW",
       {1280, 960},
       224,
       224,
       Fit::kCover,
       Filter::kArea,
       nchw},
      {"1280x960 > 224 cover bilinear FP16 NCHW",
       {1280, 960},
       224,
       224,
       Fit::kCover,
       Filter::kBilinear,
       half},
      {"1280x960 > 224 cover bilinear FP32 NHWC",
       {1280, 960},
       224,
       224,
       Fit::kCover,
       Filter::kBilinear,
       nhwc},
      {"1280x960 > 224 cover bilinear UINT8 NHWC",
       {1280, 960},
       224,
       224,
       Fit::kCover,
       Filter::kBilinear,
       {}},
      {"1280x960 > 416 letterbox bilinear FP32 BGR",
       {1280, 960},
       416,
       416,
       Fit::kLetterbox,
       Filter::kBilinear,
       bgr},
      {"1280x960 > 416 letterbox area FP32 BGR",
       {1280, 960},
       416,
       416,
       Fit::kLetterbox,
       Filter::kArea,
       bgr},
      {"4000x3000 > 224 cover bilinear FP32 NCHW",
       {4000, 3000},
       224,
       224,
       Fit::kCover,
       Filter::kBilinear,
       nchw},
      {"4000x3000 > 224 cover area FP32 NCHW",
       {4000, 3000},
       224,
       224,
       Fit::kCover,
       Filter::kArea,
       nchw},
      {"320x240 > 224 cover bilinear FP32 NCHW",
       {320, 240},
       224,
       224,
       Fit::kCover,
       Filter::kBilinear,
       nchw},
      {"320x240 > 224 cover area FP32 NCHW",
       {320, 240},
       224,
       224,
       Fit::kCover,
       Filter::kArea,
       nchw},
      {"100x120 > 224 stretch bilinear FP32 NCHW",
       {100, 120},
       224,
       224,
       Fit::kStretch,
       Filter::kBilinear,
       nchw},
  };
  for (const Case& c : cases) {
    if (!measure(c)) return 1;
  }
}
