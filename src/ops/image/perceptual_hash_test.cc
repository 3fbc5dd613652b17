#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "memory/testing/op_fixture.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

std::string hash(const char* kind, const Tensor& picture) {
  OpFixture op("image.perceptual_hash");
  const Status status = op.param("kind", kind).input("image", picture).run();
  EXPECT_TRUE(status.ok()) << status.message();
  return std::string(op["hash"].string());
}

// By the definitions of ImageHash, with Pillow 13.0 and numpy:
//   grey = lambda w, h: np.asarray(picture.convert("L").resize((w, h),
//   Image.LANCZOS)).astype(float) n = np.arange(32); dct = np.cos(np.pi * n[:, None] * (2 * n + 1)
//   / 64) g = grey(32, 32); low = (dct @ g @ dct.T)[:8, :8]; phash = low > np.median(low) g =
//   grey(9, 8); dhash = g[:, 1:] > g[:, :-1] g = grey(8, 8); ahash = g > g.mean()
//   "%016x" % int("".join("01"[int(b)] for b in bits.ravel()), 2)
const struct {
  std::vector<uint8_t> (*picture)(int, int);
  ImageSize size;
  const char *phash, *dhash, *ahash;
} kHashes[] = {
    {slopes, {200, 150}, "80aa0055ff55ff51", "d294a5294b5296b5", "6a56d5b5a92a5a54"},
    {slopes, {60, 40}, "9db4e1ab62ab62a2", "1e1e3e3c7c7878f0", "87878f0f0e1e1e3c"},
    {pattern, {61, 47}, "aa970c1a0eedf274", "61798c672d9d33a3", "113fe7b305cfd951"},
    {pattern, {5, 4}, "8da60fb2f04d0db6", "fff7e1e01f1ff3f1", "071f38f8c7c71838"},
};

TEST(PerceptualHash, IsThatOfImageHash) {
  for (const auto& c : kHashes) {
    const auto pixels = c.picture(c.size.width, c.size.height);
    const Tensor picture = image(pixels, c.size.width, c.size.height);
    EXPECT_EQ(hash("phash", picture), c.phash) << c.size.width;
    EXPECT_EQ(hash("dhash", picture), c.dhash) << c.size.width;
    EXPECT_EQ(hash("ahash", picture), c.ahash) << c.size.width;
  }
}

TEST(PerceptualHash, OfAPlainPictureHasNoNoise) {
  for (int colour : {0, 77, 255}) {
    const std::vector<uint8_t> pixels(size_t{50} * 40 * 3, static_cast<uint8_t>(colour));
    const std::string bits = hash("phash", image(pixels, 50, 40));
    EXPECT_EQ(bits, colour == 0 ? "0000000000000000" : "8000000000000000");
    EXPECT_EQ(hash("dhash", image(pixels, 50, 40)), "0000000000000000");
    EXPECT_EQ(hash("ahash", image(pixels, 50, 40)), "0000000000000000");
  }
}

TEST(PerceptualHash, StaysNearWhenAPictureIsScaled) {
  const auto bits = [](const char* kind, int width, int height) {
    // A few waves, the same at every size.
    std::vector<uint8_t> pixels;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const double across = 6.28 * (x + 0.5) / width, down = 6.28 * (y + 0.5) / height;
        const double v = 128 + 50 * std::sin(2 * across + 1) + 40 * std::cos(3 * down + across) +
                         30 * std::sin(across * down);
        pixels.insert(pixels.end(), 3, static_cast<uint8_t>(v));
      }
    }
    return std::stoull(hash(kind, image(pixels, width, height)), nullptr, 16);
  };
  for (const char* kind : {"phash", "dhash", "ahash"}) {
    EXPECT_LE(std::popcount(bits(kind, 400, 300) ^ bits(kind, 90, 120)), 6) << kind;
  }
}

}  // namespace
}  // namespace leat
