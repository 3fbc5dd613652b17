#include "ops/image/resample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "ops/image/half.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

// Runs `f` once for each instruction set that this machine has and the kernel is compiled for.
template <typename F>
void on_each_target(F&& f) {
  for (int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    const int64_t target = targets & -targets;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    f();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

std::vector<uint8_t> bytes(const std::vector<uint8_t>& in, ImageSize from, ImageSize to,
                           Filter filter) {
  std::vector<uint8_t> out(static_cast<size_t>(to.width * to.height * 3));
  resample(
      {in.data(), from.width, from.height},
      {.width = to.width, .height = to.height, .filter = filter}, PixelFormat{},
      {reinterpret_cast<std::byte*>(out.data()), to.width, to.height, {0, 0, to.width, to.height}});
  return out;
}

constexpr Filter kFilters[] = {Filter::kBilinear, Filter::kArea, Filter::kNearest, Filter::kBicubic,
                               Filter::kLanczos};

struct Literal {
  ImageSize from, to;
  Filter filter;
  std::vector<int> pillow;
};

const Literal kLiterals[] = {
    {{9, 7}, {4, 3}, Filter::kBilinear, {106, 135, 146, 133, 135, 144, 130, 133, 128,
                                         118, 112, 118, 117, 144, 119, 132, 123, 112,
                                         132, 117, 126, 127, 121, 156, 118, 153, 141,
                                         140, 121, 120, 115, 108, 132, 135, 83,  125}},
    {{9, 7}, {4, 3}, Filter::kArea, {67,  120, 173, 131, 141, 151, 152, 141, 130, 109, 98,  87,
                                     138, 148, 116, 113, 138, 106, 138, 106, 116, 119, 129, 182,
                                     102, 155, 144, 145, 113, 123, 99,  88,  141, 154, 79,  132}},
    {{9, 7}, {4, 3}, Filter::kNearest, {139, 192, 245, 235, 32, 85, 75,  128, 181, 171, 224, 21,
                                        87,  140, 193, 227, 24, 77, 111, 164, 217, 64,  117, 170,
                                        35,  88,  141, 219, 16, 69, 216, 13,  66,  213, 10,  63}},
    {{3, 2}, {5, 4}, Filter::kBilinear, {0,   53,  106, 15,  68,  121, 37,  90,  143, 59,
                                         112, 165, 74,  127, 180, 23,  76,  129, 39,  92,
                                         145, 63,  116, 169, 86,  139, 154, 102, 155, 144,
                                         68,  121, 174, 86,  139, 192, 114, 167, 220, 141,
                                         194, 131, 159, 212, 73,  91,  144, 197, 110, 163,
                                         216, 139, 192, 245, 168, 221, 120, 187, 240, 37}},
    {{3, 2}, {5, 4}, Filter::kArea, {0,   53,  106, 0,   53,  106, 37,  90,  143, 74,  127, 180,
                                     74,  127, 180, 0,   53,  106, 0,   53,  106, 37,  90,  143,
                                     74,  127, 180, 74,  127, 180, 91,  144, 197, 91,  144, 197,
                                     139, 192, 245, 187, 240, 37,  187, 240, 37,  91,  144, 197,
                                     91,  144, 197, 139, 192, 245, 187, 240, 37,  187, 240, 37}},
    {{3, 2}, {5, 4}, Filter::kNearest, {0,   53,  106, 0,   53,  106, 37,  90,  143, 74,  127, 180,
                                        74,  127, 180, 0,   53,  106, 0,   53,  106, 37,  90,  143,
                                        74,  127, 180, 74,  127, 180, 91,  144, 197, 91,  144, 197,
                                        139, 192, 245, 187, 240, 37,  187, 240, 37,  91,  144, 197,
                                        91,  144, 197, 139, 192, 245, 187, 240, 37,  187, 240, 37}},
    {{8, 8},
     {3, 8},
     Filter::kBilinear,
     {41,  94,  147, 130, 176, 187, 144, 96,  88,  144, 177, 169, 131, 105, 115, 118, 171, 150,
      166, 118, 97,  133, 137, 111, 99,  91,  124, 94,  127, 120, 136, 103, 114, 147, 99,  152,
      117, 170, 122, 106, 159, 121, 157, 136, 68,  119, 152, 130, 165, 97,  150, 143, 61,  114,
      133, 125, 158, 111, 121, 95,  70,  123, 176, 155, 107, 160, 87,  134, 181, 108, 161, 113}},
    {{8, 8}, {3, 8}, Filter::kArea, {37,  90,  143, 130, 183, 236, 137, 104, 72,  139, 192, 160,
                                     131, 56,  109, 123, 176, 144, 156, 123, 91,  133, 186, 111,
                                     109, 77,  130, 87,  140, 108, 134, 59,  112, 142, 109, 162,
                                     104, 157, 124, 136, 189, 114, 151, 119, 86,  120, 173, 141,
                                     172, 97,  150, 160, 43,  96,  137, 105, 158, 80,  133, 58,
                                     84,  137, 190, 154, 121, 174, 81,  134, 187, 94,  147, 114}},
    {{8, 8}, {3, 8}, Filter::kNearest, {37,  90,  143, 148, 201, 254, 222, 19,  72,  139, 192, 245,
                                        27,  80,  133, 123, 176, 229, 241, 38,  91,  162, 215, 12,
                                        24,  77,  130, 87,  140, 193, 41,  94,  147, 250, 47,  100,
                                        189, 242, 39,  176, 229, 26,  151, 204, 1,   35,  88,  141,
                                        124, 177, 230, 52,  105, 158, 137, 190, 243, 3,   56,  109,
                                        22,  75,  128, 239, 36,  89,  138, 191, 244, 179, 232, 29}},
    {{31, 5},
     {2, 2},
     Filter::kBilinear,
     {120, 124, 129, 122, 128, 127, 128, 120, 128, 135, 126, 127}},
    {{31, 5}, {2, 2}, Filter::kArea, {120, 125, 130, 119, 133, 129, 128, 125, 122, 140, 116, 126}},
    {{31, 5}, {2, 2}, Filter::kNearest, {171, 224, 21, 240, 37, 90, 64, 117, 170, 111, 164, 217}},
    {{300, 200},
     {3, 2},
     Filter::kBilinear,
     {128, 127, 128, 127, 128, 127, 128, 127, 128, 127, 128, 127, 128, 127, 128, 127, 128, 127}},
    {{300, 200},
     {3, 2},
     Filter::kArea,
     {129, 126, 128, 127, 129, 127, 128, 126, 128, 127, 129, 126, 129, 126, 128, 126, 128, 127}},
    {{9, 7}, {4, 3}, Filter::kBicubic, {102, 132, 147, 135, 138, 145, 131, 132, 130,
                                        117, 110, 117, 122, 146, 115, 128, 125, 110,
                                        136, 115, 118, 128, 124, 163, 116, 155, 144,
                                        145, 118, 119, 108, 111, 134, 138, 79,  123}},
    {{3, 2}, {5, 4}, Filter::kBicubic, {0,   42,  95,  3,   56,  108, 28,  81,  134, 53,  106, 174,
                                        67,  120, 197, 18,  69,  122, 31,  84,  139, 58,  111, 164,
                                        86,  139, 157, 101, 154, 149, 69,  121, 174, 86,  139, 201,
                                        118, 171, 224, 149, 202, 124, 167, 220, 55,  95,  148, 201,
                                        114, 167, 232, 148, 201, 254, 182, 235, 107, 201, 254, 7}},
    {{8, 8},
     {3, 8},
     Filter::kBicubic,
     {33,  86,  145, 136, 186, 194, 143, 94,  80,  146, 183, 169, 131, 97,  113, 116, 175, 151,
      164, 121, 97,  132, 137, 110, 101, 87,  124, 92,  129, 115, 140, 103, 111, 143, 100, 159,
      114, 167, 124, 102, 162, 121, 162, 132, 67,  117, 160, 130, 166, 95,  155, 146, 55,  108,
      136, 122, 159, 112, 120, 87,  68,  127, 186, 158, 109, 162, 85,  134, 183, 106, 159, 110}},
    {{31, 5},
     {2, 2},
     Filter::kBicubic,
     {119, 124, 129, 121, 129, 126, 128, 120, 127, 137, 126, 127}},
    {{300, 200},
     {3, 2},
     Filter::kBicubic,
     {129, 127, 128, 127, 128, 127, 128, 126, 128, 127, 129, 127, 128, 127, 128, 127, 128, 127}},
    {{9, 7}, {4, 3}, Filter::kLanczos, {102, 128, 146, 137, 140, 146, 128, 131, 132,
                                        116, 111, 120, 125, 149, 114, 127, 126, 110,
                                        138, 112, 115, 130, 125, 162, 113, 154, 146,
                                        144, 118, 122, 108, 115, 132, 138, 74,  120}},
    {{3, 2}, {5, 4}, Filter::kLanczos, {0,   34,  89,  0,   45,  93,  19,  72,  125, 47,  100, 183,
                                        57,  110, 213, 20,  71,  122, 30,  83,  142, 61,  114, 167,
                                        92,  145, 158, 104, 157, 143, 67,  119, 166, 80,  133, 206,
                                        115, 168, 221, 150, 203, 124, 164, 217, 53,  102, 156, 199,
                                        118, 171, 255, 157, 210, 255, 195, 248, 99,  211, 255, 0}},
    {{8, 8},
     {3, 8},
     Filter::kLanczos,
     {27,  81,  147, 143, 191, 195, 143, 94,  76,  152, 186, 165, 131, 97,  114, 110, 174, 154,
      160, 123, 102, 132, 131, 110, 105, 89,  119, 94,  128, 110, 145, 106, 110, 137, 99,  165,
      113, 163, 127, 98,  164, 119, 166, 133, 66,  119, 161, 129, 163, 93,  159, 147, 56,  105,
      141, 123, 156, 115, 119, 85,  61,  126, 191, 156, 107, 161, 86,  134, 182, 107, 161, 112}},
    {{31, 5},
     {2, 2},
     Filter::kLanczos,
     {119, 124, 130, 121, 129, 126, 129, 121, 127, 138, 125, 128}},
    {{300, 200},
     {3, 2},
     Filter::kLanczos,
     {129, 127, 128, 127, 128, 127, 128, 126, 128, 127, 129, 127, 128, 127, 128, 127, 128, 127}},
};

TEST(Resample, AgreesWithPillow) {
  on_each_target([] {
    for (const Literal& c : kLiterals) {
      const auto in = pattern(c.from.width, c.from.height);
      const auto out = bytes(in, c.from, c.to, c.filter);
      const auto exact = resampled(in, c.from, c.to, c.filter);
      EXPECT_THAT(out, testing::ElementsAreArray(c.pillow));
      EXPECT_THAT(exact, testing::ElementsAreArray(c.pillow));  // the oracle of the other tests
    }
  });
}

// A canvas larger than its part, with everything that a format can ask for; the elements outside of
// the part must stay as they were.
struct Trial {
  ImageSize from, whole;  // of the source; of the scaled picture
  int cut_x, cut_y;
  Canvas canvas;
  Filter filter;
  PixelFormat format;
};

Trial any_trial(std::mt19937& random) {
  auto upto = [&](int most) {
    return 1 + static_cast<int>(random() % static_cast<uint32_t>(most));
  };
  auto below = [&](int most) { return upto(most) - 1; };
  Trial t;
  const int most = random() % 4 == 0 ? 900 : 90;
  t.from = {upto(most), upto(most)};
  t.whole = {upto(90), upto(90)};
  t.canvas.part.width = upto(t.whole.width);
  t.canvas.part.height = upto(t.whole.height);
  t.cut_x = below(t.whole.width - t.canvas.part.width + 1);
  t.cut_y = below(t.whole.height - t.canvas.part.height + 1);
  t.canvas.part.x = below(5);
  t.canvas.part.y = below(5);
  t.canvas.width = t.canvas.part.x + t.canvas.part.width + below(5);
  t.canvas.height = t.canvas.part.y + t.canvas.part.height + below(5);
  t.filter = static_cast<Filter>(random() % 5);
  constexpr DType kTypes[] = {DType::kUint8, DType::kFp16, DType::kFp32};
  t.format.dtype = kTypes[random() % 3];
  t.format.planar = random() & 1;
  t.format.grey = random() % 5 == 0;
  t.format.bgr = !t.format.grey && (random() & 1);
  if (t.format.dtype != DType::kUint8 && (random() & 1)) {
    for (int c = 0; c < 3; ++c) {
      t.format.multiply[c] = 1.0f / static_cast<float>(upto(100));
      t.format.add[c] = static_cast<float>(below(9)) - 4;
    }
  }
  return t;
}

double half_value(uint16_t bits) {
  const double sign = bits >> 15 ? -1 : 1;
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  if (exponent == 31) return sign * (mantissa ? NAN : INFINITY);
  return sign * (exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24));
}

double element(const std::byte* data, DType type, size_t i) {
  switch (type) {
    case DType::kUint8:
      return static_cast<double>(data[i]);
    case DType::kFp16: {
      uint16_t half;
      std::memcpy(&half, data + 2 * i, 2);
      return half_value(half);
    }
    default: {
      float value;
      std::memcpy(&value, data + 4 * i, 4);
      return static_cast<double>(value);
    }
  }
}

void check(Trial t, const std::vector<uint8_t>& in, const std::vector<uint8_t>& exact) {
  const auto width = static_cast<size_t>(t.canvas.width);
  const auto height = static_cast<size_t>(t.canvas.height);
  const auto channels = static_cast<size_t>(t.format.channels());
  const size_t size = dtype_size(t.format.dtype);
  std::vector<std::byte> out(width * height * channels * size, std::byte{0x33});
  t.canvas.data = out.data();
  resample({in.data(), t.from.width, t.from.height},
           {t.whole.width, t.whole.height, t.cut_x, t.cut_y, t.filter}, t.format, t.canvas);
  const auto& part = t.canvas.part;
  for (size_t y = 0; y < height; ++y) {
    for (size_t x = 0; x < width; ++x) {
      const int px = static_cast<int>(x) - part.x, py = static_cast<int>(y) - part.y;
      const bool inside = px >= 0 && px < part.width && py >= 0 && py < part.height;
      for (size_t c = 0; c < channels; ++c) {
        const size_t i =
            t.format.planar ? (c * height + y) * width + x : (y * width + x) * channels + c;
        if (!inside) {
          for (size_t b = 0; b < size; ++b) ASSERT_EQ(out[i * size + b], std::byte{0x33});
          continue;
        }
        const uint8_t* pixel =
            &exact[(static_cast<size_t>(py + t.cut_y) * static_cast<size_t>(t.whole.width) +
                    static_cast<size_t>(px + t.cut_x)) *
                   3];
        double value = pixel[t.format.bgr ? 2 - c : c];
        if (t.format.grey) {
          value = (19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2] + 0x8000) >> 16;
        }
        const double unit = static_cast<double>(t.format.multiply[c]);  // of one step of 255
        value = value * unit + static_cast<double>(t.format.add[c]);
        double tolerance = t.format.dtype == DType::kUint8 ? 0 : 1e-5;
        if (t.format.dtype == DType::kFp16) tolerance += std::abs(value) / 2048;
        ASSERT_NEAR(element(out.data(), t.format.dtype, i), value, tolerance)
            << t.from.width << " x " << t.from.height << " > " << t.whole.width << " x "
            << t.whole.height << " at " << px << ", " << py << ", channel " << c << ", filter "
            << static_cast<int>(t.filter);
      }
    }
  }
}

