#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

using ::testing::ElementsAreArray;

// 2 x 2 pixels, by rows: 1, 2; 3, 4.
Tensor picture() {
  const uint8_t values[] = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4};
  return *Tensor::of<uint8_t>(values, Shape{2, 2, 3});
}

// The pixels of what comes out for a seed.
std::vector<int> flip(OpFixture& op, int64_t seed) {
  Status status = op.input("image", picture()).input("seed", *Tensor::scalar(seed)).run();
  EXPECT_TRUE(status.ok()) << status.message();
  std::vector<int> pixels;
  for (size_t i = 0; i < 12; i += 3) pixels.push_back(op["image"].values<uint8_t>()[i]);
  return pixels;
}

TEST(RandomFlip, MirrorsAsOftenAsItShould) {
  for (bool horizontal : {true, false}) {
    const std::vector<int> as_it_is = {1, 2, 3, 4};
    const std::vector<int> mirrored =
        horizontal ? std::vector<int>{2, 1, 4, 3} : std::vector<int>{3, 4, 1, 2};
    for (double chance : {0.0, 0.3, 1.0}) {
      OpFixture op("image.random_flip");
      op.param("direction", horizontal ? "horizontal" : "vertical").param("chance", chance);
      int count = 0;
      constexpr int kSeeds = 200;
      for (int64_t seed = 0; seed < kSeeds; ++seed) {
        const std::vector<int> given = flip(op, seed);
        const bool flipped = op["flipped"].values<uint8_t>()[0] != 0;
        EXPECT_THAT(given, ElementsAreArray(flipped ? mirrored : as_it_is));
        EXPECT_EQ(given, flip(op, seed));
        count += flipped;
      }
      EXPECT_NEAR(count, chance * kSeeds, chance * (1 - chance) * 100);
    }
  }
}

TEST(RandomFlip, DirectionsAreIndependent) {
  OpFixture across("image.random_flip"), down("image.random_flip");
  down.param("direction", "vertical");
  int both = 0;
  for (int64_t seed = 0; seed < 200; ++seed) {
    flip(across, seed);
    flip(down, seed);
    both += across["flipped"].values<uint8_t>()[0] & down["flipped"].values<uint8_t>()[0];
  }
  EXPECT_NEAR(both, 50, 25);
}

}  // namespace
}  // namespace leat
