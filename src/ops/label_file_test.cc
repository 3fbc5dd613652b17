#include "ops/label_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace leat {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class LabelFileTest : public ::testing::Test {
 protected:
  ~LabelFileTest() override { std::filesystem::remove(path_); }

  Result<LabelFile> load(std::string_view content) {
    std::ofstream(path_, std::ios::binary) << content;
    return load_path(path_);
  }
  static Result<LabelFile> load_path(const std::string& path) {
    Params params;
    params.set("labels", path);
    return LabelFile::load(params);
  }

  std::string path_ = ::testing::TempDir() + "labels_" + std::to_string(getpid()) + ".txt";
};

TEST_F(LabelFileTest, Lines) {
  struct Case {
    std::string content;
    std::vector<std::string> labels;
  };
  const Case cases[] = {
      {"cat\ndog\n", {"cat", "dog"}},
      {"cat\ndog", {"cat", "dog"}},
      {" cat \r\n\tdog\r\n\r\n\n", {"cat", "dog"}},
      {"\ncat\n\ndog\n", {"", "cat", "", "dog"}},
      {"0,tench, Tinca tinca\n1,goldfish\n", {"tench, Tinca tinca", "goldfish"}},
      {"0 cat\n1\tdog\n", {"cat", "dog"}},
      {"0,cat\ndog\n", {"0,cat", "dog"}},            // not all are numbered
      {"1,cat\n2,dog\n", {"1,cat", "2,dog"}},        // not from 0
      {"0\n1\n2\n", {"0", "1", "2"}},                // digits are names, too
      {"0,a\n1,b\n10,c\n", {"0,a", "1,b", "10,c"}},  // not in order
  };
  for (const Case& c : cases) {
    auto labels = load(c.content);
    ASSERT_TRUE(labels.ok()) << labels.status().message();
    LabelFile moved = *std::move(labels);  // the lines stay valid
    std::vector<std::string> found;
    for (size_t i = 0; i < moved.size(); ++i) found.emplace_back(moved[i]);
    EXPECT_THAT(found, ElementsAreArray(c.labels)) << c.content;
  }
}

TEST_F(LabelFileTest, LinesAsTheyStand) {
  std::ofstream(path_, std::ios::binary) << "0 a\n \n\n\tb\r\n";
  Params params;
  params.set("dictionary", path_);
  auto lines = LabelFile::lines_of(params, "dictionary");
  ASSERT_TRUE(lines.ok()) << lines.status().message();
  std::vector<std::string> found;
  for (size_t i = 0; i < lines->size(); ++i) found.emplace_back((*lines)[i]);
  EXPECT_THAT(found, ElementsAreArray({"0 a", " ", "", "\tb"}));
}

TEST_F(LabelFileTest, Refusals) {
  auto missing = load_path("/no/such/labels.txt");
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr("/no/such/labels.txt cannot be read: No such"));
  EXPECT_EQ(load("\n \n").status().code(), Code::kBadInput);
  EXPECT_EQ(load_path(::testing::TempDir()).status().code(), Code::kNotFound);
  EXPECT_EQ(load(std::string(2 * LabelFile::kMostLines, '\n') + "x").status().code(),
            Code::kTooLarge);
}

TEST_F(LabelFileTest, NumberOfClassesMustAgree) {
  auto labels = load("cat\ndog\n");
  ASSERT_TRUE(labels.ok());
  EXPECT_TRUE(labels->fits(2).ok());
  for (int64_t classes : {1, 3}) {
    EXPECT_THAT(labels->fits(classes).message(),
                HasSubstr("has 2 labels for " + std::to_string(classes) + " classes"));
  }
  EXPECT_TRUE(LabelFile().fits(5).ok());
}

TEST_F(LabelFileTest, Pick) {
  auto labels = load("cat\ndog\n\nowl\n");
  ASSERT_TRUE(labels.ok());
  const int64_t classes[] = {3, 0, 3, 2};
  auto picked = labels->pick(classes);
  ASSERT_TRUE(picked.ok());
  ASSERT_EQ(picked->shape(), Shape{4});
  const std::string_view expected[] = {"owl", "cat", "owl", ""};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(picked->string(i), expected[i]);
  auto none = labels->pick({});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->shape(), Shape{0});
}

}  // namespace
}  // namespace leat
