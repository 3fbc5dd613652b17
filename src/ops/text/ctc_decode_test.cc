#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <random>

#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

class CtcDecode : public ::testing::Test {
 protected:
  ~CtcDecode() override { std::filesystem::remove(path_); }

  std::string dictionary(std::string_view content) const {
    std::ofstream(path_, std::ios::binary) << content;
    return path_;
  }

  std::string path_ = ::testing::TempDir() + "dictionary_" + std::to_string(getpid()) + ".txt";
};

Tensor matrix(std::vector<float> values, int64_t classes) {
  const auto rows = static_cast<int64_t>(values.size()) / classes;
  return *Tensor::of(std::span<const float>(values), Shape{rows, classes});
}

// Of the most probable class of each step, `high`, the others share the rest.
Tensor steps(const std::vector<std::pair<int64_t, float>>& best, int64_t classes) {
  std::vector<float> values;
  for (auto [label, high] : best) {
    for (int64_t c = 0; c < classes; ++c) {
      values.push_back(c == label ? high : (1 - high) / static_cast<float>(classes - 1));
    }
  }
  return matrix(values, classes);
}

float score(const OpFixture& op) { return op["score"].values<float>()[0]; }

TEST_F(CtcDecode, Greedy) {
  const std::string path = dictionary("a\nb\n\xc3\xa4\r\n");
  OpFixture op("text.ctc_decode");
  op.param("dictionary", path).param("space", true);
  // -aa-abb ä, of which the first of each run counts.
  op.input("probabilities", steps({{0, 0.9f},
                                   {1, 0.8f},
                                   {1, 0.5f},
                                   {0, 0.9f},
                                   {1, 0.7f},
                                   {2, 0.6f},
                                   {2, 0.9f},
                                   {4, 0.5f},
                                   {3, 0.4f}},
                                  5));
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["text"].string(), "aab \xc3\xa4");
  EXPECT_NEAR(score(op), (0.8 + 0.7 + 0.6 + 0.5 + 0.4) / 5, 1e-6);
  for (const Tensor& nothing : {steps({{0, 0.9f}, {0, 0.8f}}, 5), matrix({}, 5)}) {
    op.input("probabilities", nothing);
    ASSERT_TRUE(op.run().ok());
    EXPECT_EQ(op["text"].string(), "");
    EXPECT_EQ(score(op), 0);
  }
}

TEST_F(CtcDecode, BlankElsewhere) {
  for (int64_t blank : {1, -1}) {
    OpFixture op("text.ctc_decode");
    op.param("dictionary", dictionary("a\nb")).param("blank", blank);
    op.input("probabilities", steps({{0, 0.9f}, {1, 0.9f}, {2, 0.9f}}, 3));
    ASSERT_TRUE(op.run().ok());
    EXPECT_EQ(op["text"].string(), "ab");  // a-b, or ab-
  }
}

TEST_F(CtcDecode, Logits) {
  OpFixture op("text.ctc_decode");
  op.param("dictionary", dictionary("a\nb\n")).param("logits", true);
  op.input("probabilities", matrix({1, 5, -2, 0, 1, 9}, 3));
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["text"].string(), "ab");
  const double a = std::exp(5) / (std::exp(1) + std::exp(5) + std::exp(-2));
  const double b = std::exp(9) / (1 + std::exp(1) + std::exp(9));
  EXPECT_NEAR(score(op), (a + b) / 2, 1e-6);
}

struct Text {
  double all = 0;   // over all alignments
  double best = 0;  // of the most probable one
  double mean = 0;  // of the first steps of that one's characters
};

// Every sequence of classes in turn. Blank is class 0.
std::map<std::string, Text> every_text(const std::vector<float>& values, size_t classes) {
  const size_t count = values.size() / classes;
  std::map<std::string, Text> texts;
  std::vector<size_t> path(count);
  while (true) {
    double probability = 1, sum = 0;
    std::string text;
    for (size_t t = 0; t < count; ++t) {
      const double p = double{values[t * classes + path[t]]};
      probability *= p;
      if (path[t] == 0 || (t > 0 && path[t] == path[t - 1])) continue;
      text += static_cast<char>('a' + path[t] - 1);
      sum += p;
    }
    Text& entry = texts[text];
    entry.all += probability;
    if (probability > entry.best) {
      entry.best = probability;
      entry.mean = text.empty() ? 0 : sum / static_cast<double>(text.size());
    }
    size_t t = 0;
    while (t < count && ++path[t] == classes) path[t++] = 0;
    if (t == count) return texts;
  }
}

