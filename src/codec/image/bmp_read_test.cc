// Headers of BMPs that must do no harm. tests/pillow_test.py has the kinds of pixels.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/image/testing/files.h"

namespace leat::image {
namespace {

using testing::HasSubstr;

File with(File file, size_t at, uint32_t number) {
  std::ranges::copy(little_endian(number), file.begin() + static_cast<ptrdiff_t>(at));
  return file;
}

constexpr size_t kBegin = 10, kWidth = 18, kHeight = 22, kBits = 28, kCompression = 30,
                 kColors = 46;

TEST(Bmp, WhatWasWrittenComesBack) {
  for (auto [width, height] : {std::pair{1, 1}, {3, 2}, {97, 41}, {64, 200}}) {
    const Picture picture = noise(width, height), few = few_colors(picture);
    EXPECT_TRUE(decoded(bmp(picture)) == picture) << width;
    EXPECT_TRUE(decoded(bmp_run_lengths(few)) == few) << width;
  }
}

TEST(Bmp, WhatIsNotReadIsRefusedWithTheReason) {
  const File file = bmp(slopes(20, 10)), palette = bmp_run_lengths(few_colors(slopes(20, 10)));
  struct {
    File file;
    const char* message;
  } const table[] = {
      {with(file, kWidth, 0), "0 x 10 pixels"},
      {with(file, kWidth, 0x80000000), "-2147483648 x 10 pixels"},
      {with(file, kHeight, 0), "20 x 0 pixels"},
      {with(file, kHeight, 0x80000000), "20 x -2147483648 pixels"},
      {with(file, kBits, 7), "7 bits"},
      {with(file, kCompression, 4), "compression 4"},  // a JPEG inside
      {with(file, kCompression, 1), "compression 1 with 24 bits"},
      {with(file, kBegin, 0xffffffff), "truncated"},
      {with(palette, kCompression, 2), "compression 2 with 8 bits"},
      {with(with(palette, kColors, 0xffffffff), kBegin, 0), "truncated"},
  };
  for (const auto& row : table) {
    for (bool recover : {false, true}) {
      Status status = failure(row.file, {.recover = recover});
      EXPECT_EQ(status.code(), Code::kBadMedia) << row.message;
      EXPECT_THAT(status.message(), HasSubstr(row.message));
    }
  }
  File gaps = with(with(file, kBits, 32), kCompression, 3);
  gaps = with(gaps, 54, 0x00ff00ff);
  EXPECT_THAT(failure(gaps).message(), HasSubstr("gaps"));
}

TEST(Bmp, FieldsOfAnyWidth) {
  // Ten bits a colour, and four, eight and twelve of them: the number 0x155 in all.
  struct {
    uint32_t masks[3], pixel;
    uint8_t rgb[3];
  } const table[] = {
      {{0x3ff00000, 0xffc00, 0x3ff}, 0x155u << 20 | 0x155 << 10 | 0x155, {0x55, 0x55, 0x55}},
      {{0xf, 0xff0, 0xfff000}, 0x5u | 0x54 << 4 | 0x540 << 12, {0x55, 0x54, 0x54}},
      {{0xffffffff, 0, 1}, 0x80000001, {0x80, 0, 255}},
  };
  for (const auto& row : table) {
    File file = with(with(bmp(slopes(1, 1)), kBits, 32), kCompression, 3);
    file.resize(54);
    for (uint32_t mask : row.masks) append(file, little_endian(mask));
    append(file, little_endian(row.pixel));
    EXPECT_THAT(decoded(with(file, kBegin, 66)).pixels, testing::ElementsAreArray(row.rgb));
  }
}

TEST(Bmp, RunsNeverLeaveTheirRow) {
  const Picture picture = few_colors(slopes(20, 10));
  File file = bmp_run_lengths(picture);
  file.resize(54 + 1024);
  // Too long a run, levels and a step; then a step beyond the last row.
  append(file, {255, 7, 0, 0, 0, 30});
  file.resize(file.size() + 30, 9);
  append(file, {0, 0, 0, 2, 255, 0, 5, 5, 0, 0, 0, 2, 3, 255, 1, 1});
  const Picture got = decoded(file);
  EXPECT_EQ(got.width, 20);
  EXPECT_EQ(got.at(19, 9)[2], 51);   // colour 7 is 0, 1, 1
  EXPECT_EQ(got.at(19, 8)[2], 153);  // colour 9 is 0, 1, 3
  EXPECT_EQ(got.at(0, 7)[2], 0);
}

}  // namespace
}  // namespace leat::image