TEST(Resample, IsExactForEverySizeFilterAndFormat) {
  std::mt19937 random(1);
  for (int n = 0; n < 250; ++n) {
    const Trial trial = any_trial(random);
    const auto in = noise(trial.from.width, trial.from.height, random, n & 1);
    const auto exact = resampled(in, trial.from, trial.whole, trial.filter);
    on_each_target([&] { check(trial, in, exact); });
    if (HasFatalFailure()) return;
  }
}

TEST(Resample, KeepsPlainColoursExactly) {
  on_each_target([] {
    for (int colour : {0, 1, 127, 254, 255}) {
      for (ImageSize from : {ImageSize{1, 1}, {7, 500}, {2000, 3}, {64, 64}}) {
        const std::vector<uint8_t> in(static_cast<size_t>(from.width * from.height * 3),
                                      static_cast<uint8_t>(colour));
        for (Filter filter : kFilters) {
          EXPECT_THAT(bytes(in, from, {33, 17}, filter), testing::Each(colour));
        }
      }
    }
  });
}

TEST(Resample, IsTheIdentityAtTheSameSize) {
  std::mt19937 random(2);
  const auto in = noise(37, 21, random);
  on_each_target([&] {
    for (Filter filter : kFilters) {
      EXPECT_EQ(bytes(in, {37, 21}, {37, 21}, filter), in);
    }
  });
}

