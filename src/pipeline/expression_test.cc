#include "pipeline/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace leat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The values that expressions here may name.
const std::map<std::string, Value>& values() {
  static const std::map<std::string, Value> made = [] {
    const float numbers[] = {1, 5, 3, -2, 0.5F, 4};
    const int64_t wholes[] = {7, 2};
    const bool flags[] = {true, false};
    const std::string_view texts[] = {"cat", "dog"};
    const uint16_t halves[] = {0x3c00, 0xc000};  // 1, -2
    Tensor half = *Tensor::allocate(DType::kFp16, Shape{2});
    std::copy(halves, halves + 2, half.mutable_values<uint16_t>().begin());
    std::vector<Value> rows = {*Tensor::of<int64_t>(wholes, Shape{2}),
                               *Tensor::of<int64_t>(std::span(wholes, 1), Shape{1})};
    return std::map<std::string, Value>{
        {"m.x", *Tensor::of<float>(numbers, Shape{2, 3})},
        {"w", *Tensor::of<int64_t>(wholes, Shape{2})},
        {"none", *Tensor::of<float>({}, Shape{0, 4})},
        {"f.flags", *Tensor::of<bool>(flags, Shape{2})},
        {"yes", *Tensor::scalar(true)},
        {"five", *Tensor::scalar<int64_t>(5)},
        {"half", half},
        {"text", *Tensor::bytes("hello")},
        {"t.texts", *Tensor::strings(texts)},
        {"r[\"scale_0.tmp_1\"]", *Tensor::scalar(2.5)},
        {"rows(m.x)", *Tensor::of<int64_t>(wholes, Shape{2})},
        {"list", *Value::list(rows)},
        {"gone", Value()},
    };
  }();
  return made;
}

Result<bool> result_of(const std::string& text) {
  auto expression = Expression::parse(text);
  if (!expression.ok()) return expression.status();
  std::vector<const Value*> used;
  for (const std::string& name : expression->references()) used.push_back(&values().at(name));
  return expression->test(used);
}

TEST(Expression, Truth) {
  // Worked out by hand.
  const std::pair<const char*, bool> cases[] = {
      {"true", true},
      {"false", false},
      {"not true", false},
      {"not not yes", true},
      {"true and false", false},
      {"true or false", true},
      {"false or true and false", false},
      {"(false or true) and true", true},
      {"not false and true", true},
      {"1 == 1", true},
      {"1 == 1.0", true},
      {"1 != 2", true},
      {"2 < 1", false},
      {"1 <= 1", true},
      {"3 > 2.5", true},
      {"2 >= 3", false},
      {"true == true", true},
      {"true != false", true},
      {"1 + 2 * 3 == 7", true},
      {"(1 + 2) * 3 == 9", true},
      {"7 / 2 == 3.5", true},
      {"7 % 3 == 1", true},
      {"-7 % 3 == 2", true},
      {"7 % -3 == -2", true},
      {"7.5 % 2 == 1.5", true},
      {"10 - 3 - 2 == 5", true},
      {"-2 * -3 == 6", true},
      {"- - 2 == 2", true},
      {"9007199254740993 == 9007199254740992", false},
      {"9223372036854775807 + 1 == 9223372036854775808.0", true},
      {"1e3 == 1000", true},
      {".5 == 0.5", true},
      {"'a' < 'b'", true},
      {"\"it's\" == 'its'", false},
      {"text == 'hello'", true},
      {"size(text) == 5", true},
      {"size(m.x) == 2", true},
      {"size(m.x[0]) == 3", true},
      {"size(none) == 0", true},
      {"size(list) == 2", true},
      {"size(list[1]) == 1", true},
      {"max(m.x) == 5", true},
      {"min(m.x) == -2", true},
      {"max(m.x[1]) == 4", true},
      {"max(list) == 7", true},
      {"min(w) == 2", true},
      {"min(half) == -2", true},
      {"any(f.flags)", true},
      {"all(f.flags)", false},
      {"any(none)", false},
      {"all(none)", true},
      {"any(m.x)", true},
      {"all(w)", true},
      {"f.flags[0]", true},
      {"f.flags[1]", false},
      {"m.x[1][0] == -2", true},
      {"w[five - 4] == 2", true},
      {"t.texts[1] == 'dog'", true},
      {"present(w)", true},
      {"present(gone)", false},
      {"not present(gone) or size(w) > 100", true},
      {"r[\"scale_0.tmp_1\"] == 2.5", true},
      {"rows(m.x)[0] == 7", true},
      {"five == 5", true},
      {"five > 4 and five < 6", true},
  };
  for (auto [text, expected] : cases) {
    auto result = result_of(text);
    ASSERT_TRUE(result.ok()) << text << ": " << result.status().message();
    EXPECT_EQ(*result, expected) << text;
  }
}

