// image.perceptual_hash: 64 bits that stay nearly the same when a picture is scaled or encoded
// anew.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "ops/image/picture.h"

namespace leat {

namespace {

constexpr int kSide = 8;        // of the bits
constexpr int kPhashSide = 32;  // of the picture that is transformed

// The first cosines of a DCT-II (without its scale, which no comparison sees).
struct Cosines {
  double of[kSide][kPhashSide];

  Cosines() {
    for (int k = 0; k < kSide; ++k) {
      for (int n = 0; n < kPhashSide; ++n) {
        of[k][n] = std::cos(std::numbers::pi * k * (2 * n + 1) / (2 * kPhashSide));
      }
    }
  }
};

// The lowest frequencies against their median: J. Buchner's ImageHash, after N. Krawetz.
uint64_t phash(const uint8_t* pixels) {
  static const Cosines kCosines;
  std::array<double, kSide * kSide> low;
  for (int v = 0; v < kSide; ++v) {
    double column[kPhashSide] = {};  // transformed down
    for (int y = 0; y < kPhashSide; ++y) {
      for (int x = 0; x < kPhashSide; ++x) {
        column[x] += kCosines.of[v][y] * pixels[y * kPhashSide + x];
      }
    }
    for (int u = 0; u < kSide; ++u) {
      low[static_cast<size_t>(v * kSide + u)] =
          std::inner_product(column, column + kPhashSide, kCosines.of[u], 0.0);
    }
  }
  auto sorted = low;
  std::ranges::sort(sorted);
  const double median = (sorted[31] + sorted[32]) / 2;
  uint64_t bits = 0;
  // Where a frequency is missing, what is left of it by rounding tells nothing.
  for (double value : low) bits = bits << 1 | (value - median > 1e-6);
  return bits;
}

uint64_t ahash(const uint8_t* pixels) {
  const int sum = std::accumulate(pixels, pixels + kSide * kSide, 0);
  uint64_t bits = 0;
  for (int i = 0; i < kSide * kSide; ++i) bits = bits << 1 | (pixels[i] * kSide * kSide > sum);
  return bits;
}

uint64_t dhash(const uint8_t* pixels) {
  uint64_t bits = 0;
  for (int y = 0; y < kSide; ++y, ++pixels) {
    for (int x = 0; x < kSide; ++x, ++pixels) bits = bits << 1 | (pixels[1] > pixels[0]);
  }
  return bits;
}

struct Kind {
  const char* name;
  ImageSize size;  // that the picture is scaled to
  uint64_t (*hash)(const uint8_t* pixels);
};

constexpr Kind kKinds[] = {{"phash", {kPhashSide, kPhashSide}, phash},
                           {"dhash", {kSide + 1, kSide}, dhash},
                           {"ahash", {kSide, kSide}, ahash}};

class PerceptualHash final : public Op {
 public:
  explicit PerceptualHash(const Kind& kind) : kind_(kind) {}

  Status run(OpCall& call) const override {
    LEAT_ASSIGN(Pixels source, pixels_of(call.input(0)));
    // Grey before it is scaled, in three equal channels, which is what is scaled here.
    LEAT_ASSIGN(Tensor grey, Tensor::allocate(DType::kUint8, call.input(0).shape()));
    const auto pixels = grey.mutable_values<uint8_t>();
    for (size_t i = 0; i < pixels.size(); i += 3) {
      pixels[i] = pixels[i + 1] = pixels[i + 2] = luma(source.data + i);
    }
    source.data = pixels.data();
    std::array<uint8_t, kPhashSide * kPhashSide> small;
    const auto [width, height] = kind_.size;
    resample(source, {.width = width, .height = height, .filter = Filter::kLanczos}, {.grey = true},
             {reinterpret_cast<std::byte*>(small.data()), width, height, {0, 0, width, height}});
    uint64_t bits = kind_.hash(small.data());
    char digits[16];
    for (size_t i = 16; i-- > 0; bits >>= 4) digits[i] = "0123456789abcdef"[bits & 15];
    LEAT_ASSIGN(Tensor hash, Tensor::bytes({digits, sizeof digits}));
    call.give(0, std::move(hash));
    return {};
  }

 private:
  const Kind& kind_;
};

}  // namespace

LEAT_OP((
    {.name = "image.perceptual_hash",
     .doc = "Gives 64 bits that stay nearly the same when a picture is scaled or encoded anew. "
            "Two pictures look alike when few bits differ. The bits are those of ImageHash for "
            "Python.",
     .inputs = {{"image", "IMAGE", "the picture"}},
     .outputs = {{"hash", "BYTES",
                  "16 hexadecimal digits, the first bit first: as text, since a JSON number of 64 "
                  "bits is not read exactly everywhere"}},
     .params = {{.name = "kind",
                 .type = ParamType::kChoice,
                 .fallback = "phash",
                 .choices = {"phash", "dhash", "ahash"},
                 .doc = "phash: the 8 x 8 lowest frequencies (DCT) of 32 x 32 pixels against their "
                        "median; dhash: which of neighbouring pixels, of 9 x 8, is brighter; "
                        "ahash: 8 x 8 pixels against their mean"}},
     .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
       const auto* kind = std::ranges::find(kKinds, setup.params.text("kind"), &Kind::name);
       return std::make_unique<PerceptualHash>(*kind);
     }}));

}  // namespace leat