TEST(Resample, ReducesByThousands) {
  std::mt19937 random(3);
  for (ImageSize from : {ImageSize{20000, 2}, {2, 20000}}) {
    const auto in = noise(from.width, from.height, random, true);
    for (ImageSize to : {ImageSize{5, 5}, {200, 2}}) {  // the latter in strips
      for (Filter filter : {Filter::kBilinear, Filter::kArea, Filter::kLanczos}) {
        EXPECT_EQ(bytes(in, from, to, filter), resampled(in, from, to, filter));
      }
    }
  }
}

TEST(Resample, RoundsAndSaturatesBytes) {
  const std::vector<uint8_t> in = {0, 100, 255};
  uint8_t out[3];
  const PixelFormat format{.multiply = {1e9f, 0.5f, 2}, .add = {-1e9f, 0.75f, 0}};
  resample({in.data(), 1, 1}, {.width = 1, .height = 1}, format,
           {reinterpret_cast<std::byte*>(out), 1, 1, {0, 0, 1, 1}});
  EXPECT_THAT(out, testing::ElementsAre(0, 51, 255));
}

// The weight of pixel i of a group, from its digits.
int unpacked(const uint32_t* words, int i, bool bytes) {
  if (bytes) {
    int weight = 0;
    for (int d = 2; d >= 0; --d) weight = weight * 256 + static_cast<int8_t>(words[d] >> (8 * i));
    return weight;
  }
  const int shift = i / 2 * 16;
  return static_cast<int16_t>(words[2 + i % 2] >> shift) * 65536 +
         static_cast<int16_t>(words[i % 2] >> shift);
}

