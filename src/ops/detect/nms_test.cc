#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Candidate {
  float x1, y1, x2, y2, score;
  int64_t label = 0;
};

void put(OpFixture& op, const std::vector<Candidate>& candidates, bool classes) {
  std::vector<float> boxes, scores;
  std::vector<int64_t> labels;
  for (const Candidate& c : candidates) {
    boxes.insert(boxes.end(), {c.x1, c.y1, c.x2, c.y2});
    scores.push_back(c.score);
    labels.push_back(c.label);
  }
  auto n = static_cast<int64_t>(candidates.size());
  op.input("boxes", *Tensor::of(std::span<const float>(boxes), Shape{n, 4}));
  op.input("scores", *Tensor::of(std::span<const float>(scores), Shape{n}));
  if (classes) op.input("classes", *Tensor::of(std::span<const int64_t>(labels), Shape{n}));
}

std::vector<int64_t> index_of(const OpFixture& op) {
  auto values = op["index"].values<int64_t>();
  return {values.begin(), values.end()};
}

// By the definition, in doubles: quadratic, no vectors, no early end.
std::vector<int64_t> naive(const std::vector<Candidate>& all, double iou, bool by_class,
                           size_t candidates, size_t max) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < all.size(); ++i) order.push_back(static_cast<int64_t>(i));
  auto at = [&](int64_t i) -> const Candidate& { return all[static_cast<size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return at(a).score > at(b).score; });
  order.resize(std::min(order.size(), candidates));
  std::vector<int64_t> kept;
  for (int64_t i : order) {
    const Candidate& a = at(i);
    bool suppressed = std::ranges::any_of(kept, [&](int64_t k) {
      const Candidate& b = at(k);
      if (by_class && a.label != b.label) return false;
      double width = std::min<double>(a.x2, b.x2) - std::max<double>(a.x1, b.x1);
      double height = std::min<double>(a.y2, b.y2) - std::max<double>(a.y1, b.y1);
      if (width <= 0 || height <= 0) return false;
      double both = (double{a.x2} - a.x1) * (double{a.y2} - a.y1) +
                    (double{b.x2} - b.x1) * (double{b.y2} - b.y1) - width * height;
      return width * height / both > iou;
    });
    if (!suppressed) kept.push_back(i);
  }
  kept.resize(std::min(kept.size(), max));
  return kept;
}

TEST(Nms, AgreesWithTheDefinition) {
  std::mt19937 random(3);
  auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
  for (int round = 0; round < 300; ++round) {
    // Few places and scores, so that equal ones and exactly reached thresholds abound.
    std::vector<Candidate> all(static_cast<size_t>(below(round % 10 == 0 ? 400 : 40)));
    for (Candidate& c : all) {
      auto x = static_cast<float>(below(12)), y = static_cast<float>(below(12));
      c = {x,
           y,
           x + static_cast<float>(below(9)),
           y + static_cast<float>(below(9)),
           static_cast<float>(below(9) - 4) / 4,
           below(4)};
    }
    constexpr double kThresholds[] = {0, 0.25, 0.5, 0.75, 1};
    double iou = kThresholds[below(5)];
    size_t candidates = below(3) == 0 ? 7 : 3000;
    size_t max = below(3) == 0 ? 5 : 300;
    bool classes = below(2) == 0, agnostic = below(3) == 0;
    OpFixture op("detect.nms");
    op.param("iou", iou).param("candidates", static_cast<int64_t>(candidates));
    op.param("max", static_cast<int64_t>(max)).param("class_agnostic", agnostic);
    put(op, all, classes);
    ASSERT_TRUE(op.run().ok());
    std::vector<int64_t> expected = naive(all, iou, classes && !agnostic, candidates, max);
    ASSERT_EQ(index_of(op), expected) << "round " << round;
    ASSERT_EQ(bool{op["classes"]}, classes);
    for (size_t i = 0; i < expected.size(); ++i) {
      const Candidate& c = all[static_cast<size_t>(expected[i])];
      ASSERT_EQ(op["scores"].values<float>()[i], c.score);
      const float* box = op["boxes"].values<float>().data() + 4 * i;
      ASSERT_THAT(std::vector<float>(box, box + 4), ElementsAre(c.x1, c.y1, c.x2, c.y2));
      if (classes) {
        ASSERT_EQ(op["classes"].values<int64_t>()[i], c.label);
      }
    }
  }
}

// Soft-NMS straight from its definition, in doubles.
std::vector<std::pair<int64_t, double>> naive_soft(const std::vector<Candidate>& all, double iou,
                                                   double sigma, bool gaussian, double least) {
  std::vector<std::pair<int64_t, double>> open, kept;
  for (size_t i = 0; i < all.size(); ++i) {
    open.emplace_back(static_cast<int64_t>(i), double{all[i].score});
  }
  while (!open.empty()) {
    auto best = std::ranges::max_element(open, {}, [](const auto& entry) { return entry.second; });
    if (best->second < least) break;
    const Candidate& a = all[static_cast<size_t>(best->first)];
    kept.push_back(*best);
    open.erase(best);
    for (auto& [i, score] : open) {
      const Candidate& b = all[static_cast<size_t>(i)];
      if (a.label != b.label) continue;
      const double w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
      const double h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
      const double common = std::max(w, 0.0) * std::max(h, 0.0);
      const double both = (double{a.x2} - a.x1) * (double{a.y2} - a.y1) +
                          (double{b.x2} - b.x1) * (double{b.y2} - b.y1) - common;
      const double part = both > 0 ? common / both : 0;
      if (gaussian) {
        score *= std::exp(-part * part / sigma);
      } else if (part > iou) {
        score *= 1 - part;
      }
    }
  }
  return kept;
}

