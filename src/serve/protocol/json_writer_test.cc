#include "serve/protocol/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace leat {
namespace {

std::string string_of(std::string_view text) {
  std::string out;
  JsonWriter(out).string(text);
  return out;
}

TEST(JsonWriter, EscapesAndReplaces) {
  using namespace std::string_view_literals;
  const std::string wrong = "\xEF\xBF\xBD";
  EXPECT_EQ(string_of("a\"b\\c\n\r\t\x01/"sv), R"("a\"b\\c\n\r\t\u0001/")");
  EXPECT_EQ(string_of("\0"sv), R"("\u0000")");
  EXPECT_EQ(string_of("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x99\x82"sv),
            "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x99\x82\"");
  EXPECT_EQ(string_of("a\xFF\xC3"sv), "\"a" + wrong + wrong + "\"");
}

// Wherever it stands in texts of several lengths, a byte is escaped or not as it is alone.
TEST(JsonWriter, EscapesAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    auto c = static_cast<char>(byte);
    std::string alone = string_of({&c, 1});
    std::string inner = alone.substr(1, alone.size() - 2);
    EXPECT_EQ(inner.size() == 1, byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\') << byte;
    for (size_t length = 1; length < 20; ++length) {
      for (size_t place = 0; place < length; ++place) {
        std::string text(length, ' ');
        text[place] = c;
        std::string wanted = "\"" + text.substr(0, place) + inner + text.substr(place + 1) + "\"";
        ASSERT_EQ(string_of(text), wanted) << byte << " at " << place << " of " << length;
      }
    }
  }
}

// Of well-formed and ill-formed sequences: Unicode standard, table 3-7 and its examples.
TEST(JsonWriter, KnowsUtf8) {
  using namespace std::string_view_literals;
  struct Row {
    std::string_view text;
    bool valid;
  };
  for (auto [text, valid] : {Row{"plain ascii of more than eight bytes"sv, true},
                             {"\xC2\x80"sv, true},
                             {"\xDF\xBF"sv, true},
                             {"\xE0\xA0\x80"sv, true},
                             {"\xED\x9F\xBF"sv, true},
                             {"\xEE\x80\x80"sv, true},
                             {"\xF0\x90\x80\x80"sv, true},
                             {"\xF4\x8F\xBF\xBF"sv, true},
                             {"\xC1\x80"sv, false},
                             {"\xE0\x9F\x80"sv, false},
                             {"\xED\xA0\x80"sv, false},
                             {"\xF0\x8F\x80\x80"sv, false},
                             {"\xF4\x90\x80\x80"sv, false},
                             {"\xF5\x80\x80\x80"sv, false},
                             {"\x80"sv, false},
                             {"\xC2"sv, false},
                             {"\xE2\x82"sv, false},
                             {"eight...\xF0\x9F\x99"sv, false}}) {
    EXPECT_EQ(valid_utf8(text) == text.size(), valid) << testing::PrintToString(text);
  }
}

TEST(JsonWriter, NumbersReadBackTheSame) {
  for (float value : {0.1f, 1e-45f, 3.4028235e38f, -0.0f, 16777217.0f, 1.0f / 3}) {
    std::string out;
    JsonWriter(out).number(value);
    EXPECT_EQ(std::strtof(out.c_str(), nullptr), value) << out;
  }
  for (double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    std::string out;
    JsonWriter(out).number(bad);
    EXPECT_EQ(out, "null");
  }
  std::string out;
  JsonWriter(out).begin_array().number(INT64_MIN).number(UINT64_MAX).number(uint8_t{7}).end_array();
  EXPECT_EQ(out, "[-9223372036854775808,18446744073709551615,7]");
}

TEST(JsonWriter, PutsCommas) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .member("a", 1)
      .key("b")
      .begin_array()
      .null()
      .boolean(true)
      .begin_object()
      .end_object();
  json.end_array().member("c", "d").key("e").raw("{}").end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[null,true,{}],"c":"d","e":{}})");
}

}  // namespace
}  // namespace leat