TEST_F(CtcDecode, BeamFindsTheMostProbableText) {
  std::mt19937 random(23);
  std::uniform_real_distribution<float> part(0, 1);
  const std::string path = dictionary("a\nb\nc\n");
  int unlike_greedy = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<float> values(static_cast<size_t>(1 + round % 6) * 4);
    for (size_t i = 0; i < values.size(); i += 4) {
      float sum = 0;
      for (size_t c = 0; c < 4; ++c) {
        const float p = part(random);
        values[i + c] = p * p * (c == 0 ? 1.5f : 1);
        if (round % 5 == 0 && c == 2) values[i + c] = 0;
        sum += values[i + c];
      }
      for (size_t c = 0; c < 4; ++c) values[i + c] /= sum;
    }
    const auto texts = every_text(values, 4);
    const auto expected = std::ranges::max_element(
        texts, [](const auto& a, const auto& b) { return a.second.all < b.second.all; });
    OpFixture greedy("text.ctc_decode");
    greedy.param("dictionary", path).input("probabilities", matrix(values, 4));
    ASSERT_TRUE(greedy.run().ok());
    unlike_greedy += greedy["text"].string() != expected->first;
    EXPECT_NEAR(score(greedy), texts.at(std::string(greedy["text"].string())).mean, 1e-6);
    OpFixture op("text.ctc_decode");
    op.param("dictionary", path).param("beam", int64_t{100});
    op.input("probabilities", matrix(values, 4));
    ASSERT_TRUE(op.run().ok());
    EXPECT_EQ(op["text"].string(), expected->first);
    EXPECT_NEAR(score(op), expected->second.mean, 1e-6);
  }
  EXPECT_GT(unlike_greedy, 10);
}

TEST_F(CtcDecode, NarrowBeamOfALongText) {
  // Far below what a double can hold, were it not scaled.
  std::vector<std::pair<int64_t, float>> best;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    best.push_back({i % 2 == 0 ? 0 : 1 + i / 2 % 3, 0.3f});
    if (i % 2 == 1) expected += static_cast<char>('a' + i / 2 % 3);
  }
  OpFixture op("text.ctc_decode");
  op.param("dictionary", dictionary("a\nb\nc\n")).param("beam", int64_t{2});
  Tensor peaked = steps(best, 4);
  for (float& p : peaked.mutable_values<float>()) p = p > 0.25f ? 0.9f : 0.1f / 3;
  op.input("probabilities", peaked);
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["text"].string(), expected);
  EXPECT_NEAR(score(op), 0.9, 1e-5);
  // Nothing is probable at all.
  op.input("probabilities", matrix(std::vector<float>(40), 4));
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["text"].string(), "");
  op.input("probabilities", peaked).abandon_after(1);
  EXPECT_EQ(op.run().code(), Code::kCancelled);
}

TEST_F(CtcDecode, Refusals) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::string path = dictionary("a\nb\n");
  struct Case {
    std::vector<std::pair<std::string, ParamValue>> params;
    std::vector<float> values;
    std::string message;
  };
  const Case cases[] = {
      {{}, {0, 1}, "2 classes; 2 lines in " + path + " and the blank are 3"},
      {{}, {0, 1, 0, 0}, "are 3; set space if the last class is one"},
      {{{"space", true}}, {0, 1, 0}, "a space and the blank are 4"},
      {{{"blank", int64_t{3}}}, {0, 1, 0}, "blank: there are 3 classes; -3 to 2 are allowed"},
      {{}, {0, 7, 3}, "7 at step 0 is no probability; set logits"},
      {{}, {kNan, kNan, kNan}, "nan at step 0 is no probability"},
      {{{"logits", true}}, {kNan, 1, 2}, "nan at step 0 is no probability"},
      {{{"dictionary", path + ".gone"}}, {0, 1, 0}, "gone cannot be read"},
  };
  for (const Case& c : cases) {
    OpFixture op("text.ctc_decode");
    op.param("dictionary", path);
    for (const auto& [name, value] : c.params) op.param(name, value);
    op.input("probabilities", matrix(c.values, static_cast<int64_t>(c.values.size())));
    EXPECT_THAT(op.run().message(), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace leat
