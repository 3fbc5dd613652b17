#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace leat {
namespace {

using ::testing::ElementsAreArray;

TEST(Text, Cat) {
  EXPECT_EQ(cat(), "");
  EXPECT_EQ(cat("a", std::string("b"), std::string_view("c"), 'd', true, false), "abcdtruefalse");
  EXPECT_EQ(cat(-1, " ", uint8_t{200}, " ", int8_t{-3}, " ", size_t{7}), "-1 200 -3 7");
  EXPECT_EQ(cat(std::numeric_limits<int64_t>::min(), " ", std::numeric_limits<uint64_t>::max()),
            "-9223372036854775808 18446744073709551615");
  EXPECT_EQ(cat(0.1f, " ", 0.1, " ", 1e300, " ", -0.0), "0.1 0.1 1e+300 -0");
  EXPECT_EQ(cat(std::numeric_limits<double>::infinity(), " ", std::nan("")), "inf nan");
  EXPECT_EQ(cat(-std::numeric_limits<double>::denorm_min()), "-5e-324");
  EXPECT_EQ(cat(-1.7976931348623157e308), "-1.7976931348623157e+308");
}

TEST(Text, JoinOr) {
  const std::vector<std::string> names = {"a", "b", "c"};
  const char* expected[] = {"", "a", "a or b", "a, b or c"};
  for (size_t n = 0; n <= 3; ++n) {
    EXPECT_EQ(join_or(std::span(names).first(n)), expected[n]);
  }
}

TEST(Text, Nearest) {
  const std::vector<std::string> names = {"image.decode", "image.crop", "detect.yolox", "score",
                                          std::string(100, 'x')};
  const std::pair<std::string, std::string> cases[] = {
      {"image.decode", "image.decode"}, {"image.decod", "image.decode"},
      {"imagedecode", "image.decode"},  {"image.corp", "image.crop"},
      {"detect.yolo", "detect.yolox"},  {"scroe", "score"},
      {"quite something else", ""},     {"", ""},
      {std::string(100, 'x'), ""},  // no typing mistake
      {std::string(1 << 20, 'y'), ""},
  };
  for (const auto& [name, expected] : cases) EXPECT_EQ(nearest(name, names), expected) << name;
}

TEST(Text, Split) {
  struct Case {
    std::string_view text;
    std::vector<std::string_view> parts;
  };
  const Case cases[] = {
      {"", {""}}, {"a", {"a"}}, {"a,b", {"a", "b"}}, {",", {"", ""}}, {"a,,b,", {"a", "", "b", ""}},
  };
  for (const Case& c : cases) EXPECT_THAT(split(c.text, ','), ElementsAreArray(c.parts)) << c.text;
}

TEST(Text, Trim) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""}, {" \t\r\n", ""}, {"a", "a"}, {" a b\r\n", "a b"}, {"\ta", "a"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(trim(text), expected);
}

}  // namespace
}  // namespace leat
