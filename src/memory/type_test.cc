#include "leat/type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leat {
namespace {

using ::testing::HasSubstr;

TEST(Type, ReadsAndWrites) {
  struct Case {
    std::string text, canonical;
  };
  const Case cases[] = {
      {"FP32", "FP32"},
      {"FP32[]", "FP32"},
      {" FP32 [ 3 , 224,224 ] ", "FP32[3,224,224]"},
      {"FP32[n,4]", "FP32[n,4]"},
      {"UINT8[?,-1,3]", "UINT8[?,?,3]"},
      {"FP32|FP16[...]", "FP16|FP32[...]"},
      {"FP32[n,...]", "FP32[n,...]"},
      {"BYTES", "BYTES"},
      {"ANY[...]", "ANY[...]"},
      {"NUMBER[?]", "NUMBER[?]"},
      {"NUMBER|BYTES", "ANY"},
      {"IMAGE", "IMAGE"},
      {"INT64[0]", "INT64[0]"},
      {"BOOL[1,1,1,1,1,1,1,1]", "BOOL[1,1,1,1,1,1,1,1]"},
  };
  for (const Case& c : cases) {
    auto type = Type::parse(c.text);
    ASSERT_TRUE(type.ok()) << c.text << ": " << type.status().message();
    EXPECT_EQ(type->text(), c.canonical);
    auto again = Type::parse(type->text());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(*again, *type);
  }
}

TEST(Type, RefusesWhatIsNone) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "is no data type; allowed: BOOL"},
      {"FP3", "\"FP3\" is no data type"},
      {"fp32", "\"fp32\" is no data type"},
      {"FP32[3", "no closing ]"},
      {"FP32]", "is no data type"},
      {"FP32[3,]", "\"\" is no dimension"},
      {"FP32[,]", "\"\" is no dimension"},
      {"FP32[-2]", "\"-2\" is no dimension"},
      {"FP32[3x]", "\"3x\" is no dimension"},
      {"FP32[3]]", "\"3]\" is no dimension"},
      {"FP32[99999999999999999999]", "is no dimension"},
      {"FP32[...,3]", "must come last"},
      {"FP32[...,...]", "must come last"},
      {"FP32[1,1,1,1,1,1,1,1,1]", "more than 8"},
      {"FP32||FP16", "\"\" is no data type"},
      {"IMAGE[3]", "\"IMAGE\" is no data type"},
  };
  for (const auto& [text, message] : cases) {
    auto type = Type::parse(text);
    ASSERT_FALSE(type.ok()) << text;
    EXPECT_EQ(type.status().code(), Code::kBadInput);
    EXPECT_THAT(type.status().message(), HasSubstr(message)) << text;
  }
}

TEST(Type, WhatIsKnown) {
  EXPECT_EQ(Type::of("FP32[3]").dtype(), DType::kFp32);
  EXPECT_FALSE(Type::of("FP32|FP16[3]").dtype());
  EXPECT_TRUE(Type::of("FP32[3]").fixed());
  EXPECT_TRUE(Type::of("BYTES").fixed());
  for (const char* text : {"FP32[n]", "FP32[...]", "FP32|FP16[3]", "ANY"}) {
    EXPECT_FALSE(Type::of(text).fixed()) << text;
  }
  EXPECT_EQ(Type::of("FP32[3,n,?]").shape(), (Shape{3, -1, -1}));
  EXPECT_EQ(Type::exactly(DType::kInt8, Shape{2, -1}).text(), "INT8[2,?]");
  EXPECT_EQ(Type::anything().text(), "ANY[...]");
}

TEST(Type, FitsOrNot) {
  struct Case {
    const char* wanted;
    const char* given;
    bool fits;
  };
  const Case cases[] = {
      {"FP32[3]", "FP32[3]", true},
      {"FP32[3]", "FP32[4]", false},
      {"FP32[3]", "FP32[n]", true},
      {"FP32[n]", "FP32[4]", true},
      {"FP32[n,n]", "FP32[3,4]", true},  // names are unified elsewhere
      {"FP32[3]", "FP16[3]", false},
      {"FP32|FP16[3]", "FP16[3]", true},
      {"FP32|FP16[3]", "FP16|INT8[3]", true},
      {"NUMBER[?]", "BYTES[?]", false},
      {"ANY[...]", "BYTES", true},
      {"FP32[?]", "FP32", false},
      {"FP32", "FP32[?]", false},
      {"FP32[...]", "FP32", true},
      {"FP32[n,...]", "FP32", false},
      {"FP32[n,...]", "FP32[5,6]", true},
      {"FP32[n,...]", "FP32[...]", true},
      {"FP32[3]", "FP32[...]", true},
      {"FP32[3]", "FP32[?,?,...]", false},
      {"FP32[3,...]", "FP32[4,...]", false},
      {"IMAGE", "UINT8[480,640,3]", true},
      {"IMAGE", "UINT8[480,640,4]", false},
      {"UINT8[?,?,3]", "IMAGE", true},
  };
  for (const Case& c : cases) {
    std::string mismatch = Type::of(c.wanted).mismatch(Type::of(c.given));
    EXPECT_EQ(mismatch.empty(), c.fits) << c.wanted << " <- " << c.given << ": " << mismatch;
    if (!c.fits) {
      EXPECT_THAT(mismatch, HasSubstr(c.wanted));
    }
    // A tensor at hand is a type without anything open, and the verdict is the same.
    Type given = Type::of(c.given);
    if (!given.fixed()) continue;
    EXPECT_EQ(Type::of(c.wanted).mismatch(*given.dtype(), given.shape()).empty(), c.fits)
        << c.wanted << " <- " << c.given;
  }
}

}  // namespace
}  // namespace leat
