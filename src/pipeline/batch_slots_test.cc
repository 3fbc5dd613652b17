#include "pipeline/batch_slots.h"

#include <gtest/gtest.h>

namespace leat {
namespace {

constexpr int64_t kMost = 3;
const Shape kItem{5};

TEST(BatchSlots, LieSideBySideAndApart) {
  BatchSlots slots(kMost, Arena::heap());
  std::vector<Tensor> held;
  for (int64_t i = 0; i < 4 * kMost; ++i) held.push_back(*slots.reserve(DType::kFp32, kItem));
  size_t side_by_side = 0;
  for (size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(held[i].shape(), kItem);
    for (size_t j = 0; j < i; ++j) EXPECT_NE(held[i].data(), held[j].data());
    side_by_side += i > 0 && held[i].data() == held[i - 1].data() + held[i].byte_size();
  }
  EXPECT_GE(side_by_side, held.size() - 2);  // two rows of two batches
}

TEST(BatchSlots, AnItemOfAnotherShapeBeginsARow) {
  BatchSlots slots(kMost, Arena::heap());
  Tensor first = *slots.reserve(DType::kFp32, kItem);
  Tensor second = *slots.reserve(DType::kFp32, Shape{6});
  EXPECT_EQ(second.shape(), Shape{6});
  EXPECT_NE(first.block(), second.block());
}

TEST(BatchSlots, ARowThatNobodyHoldsIsUsedAgain) {
  BatchSlots slots(kMost, Arena::heap());
  const std::byte* warm = slots.reserve(DType::kFp32, kItem)->data();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(slots.reserve(DType::kFp32, kItem)->data(), warm);
  Tensor held = *slots.reserve(DType::kFp32, kItem);
  EXPECT_EQ(held.data(), warm);
  EXPECT_NE(slots.reserve(DType::kFp32, kItem)->data(), warm);
}

TEST(BatchSlots, ABatchHasRoomInOneRow) {
  BatchSlots slots(kMost, Arena::heap());
  std::vector<Tensor> held;
  for (int64_t i = 0; i < kMost + 1; ++i) held.push_back(*slots.reserve(DType::kFp32, kItem));
  slots.batch_began();
  for (int64_t i = 0; i < kMost; ++i) held.push_back(*slots.reserve(DType::kFp32, kItem));
  EXPECT_NE(held[kMost].block(), held[kMost + 1].block());
  EXPECT_EQ(held[kMost + 1].block(), held.back().block());
}

}  // namespace
}  // namespace leat
