#include "serve/protocol/base64.h"

#include <gtest/gtest.h>

namespace leat {
namespace {

// The vectors of RFC 4648, section 10, and bytes that use the last two digits.
TEST(Base64, RfcVectors) {
  using namespace std::string_view_literals;
  for (auto [bytes, text] : {std::pair{""sv, ""sv},
                             {"f"sv, "Zg=="sv},
                             {"fo"sv, "Zm8="sv},
                             {"foo"sv, "Zm9v"sv},
                             {"foob"sv, "Zm9vYg=="sv},
                             {"fooba"sv, "Zm9vYmE="sv},
                             {"foobar"sv, "Zm9vYmFy"sv},
                             {"\xFB\xFF\0"sv, "+/8A"sv}}) {
    std::string out = "before ";
    append_base64(out, bytes);
    EXPECT_EQ(out, "before " + std::string(text));
    EXPECT_EQ(base64_decoded(text), bytes);
    EXPECT_EQ(base64_decoded(text.substr(0, text.find('='))), bytes);
  }
}

TEST(Base64, WhatIsNone) {
  for (const char* text : {"A", "AB=C", "Zg===", "Zm9v\n", "Zm9-", "Zh==", "Zm9="}) {
    EXPECT_FALSE(base64_decoded(text)) << text;
  }
}

}  // namespace
}  // namespace leat