TEST(Axis, WeightsSumToOneWithinThePicture) {
  std::mt19937 random(4);
  for (int n = 0; n < 2000; ++n) {
    AxisKey key;
    key.in = 1 + static_cast<int>(random() % 3000);
    key.out = 1 + static_cast<int>(random() % 500);
    key.begin = static_cast<int>(random() % static_cast<uint32_t>(key.out));
    key.count = 1 + static_cast<int>(random() % static_cast<uint32_t>(key.out - key.begin));
    key.filter = static_cast<Filter>(random() % 5);
    key.even = random() & 1;
    key.bytes = random() & 1;
    const Axis& axis = axis_for(key);
    ASSERT_EQ(&axis_for(key), &axis);  // from the cache
    ASSERT_EQ(axis.reach.size(), static_cast<size_t>(key.count));
    for (const Axis::Reach& reach : axis.reach) {
      ASSERT_TRUE(key.even ? reach.groups == axis.most_groups : reach.groups <= axis.most_groups);
      int sum = 0;
      for (int i = 0; i < 4 * reach.groups; ++i) {
        const int weight = unpacked(
            &axis.weights[reach.weights + static_cast<size_t>(i / 4 * Axis::words(key.bytes))],
            i % 4, key.bytes);
        ASSERT_TRUE(weight >= 0 || key.filter >= Filter::kBicubic);
        const int at = 4 * reach.first + i;
        ASSERT_TRUE(weight == 0 || (at >= 0 && at < key.in));
        sum += weight;
      }
      // Each is rounded by itself.
      ASSERT_NEAR(sum, 1 << kWeightBits, 2 * reach.groups) << key.in << " > " << key.out;
    }
  }
}