TEST(Expression, NoTruth) {
  const std::pair<const char*, const char*> cases[] = {
      {"1", "must be true or false"},
      {"text == 5", "a text cannot be compared with the number 5"},
      {"m.x == 1", "size, min, max, any, all or [i]"},
      {"max(none) > 1", "max of nothing"},
      {"w[2] == 1", "[2] of a value of size 2"},
      {"w[-1] == 1", "[-1] of a value of size 2"},
      {"w[0.5] == 1", "whole number"},
      {"1 / 0 == 1", "division by zero"},
      {"1 % 0 == 1", "division by zero"},
      {"not 1", "neither true nor false"},
      {"size(five) == 1", "has no size"},
      {"five[0] == 1", "has no [i]"},
      {"max(t.texts) == 1", "not of texts"},
      {"min(f.flags) == 1", "not of bools"},
      {"any(t.texts)", "not of texts"},
      {"true < false", "cannot be compared"},
      {"'a' + 'b' == 'ab'", "numbers can be calculated with"},
      {"gone == 1", "absent"},
  };
  for (auto [text, why] : cases) {
    auto result = result_of(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.status().code(), Code::kBadInput);
    EXPECT_THAT(result.status().message(), HasSubstr(why)) << text;
  }
}

TEST(Expression, Mistakes) {
  const std::string long_number(5000, '1');
  const std::string deep = std::string(100, '(') + "1";
  const std::string minuses = std::string(100, '-') + "1";
  const std::pair<std::string_view, const char*> cases[] = {
      {"", "character 1: the end found"},
      {"1 +", "character 4: the end found"},
      {"(1 == 1", "character 8"},
      {"1 = 1", "== compares"},
      {"1 < 2 < 3", "joined with `and`"},
      {"size(w", "character 7"},
      {"1 == 1 1", "character 8: 1 found"},
      {"'abc", "closing quote"},
      {"a $ b", "character 3"},
      {"x[", "character 3"},
      {"1x == 1", "a number is wanted"},
      {"and", "a value is wanted"},
      {"present(1)", "a value is wanted"},
      {long_number, "at most 4096"},
      {deep, "nested too deep"},
      {minuses, "nested too deep"},
  };
  for (const auto& [text, why] : cases) {
    auto expression = Expression::parse(text);
    ASSERT_FALSE(expression.ok()) << text;
    EXPECT_THAT(expression.status().message(), HasSubstr(why)) << text;
  }
}

TEST(Expression, References) {
  auto expression =
      Expression::parse("present(a.b) and size(c) > size(a.d) or c[0] == rows( x.y )[1]");
  ASSERT_TRUE(expression.ok());
  EXPECT_THAT(expression->references(), ElementsAre("a.b", "c", "a.d", "rows( x.y )"));
  EXPECT_THAT(expression->may_be_absent(), ElementsAre(true, false, false, false));
  auto used_twice = Expression::parse("present(a) and a > 1");
  EXPECT_THAT(used_twice->may_be_absent(), ElementsAre(false));
}

TEST(Expression, CheckedBeforeItRuns) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"x > 1", "FP32", ""},
      {"x > 1", "BYTES", "cannot be compared"},
      {"x > 1", "FP32[3]", "size, min"},
      {"x", "BOOL", ""},
      {"x", "FP32", "must be true or false"},
      {"x", "ANY[...]", ""},
      {"size(x) > 1", "FP32", "has no size"},
      {"size(x) > 1", "BYTES", ""},
      {"max(x) > 1", "BYTES[3]", "not of texts"},
      {"x[0] > 1", "FP32[3]", ""},
      {"x[0] > 1", "FP32[3,3]", "cannot be compared"},
      {"x[0] > 1", "FP32", "has no [i]"},
      {"x + 1 > 2", "BOOL", "numbers can be calculated"},
      {"any(x)", "BOOL[...]", ""},
  };
  for (auto [text, type, why] : cases) {
    Type types[] = {Type::of(type)};
    Status status = Expression::parse(text)->check(types);
    EXPECT_EQ(status.ok(), std::string(why).empty()) << text << " of " << type;
    EXPECT_THAT(status.message(), HasSubstr(why)) << text << " of " << type;
  }
}

TEST(Expression, BothMustHold) {
  for (auto [a, b, expected] :
       {std::tuple("w[0] == 7", "five == 5", true), std::tuple("w[0] == 7", "five == w[0]", false),
        std::tuple("five == 6", "five == 5", false)}) {
    Expression both = Expression::both(*Expression::parse(a), *Expression::parse(b));
    std::vector<const Value*> used;
    for (const std::string& name : both.references()) used.push_back(&values().at(name));
    auto result = both.test(used);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(*result, expected) << a << " and " << b;
  }
}

}  // namespace
}  // namespace leat