TEST(Nms, SoftAgreesWithTheDefinition) {
  std::mt19937 random(37);
  std::uniform_real_distribution<float> part(0, 1);
  for (int round = 0; round < 100; ++round) {
    std::vector<Candidate> all(random() % 60);
    for (Candidate& c : all) {
      const float x = 20 * part(random), y = 20 * part(random);
      c = {x,
           y,
           x + 12 * part(random),
           y + 12 * part(random),
           part(random),
           static_cast<int64_t>(random() % 2)};
    }
    if (all.size() > 3) all[2] = all[3];  // the same once more
    const bool gaussian = round % 2 == 0;
    OpFixture op("detect.nms");
    op.param("method", gaussian ? "gaussian" : "linear").param("iou", 0.3).param("sigma", 0.25);
    op.param("score", 0.05);
    put(op, all, true);
    ASSERT_TRUE(op.run().ok());
    const auto expected = naive_soft(all, 0.3f, 0.25, gaussian, 0.05f);
    ASSERT_EQ(op["index"].shape(), Shape{static_cast<int64_t>(expected.size())}) << round;
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(index_of(op)[i], expected[i].first);
      EXPECT_NEAR(op["scores"].values<float>()[i], expected[i].second, 1e-5);
    }
  }
}

TEST(Nms, SoftByHand) {
  // Of a square, its left half is half of their union.
  const std::vector<Candidate> all = {
      {0, 0, 4, 4, 1}, {0, 0, 2, 4, 0.5f}, {9, 9, 9, 9, -1}, {0, 0, 4, 4, kInfinity}};
  OpFixture linear("detect.nms");
  linear.param("method", "linear");
  put(linear, all, false);
  ASSERT_TRUE(linear.run().ok());
  EXPECT_THAT(index_of(linear), ElementsAre(0, 1));
  EXPECT_EQ(linear["scores"].values<float>()[1], 0.25f);
  OpFixture gaussian("detect.nms");
  gaussian.param("method", "gaussian").param("max", int64_t{1});
  put(gaussian, all, false);
  ASSERT_TRUE(gaussian.run().ok());
  EXPECT_THAT(index_of(gaussian), ElementsAre(0));
}

TEST(Nms, LeastScore) {
  OpFixture op("detect.nms");
  op.param("score", 0.5);
  put(op, {{0, 0, 1, 1, 0.5f}, {5, 5, 6, 6, 0.49f}, {7, 7, 8, 8, -3.0f}}, false);
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(index_of(op), ElementsAre(0));
}

TEST(Nms, NothingInNothingOut) {
  OpFixture op("detect.nms");
  put(op, {}, true);
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["boxes"].shape(), (Shape{0, 4}));
  EXPECT_EQ(op["scores"].shape(), Shape{0});
  EXPECT_EQ(op["classes"].shape(), Shape{0});
  EXPECT_EQ(op["index"].shape(), Shape{0});
}

TEST(Nms, DropsWhatIsNoBox) {
  OpFixture op("detect.nms");
  put(op,
      {{0, 0, 1, 1, kNan},
       {kNan, 0, 1, 1, 1},
       {0, 0, kInfinity, 1, 1},
       {2, 0, 1, 1, 1},
       {0, 0, -kInfinity, kNan, 1},
       {-3e38f, -3e38f, 3e38f, 3e38f, 1},  // its area is not finite
       {4, 4, 4, 4, 0.5f}},
      false);
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(index_of(op), ElementsAre(5, 6));
}

TEST(Nms, HugeScoresKeepTheirOrder) {
  OpFixture op("detect.nms");
  put(op,
      {{0, 0, 1, 1, -kInfinity},
       {2, 2, 3, 3, -0.0f},
       {4, 4, 5, 5, kInfinity},
       {6, 6, 7, 7, 0.0f},
       {8, 8, 9, 9, -1e30f}},
      false);
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(index_of(op), ElementsAre(2, 1, 3, 4, 0));
}

TEST(Nms, ClassesHaveBounds) {
  OpFixture op("detect.nms");
  put(op, {{0, 0, 1, 1, 1, (1 << 24) + 1}}, true);
  Status status = op.run();
  EXPECT_EQ(status.code(), Code::kBadInput);
  EXPECT_THAT(status.message(), HasSubstr("is 16777217; allowed are 0 to 16777216"));
  put(op, {{0, 0, 1, 1, 1, (1 << 24) - 1}, {0, 0, 1, 1, 1, 1 << 24}}, true);
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(index_of(op), ElementsAre(0, 1));
}

}  // namespace
}  // namespace leat