TEST(Axis, TheCacheIsBoundedAndGivesTheRightTable) {
  for (int round = 0; round < 2; ++round) {
    for (int in = 1; in <= 100; ++in) {
      const Axis& axis = axis_for({in, 10, 0, 10, Filter::kArea});
      ASSERT_EQ(axis.reach.front().first, 0);
      ASSERT_EQ(axis.reach.back().first + axis.reach.back().groups, (in + 3) / 4);
    }
  }
}

// The nearest of all halves, ties to the even one, by trying each.
uint16_t nearest_half(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double size = std::abs(static_cast<double>(value));
  if (size >= 65520) return sign | 0x7C00;
  uint16_t low = 0, high = 0x7C00;  // the values of bits rise with the bits
  while (high - low > 1) {
    const auto middle = static_cast<uint16_t>((low + high) / 2);
    (half_value(middle) <= size ? low : high) = middle;
  }
  const double above = high == 0x7C00 ? 65536 : half_value(high);
  const double down = size - half_value(low), up = above - size;
  return sign | (down < up || (down == up && low % 2 == 0) ? low : high);
}

TEST(HalfBits, AreTheNearest) {
  std::mt19937 random(5);
  std::vector<float> values = {0,
                               -0.0f,
                               1,
                               65504,
                               65519.996f,
                               65520,
                               1e9f,
                               -1e9f,
                               5.9604645e-8f,
                               2.9802322e-8f,
                               2.9802326e-8f,
                               6.0975552e-5f,
                               6.1035156e-5f,
                               1e-30f,
                               std::numeric_limits<float>::infinity()};
  for (int i = 0; i < 0x7C00; ++i) {  // every half, and the middle to the next
    const double here = half_value(static_cast<uint16_t>(i));
    const double next = i == 0x7BFF ? 65536 : half_value(static_cast<uint16_t>(i + 1));
    for (double v : {here, (here + next) / 2}) {
      const auto f = static_cast<float>(v);
      for (float around : {f, std::nextafter(f, 0.0f), std::nextafter(f, 1e9f)})
        values.push_back(around);
    }
  }
  for (int i = 0; i < 100000; ++i) {
    const uint32_t bits = random();
    float value;
    std::memcpy(&value, &bits, 4);
    if (!std::isnan(value)) values.push_back(value);
  }
  for (float value : values) {
    ASSERT_EQ(half_bits(value), nearest_half(value)) << value;
    ASSERT_EQ(half_bits(-value), nearest_half(-value)) << -value;
  }
  EXPECT_TRUE(std::isnan(half_value(half_bits(NAN))));
}

TEST(HalfBits, AreWhatTheKernelWrites) {
  std::mt19937 random(6);
  const auto in = noise(64, 16, random);
  on_each_target([&] {
    PixelFormat format{.planar = true, .multiply = {1 / 57.0f, 300, 1e-6f}, .add = {-2, 0, 0}};
    const Scaling scaling{.width = 64, .height = 16};
    std::vector<float> floats(64 * 16 * 3);
    std::vector<uint16_t> halves(floats.size());
    format.dtype = DType::kFp32;
    resample({in.data(), 64, 16}, scaling, format,
             {reinterpret_cast<std::byte*>(floats.data()), 64, 16, {0, 0, 64, 16}});
    format.dtype = DType::kFp16;
    resample({in.data(), 64, 16}, scaling, format,
             {reinterpret_cast<std::byte*>(halves.data()), 64, 16, {0, 0, 64, 16}});
    for (size_t i = 0; i < floats.size(); ++i) ASSERT_EQ(halves[i], nearest_half(floats[i]));
  });
}

}  // namespace
}  // namespace leat
