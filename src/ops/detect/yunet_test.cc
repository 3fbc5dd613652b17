#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "memory/testing/op_fixture.h"
#include "ops/detect/testing/tensors.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

// The outputs for an input of width x height pixels, by stride.
struct Outputs {
  std::vector<std::vector<float>> cls, obj, bbox, kps;

  Outputs(int width, int height, std::vector<int> strides) {
    for (int stride : strides) {
      const auto cells = static_cast<size_t>((width / stride) * (height / stride));
      cls.emplace_back(cells);
      obj.emplace_back(cells);
      bbox.emplace_back(4 * cells);
      kps.emplace_back(10 * cells);
    }
  }
  void put(OpFixture& op) const {
    const struct {
      const char* name;
      const std::vector<std::vector<float>>& values;
      int64_t wide;
    } ports[] = {{"cls", cls, 1}, {"obj", obj, 1}, {"bbox", bbox, 4}, {"kps", kps, 10}};
    for (const auto& port : ports) {
      std::vector<Tensor> tensors;
      for (const auto& values : port.values) {
        tensors.push_back(
            tensor(values, {static_cast<int64_t>(values.size()) / port.wide, port.wide}));
      }
      op.inputs(port.name, std::move(tensors));
    }
  }
};

TEST(YuNet, AgreesWithTheDefinition) {
  std::mt19937 random(31);
  std::uniform_real_distribution<float> part(0, 1);
  constexpr int kWidth = 128, kHeight = 64;
  const std::vector<int> strides = {8, 16, 32};
  for (int round = 0; round < 30; ++round) {
    Outputs outputs(kWidth, kHeight, strides);
    struct Face {
      PlainBox box;
      double marks[10];
    };
    std::vector<Face> faces;
    std::vector<PlainBox> all;
    for (size_t k = 0; k < strides.size(); ++k) {
      for (float& v : outputs.cls[k]) v = 1.2f * part(random) - 0.1f;  // cut to 0..1
      for (float& v : outputs.obj[k]) v = 1.2f * part(random) - 0.1f;
      for (float& v : outputs.bbox[k]) v = 2 * part(random) - 1;
      for (float& v : outputs.kps[k]) v = 4 * part(random) - 2;
      const int across = kWidth / strides[k];
      for (size_t cell = 0; cell < outputs.cls[k].size(); ++cell) {
        const auto part_of = [](float v) { return std::clamp(double{v}, 0.0, 1.0); };
        const double score =
            std::sqrt(part_of(outputs.cls[k][cell]) * part_of(outputs.obj[k][cell]));
        if (score < 0.7) continue;
        const int column = static_cast<int>(cell) % across, line = static_cast<int>(cell) / across;
        const float* b = outputs.bbox[k].data() + 4 * cell;
        const double x = (column + double{b[0]}) * strides[k],
                     y = (line + double{b[1]}) * strides[k];
        const double w = std::exp(double{b[2]}) * strides[k],
                     h = std::exp(double{b[3]}) * strides[k];
        Face face{{{x - w / 2, y - h / 2, x + w / 2, y + h / 2}, score, 0}, {}};
        face.box.label = 0;
        for (size_t j = 0; j < 10; ++j) {
          face.marks[j] =
              (double{outputs.kps[k][10 * cell + j]} + (j % 2 == 0 ? column : line)) * strides[k];
        }
        all.push_back(face.box);
        faces.push_back(face);
      }
    }
    const std::vector<PlainBox> expected = suppressed(all, 0.3f);
    OpFixture op("detect.yunet");
    op.param("score", 0.7).param("width", int64_t{kWidth}).param("height", int64_t{kHeight});
    outputs.put(op);
    op.input("transform", transform({2, 3, -5, 7, 10000, 10000}));
    ASSERT_TRUE(op.run().ok());
    // Boxes that begin left of or above the picture are cut; landmarks are not.
    size_t i = 0;
    for (const PlainBox& box : expected) {
      if (2 * box.sides[2] - 5 <= 0 || 3 * box.sides[3] + 7 <= 0) continue;
      ASSERT_LT(static_cast<int64_t>(i), op["boxes"].shape()[0]);
      EXPECT_NEAR(op["scores"].values<float>()[i], box.score, 1e-6);
      EXPECT_NEAR(op["boxes"].values<float>()[4 * i + 2], 2 * box.sides[2] - 5, 1e-2);
      EXPECT_NEAR(op["boxes"].values<float>()[4 * i + 1], std::max(0.0, 3 * box.sides[1] + 7),
                  1e-2);
      const auto face = std::ranges::find_if(faces, [&](const Face& f) {
        return f.box.score == box.score && f.box.sides[0] == box.sides[0];
      });
      for (size_t j = 0; j < 10; ++j) {
        const double mark = j % 2 == 0 ? 2 * face->marks[j] - 5 : 3 * face->marks[j] + 7;
        EXPECT_NEAR(op["landmarks"].values<float>()[10 * i + j], mark, 1e-2);
      }
      ++i;
    }
    EXPECT_EQ(op["landmarks"].shape(), (Shape{static_cast<int64_t>(i), 5, 2}));
  }
}

TEST(YuNet, NumbersThatAreNoneGiveNoFace) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (size_t bad = 0; bad < 16; ++bad) {
    Outputs outputs(8, 8, {8});
    outputs.cls[0][0] = outputs.obj[0][0] = 1;
    float* numbers[] = {&outputs.cls[0][0], &outputs.obj[0][0]};
    *(bad < 2   ? numbers[bad]
      : bad < 6 ? &outputs.bbox[0][bad - 2]
                : &outputs.kps[0][bad - 6]) = kNan;
    OpFixture op("detect.yunet");
    op.param("strides", std::vector<double>{8});
    outputs.put(op);
    ASSERT_TRUE(op.run().ok());
    EXPECT_EQ(op["boxes"].shape(), (Shape{0, 4})) << bad;
    EXPECT_EQ(op["landmarks"].shape(), (Shape{0, 5, 2})) << bad;
  }
}

TEST(YuNet, Refusals) {
  OpFixture fewer("detect.yunet");
  Outputs(32, 32, {8, 16}).put(fewer);
  EXPECT_THAT(fewer.run().message(), HasSubstr("cls: 2 given, but 3 strides"));
  OpFixture odd("detect.yunet");
  Outputs outputs(32, 32, {8, 16, 32});
  outputs.cls[2].resize(2);
  outputs.put(odd);
  EXPECT_THAT(odd.run().message(), HasSubstr("cls: 22 rows; no square input"));
  OpFixture swapped("detect.yunet");
  outputs = Outputs(32, 32, {8, 16, 32});
  std::swap(outputs.bbox[0], outputs.bbox[1]);
  outputs.put(swapped);
  EXPECT_THAT(swapped.run().message(),
              HasSubstr("bbox number 0: 4 rows; stride 8 has 16 in an input of width 32"));
}

}  // namespace
}  // namespace leat
