#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <random>

#include "base/half.h"
#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <typename T>
Tensor of(std::vector<T> values, const Shape& shape) {
  return *Tensor::of(std::span<const T>(values), shape);
}
std::vector<int64_t> indices(const OpFixture& op) {
  auto values = op["indices"].values<int64_t>();
  return {values.begin(), values.end()};
}
std::vector<float> values(const OpFixture& op) {
  auto found = op["values"].values<float>();
  return {found.begin(), found.end()};
}

TEST(TopK, AgreesWithAFullSort) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    size_t count = 1 + random() % (round % 8 == 0 ? 2000 : 40);
    size_t k = 1 + random() % 50;
    bool largest = random() % 3 != 0;
    std::vector<double> scores(count);
    for (double& score : scores) score = static_cast<double>(random() % 64) / 8 - 4;  // equal ones
    std::vector<int64_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](int64_t a, int64_t b) {
      double x = scores[static_cast<size_t>(a)], y = scores[static_cast<size_t>(b)];
      return largest ? x > y : x < y;
    });
    order.resize(std::min(k, count));
    std::vector<float> expected;
    for (int64_t i : order) expected.push_back(static_cast<float>(scores[static_cast<size_t>(i)]));

    auto n = static_cast<int64_t>(count);
    std::vector<float> singles(scores.begin(), scores.end());
    Tensor halves = *Tensor::allocate(DType::kFp16, Shape{n});
    for (size_t i = 0; i < count; ++i) {
      halves.mutable_values<uint16_t>()[i] = float_to_half(singles[i]);
    }
    for (const Tensor& input : {of(scores, Shape{n}), of(singles, Shape{1, n, 1}), halves}) {
      OpFixture op("tensor.top_k");
      op.param("k", static_cast<int64_t>(k)).param("largest", largest).input("scores", input);
      ASSERT_TRUE(op.run().ok());
      ASSERT_EQ(indices(op), order);
      ASSERT_EQ(values(op), expected);
      ASSERT_FALSE(op["labels"]);
    }
  }
}

TEST(TopK, SoftmaxIsOverAllClasses) {
  std::vector<float> scores = {1, 3, 2, -4, 0.5f};
  long double sum = 0;
  for (float score : scores) sum += std::exp(static_cast<long double>(score));
  OpFixture op("tensor.top_k");
  op.param("k", int64_t{2}).param("softmax", true).input("scores", of(scores, {5, 1, 1}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(indices(op), ElementsAre(1, 2));
  EXPECT_NEAR(values(op)[0], std::exp(3.0L) / sum, 1e-6);
  EXPECT_NEAR(values(op)[1], std::exp(2.0L) / sum, 1e-6);
  // Probabilities that cannot be told apart still come in the order of their scores.
  OpFixture far("tensor.top_k");
  far.param("softmax", true).input("scores", of<float>({0, -500, -400, -300}, {4}));
  ASSERT_TRUE(far.run().ok());
  EXPECT_THAT(indices(far), ElementsAre(0, 3, 2, 1));
}

TEST(TopK, EdgesOfShape) {
  struct Case {
    Shape shape;
    std::vector<int64_t> expected;
  };
  const Case cases[] = {{{}, {0}}, {{1, 1}, {0}}, {{0}, {}}, {{1, 0}, {}}, {{2, 1}, {1, 0}}};
  for (const Case& c : cases) {
    std::vector<float> scores(static_cast<size_t>(c.shape.elements()));
    std::iota(scores.begin(), scores.end(), 0.0f);
    for (bool softmax : {false, true}) {
      OpFixture op("tensor.top_k");
      op.param("softmax", softmax).input("scores", of(scores, c.shape));
      ASSERT_TRUE(op.run().ok()) << c.shape.text();
      EXPECT_EQ(indices(op), c.expected) << c.shape.text();
    }
  }
  OpFixture op("tensor.top_k");
  op.input("scores", of<float>(std::vector<float>(6), {1, 2, 3}));
  EXPECT_THAT(op.run().message(), HasSubstr("the shape is [1,2,3]; only one dimension"));
}

TEST(TopK, NaNComesLast) {
  for (bool largest : {true, false}) {
    OpFixture op("tensor.top_k");
    op.param("largest", largest).input("scores", of<float>({kNan, 1, kNan, 2, -1}, {5}));
    ASSERT_TRUE(op.run().ok());
    if (largest) {
      EXPECT_THAT(indices(op), ElementsAre(3, 1, 4, 0, 2));
    } else {
      EXPECT_THAT(indices(op), ElementsAre(4, 1, 3, 0, 2));
    }
  }
}

TEST(TopK, Labels) {
  std::string path = ::testing::TempDir() + "top_k_labels.txt";
  std::ofstream(path) << "0,tench, Tinca tinca\n1,goldfish\n2,great white shark\n";
  OpFixture op("tensor.top_k");
  op.param("labels", path).param("k", int64_t{2});
  op.input("scores", of<float>({1, 0, 2}, {3}));
  ASSERT_TRUE(op.run().ok());
  ASSERT_EQ(op["labels"].shape(), Shape{2});
  EXPECT_EQ(op["labels"].string(0), "great white shark");
  EXPECT_EQ(op["labels"].string(1), "tench, Tinca tinca");
  // As soon as the number of classes is known, which may be at load or only at run time.
  op.input("scores", of<float>({1, 2}, {2}));
  EXPECT_THAT(op.run().message(), HasSubstr("has 3 labels for 2 classes"));
  OpFixture fresh("tensor.top_k");
  fresh.param("labels", path).input("scores", of<float>({1, 2, 3, 4}, {4}));
  EXPECT_THAT(fresh.make().message(), HasSubstr("has 3 labels for 4 classes"));
  OpFixture missing("tensor.top_k");
  missing.param("labels", path + ".gone").input("scores", of<float>({1}, {1}));
  EXPECT_EQ(missing.make().code(), Code::kNotFound);
}

}  // namespace
}  // namespace leat
