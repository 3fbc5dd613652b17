#include "leat/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

TEST(DType, NamesAreTheProtocols) {
  const std::pair<const char*, size_t> types[] = {
      {"BOOL", 1}, {"UINT8", 1}, {"UINT16", 2}, {"UINT32", 4}, {"UINT64", 8},
      {"INT8", 1}, {"INT16", 2}, {"INT32", 4},  {"INT64", 8},  {"FP16", 2},
      {"BF16", 2}, {"FP32", 4},  {"FP64", 8},   {"BYTES", 16},
  };
  int value = 0;
  for (const auto& [name, size] : types) {
    auto type = parse_dtype(name);
    ASSERT_TRUE(type.ok()) << name;
    EXPECT_EQ(static_cast<int>(*type), value++) << "values cross process boundaries";
    EXPECT_EQ(dtype_name(*type), name);
    EXPECT_EQ(dtype_size(*type), size);
  }
  EXPECT_EQ(value, kDTypes);
  EXPECT_THAT(parse_dtype("FLOAT").status().message(), HasSubstr("FP64 or BYTES"));
}

TEST(Shape, Arithmetic) {
  Shape shape{2, 3, 4};
  EXPECT_EQ(shape.elements(), 24);
  EXPECT_EQ(shape.without(1), (Shape{2, 4}));
  EXPECT_EQ(shape.with(0, 9), (Shape{9, 2, 3, 4}));
  EXPECT_EQ(shape.with(3, 9), (Shape{2, 3, 4, 9}));
  EXPECT_EQ(shape.text(), "[2,3,4]");
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ(Shape{}.text(), "[]");
  EXPECT_EQ((Shape{5, 0}).elements(), 0);
  EXPECT_FALSE((Shape{2, -1}).known());
  EXPECT_FALSE((Shape{2, 3}) == (Shape{2, 3, 1}));
}

TEST(Shape, BytesNeverOverflow) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  const Shape huge[] = {{kHuge},
                        {kHuge, kHuge},
                        {int64_t{1} << 31, int64_t{1} << 31},
                        {1 << 20, 1 << 20, 1 << 20, 1 << 20}};
  for (const Shape& shape : huge) {
    EXPECT_EQ(shape.bytes(DType::kFp32).status().code(), Code::kTooLarge) << shape.text();
    EXPECT_FALSE(Tensor::allocate(DType::kFp32, shape).ok()) << shape.text();
  }
  EXPECT_EQ((Shape{-1}).bytes(DType::kInt8).status().code(), Code::kBadInput);
  EXPECT_EQ(*(Shape{3, 5}).bytes(DType::kFp16), 30u);
  EXPECT_EQ(*(Shape{0, kHuge}).bytes(DType::kFp64), 0u);
}

TEST(Tensor, CountsItsBlock) {
  Tensor a = *Tensor::of(std::span<const float>(std::vector<float>{1, 2, 3}), Shape{3});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % 64, 0u);
  const auto refs = [&] { return a.block()->refs.load(); };
  EXPECT_EQ(refs(), 1u);
  Tensor b = a;
  EXPECT_EQ(refs(), 2u);
  EXPECT_EQ(b.data(), a.data());
  Tensor c = std::move(b);
  EXPECT_EQ(refs(), 2u);
  EXPECT_FALSE(b);  // NOLINT: what a move leaves is absent
  Tensor& same = c;
  c = same;
  EXPECT_EQ(refs(), 2u);
  c = a.row(1);
  EXPECT_EQ(refs(), 2u);
  EXPECT_EQ(c.values<float>()[0], 2);
  c = Tensor();
  EXPECT_EQ(refs(), 1u);
  b = c;
  EXPECT_FALSE(b);
}

TEST(Tensor, RowsAreViews) {
  std::vector<int32_t> numbers(24);
  std::iota(numbers.begin(), numbers.end(), 0);
  Tensor t = *Tensor::of(std::span<const int32_t>(numbers), Shape{4, 3, 2});
  Tensor row = t.row(2);
  EXPECT_EQ(row.shape(), (Shape{3, 2}));
  EXPECT_THAT(row.values<int32_t>(), ElementsAre(12, 13, 14, 15, 16, 17));
  EXPECT_THAT(row.row(1).values<int32_t>(), ElementsAre(14, 15));
  EXPECT_EQ(row.row(1).row(1).shape(), Shape{});
  EXPECT_THAT(row.row(1).row(1).values<int32_t>(), ElementsAre(15));
  EXPECT_THAT(t.rows(1, 2).row(0).values<int32_t>(), ElementsAre(6, 7, 8, 9, 10, 11));
  EXPECT_EQ(t.rows(4, 4).shape(), (Shape{0, 3, 2}));
  EXPECT_EQ(t.rows(4, 4).byte_size(), 0u);
  EXPECT_EQ(t.reshaped({6, 4}).row(5).values<int32_t>()[3], 23);
  BufferId whole = t.where(), part = row.where();
  EXPECT_EQ(part.arena, whole.arena);
  EXPECT_EQ(part.offset - whole.offset, 12 * sizeof(int32_t));
  EXPECT_EQ(part.length, 6 * sizeof(int32_t));
}

