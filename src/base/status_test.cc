#include "leat/status.h"

#include <gtest/gtest.h>

#include <set>

namespace leat {
namespace {

Status refuse() { return Status(Code::kTooLarge, "too large"); }
Result<int> half(int value) {
  if (value % 2 != 0) return Status(Code::kBadInput, "odd");
  return value / 2;
}
Result<int> quarter(int value) {
  LEAT_ASSIGN(int once, half(value));
  LEAT_ASSIGN(int twice, half(once));
  return twice;
}
Status first_of(bool fails, bool& reached) {
  if (fails) LEAT_TRY(refuse());
  LEAT_TRY(Status());
  reached = true;
  return {};
}

TEST(Status, FineIsSmallAndSilent) {
  Status fine;
  EXPECT_TRUE(fine.ok());
  EXPECT_EQ(fine.code(), Code::kOk);
  EXPECT_EQ(fine.message(), "");
  EXPECT_TRUE(fine.within("x").ok());
  EXPECT_EQ(sizeof(Status), sizeof(void*));
}

TEST(Status, CopiesAreApart) {
  Status status = refuse();
  Status copy = status;
  status = Status();
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(copy.code(), Code::kTooLarge);
  Status& same = copy;
  copy = same;
  EXPECT_EQ(copy.message(), "too large");
  status = copy.within("photo");
  EXPECT_EQ(status.message(), "photo: too large");
  EXPECT_EQ(status.code(), Code::kTooLarge);
}

TEST(Status, MacrosReturnTheFirstFailure) {
  bool reached = false;
  EXPECT_EQ(first_of(true, reached).code(), Code::kTooLarge);
  EXPECT_FALSE(reached);
  EXPECT_TRUE(first_of(false, reached).ok());
  EXPECT_TRUE(reached);
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).status().message(), "odd");
  EXPECT_TRUE(quarter(12).status().ok());
}

TEST(Status, ResultsTakeWhatConverts) {
  struct Base {
    virtual ~Base() = default;
  };
  struct Derived : Base {};
  Result<std::unique_ptr<Base>> result = std::make_unique<Derived>();
  ASSERT_TRUE(result.ok());
  EXPECT_NE(*result, nullptr);
  EXPECT_NE(dynamic_cast<Derived*>((*std::move(result)).get()), nullptr);
}

TEST(Status, EveryCodeHasItsName) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    std::string_view name = code_name(static_cast<Code>(i));
    EXPECT_FALSE(name.empty()) << i;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(code_name(Code::kBadInput), "bad_input");
  EXPECT_EQ(code_name(Code::kDeadline), "deadline");
}

}  // namespace
}  // namespace leat