TEST(Tensor, EmptyOnes) {
  Tensor t = *Tensor::allocate(DType::kFp32, {0, 4});
  EXPECT_TRUE(t);
  EXPECT_EQ(t.byte_size(), 0u);
  EXPECT_EQ(t.rows(0, 0).shape(), (Shape{0, 4}));
  EXPECT_EQ(t.reshaped({4, 0}).shape(), (Shape{4, 0}));
}

TEST(Tensor, Strings) {
  const std::string_view texts[] = {"a", "", std::string_view("b\0c", 3), "longer than the others",
                                    {},  "z"};
  Tensor t = *Tensor::strings(texts, Shape{2, 3});
  EXPECT_EQ(t.dtype(), DType::kBytes);
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(t.string(i), texts[i]);
  // However it is cut up, a row holds its own strings.
  EXPECT_EQ(t.row(1).shape(), Shape{3});
  EXPECT_EQ(t.row(1).string(0), texts[3]);
  EXPECT_EQ(t.row(1).row(2).shape(), Shape{});
  EXPECT_EQ(t.row(1).row(2).string(), "z");
  EXPECT_EQ(t.rows(1, 2).string(2), "z");
  EXPECT_EQ(t.rows(1, 2).row(0).row(0).string(), texts[3]);
  EXPECT_EQ(t.row(0).row(1).byte_size(), 0u);
  EXPECT_EQ(t.reshaped({6}).row(2).string(), texts[2]);
  EXPECT_EQ(Tensor::strings({})->shape(), Shape{0});
}

TEST(Tensor, OneStringInManyShapes) {
  for (std::string_view text :
       {std::string_view("text"), std::string_view(), std::string_view("")}) {
    Tensor scalar = *Tensor::bytes(text);
    EXPECT_EQ(scalar.byte_size(), text.size());
    Tensor one = scalar.reshaped({1});
    EXPECT_EQ(one.string(0), text);
    EXPECT_EQ(one.row(0).string(), text);
    EXPECT_EQ(one.reshaped({1, 1}).string(0), text);
    EXPECT_EQ(one.reshaped({1, 1}).reshaped({}).string(), text);
    const std::string_view single[] = {text};
    EXPECT_EQ(Tensor::strings(single, Shape{})->string(), text);
  }
}

TEST(Tensor, BorrowedMemoryIsGivenBackOnce) {
  struct Lender {
    std::vector<float> values = {1, 2, 3, 4};
    int returned = 0;
  } lender;
  Tensor row;
  {
    Tensor t = Tensor::borrow(
        DType::kFp32, {2, 2}, lender.values.data(),
        [](void* context) { ++static_cast<Lender*>(context)->returned; }, &lender);
    EXPECT_EQ(static_cast<const void*>(t.data()), lender.values.data());
    Tensor copy = t;
    row = t.row(1);
    EXPECT_EQ(row.where().arena, 0u) << "in no arena";
  }
  EXPECT_EQ(lender.returned, 0);
  EXPECT_THAT(row.values<float>(), ElementsAre(3, 4));
  row.reset();
  EXPECT_EQ(lender.returned, 1);
}

TEST(Tensor, BorrowedStrings) {
  struct {
    ByteSpan table[2];
    char text[5];
  } memory = {{{sizeof(ByteSpan) * 2, 3}, {sizeof(ByteSpan) * 2 + 3, 2}},
              {'a', 'b', 'c', 'd', 'e'}};
  Tensor t = Tensor::borrow(DType::kBytes, Shape{2}, &memory, nullptr, nullptr);
  EXPECT_EQ(t.string(0), "abc");
  EXPECT_EQ(t.row(1).string(), "de");
  EXPECT_EQ(t.rows(1, 2).string(0), "de");
}

TEST(Tensor, FullSizeOfAReducedPicture) {
  Tensor image = *Tensor::allocate(DType::kUint8, {10, 20, 3});
  EXPECT_EQ(image.full_size().width, 20);
  EXPECT_EQ(image.full_size().height, 10);
  image.set_full_size({40, 21});
  Tensor copy = image;
  EXPECT_EQ(copy.full_size().width, 40);
  EXPECT_EQ(copy.full_size().height, 21);
}

}  // namespace
}  // namespace leat
