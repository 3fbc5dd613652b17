// GIFs, whole and hostile. tests/pillow_test.py has canvases, palettes and orders of rows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/image/lzw.h"
#include "codec/image/testing/files.h"

namespace leat::image {
namespace {

using testing::HasSubstr;

TEST(Gif, WhatWasWrittenComesBack) {
  for (auto [width, height] : {std::pair{1, 1}, {3, 2}, {97, 41}, {64, 200}, {300, 300}}) {
    for (const Picture& picture : {slopes(width, height), noise(width, height)}) {
      const Picture few = few_colors(picture);
      EXPECT_TRUE(decoded(gif(few)) == few) << width;
      EXPECT_TRUE(decoded(gif(few, true)) == few) << width;
    }
  }
}

// Codes of 12 bits for ever longer strings of one level: as many pixels as bytes can stand for.
TEST(Gif, LongStringsRunOverManyRows) {
  for (int width : {1, 7, 5000}) {
    Picture flat{width, 40000 / width, {}};
    flat.pixels.resize(size_t{3} * width * flat.height, 51);
    File file = gif(flat);
    EXPECT_LT(file.size(), 1300u);
    EXPECT_TRUE(decoded(file) == flat) << width;
  }
}

TEST(Gif, ABombIsRefusedBeforeMemoryIsTaken) {
  File file = gif(few_colors(slopes(16, 16)));
  const size_t frame = 13 + 768 + 1;
  for (size_t side : {frame + 4, frame + 6}) file[side] = file[side + 1] = 9000 >> 8;
  PictureCanvas canvas;
  EXPECT_THAT(decode(file, {}, canvas).status().message(), HasSubstr("bytes cannot hold 8995 x"));
  for (size_t side : {6, 8}) file[side] = file[side + 1] = 0xff;
  EXPECT_EQ(decode(file, {}, canvas).status().code(), Code::kTooLarge);
  EXPECT_EQ(canvas.calls, 0);
}

TEST(Gif, WhatIsNotReadIsRefusedWithTheReason) {
  const File file = gif(few_colors(slopes(16, 16)));
  const size_t frame = 13 + 768 + 1;
  File none(file.begin(), file.begin() + frame - 1);
  none.push_back(';');
  EXPECT_THAT(failure(none).message(), HasSubstr("no picture in it"));
  File flat = file;
  flat[frame + 4] = 0;
  EXPECT_THAT(failure(flat).message(), HasSubstr("0 x 16 pixels"));
  for (uint8_t bits : {0, 9, 12, 255}) {
    File bad = file;
    bad[frame + 9] = bits;
    EXPECT_THAT(failure(bad).message(), HasSubstr("damaged after 0 of 16 rows")) << int{bits};
  }
}

// Levels of 2 bits, codes of 3: clear is 4, end is 5, and the first of the table 6.
bool reads(const File& codes, size_t levels, File& read) {
  File block{0};
  uint32_t bits = 0;
  for (size_t i = 0; i < codes.size(); ++i) bits |= uint32_t{codes[i]} << 3 * i;
  for (size_t i = 0; i < 4; ++i) block.push_back(static_cast<uint8_t>(bits >> 8 * i));
  block[0] = 4;
  block.push_back(0);
  Lzw lzw(block, 2);
  read.assign(levels + Lzw::kSlack, 9);
  const bool all = lzw.decode(read.data(), levels);
  read.resize(levels);
  return all;
}

TEST(Lzw, CodesByHand) {
  File read;
  EXPECT_TRUE(reads({4, 1, 6}, 3, read));  // 6 is made by itself: 1, and its first again
  EXPECT_EQ(read, (File{1, 1, 1}));
  EXPECT_TRUE(reads({3, 0, 6}, 4, read));  // without a clear at the start
  EXPECT_EQ(read, (File{3, 0, 3, 0}));
  EXPECT_TRUE(reads({4, 2, 4, 1, 1, 6}, 5, read));  // what was before the clear is forgotten
  EXPECT_EQ(read, (File{2, 1, 1, 1, 1}));
  EXPECT_FALSE(reads({4, 6}, 2, read));     // nothing before it
  EXPECT_FALSE(reads({4, 1, 7}, 2, read));  // beyond the table
  EXPECT_FALSE(reads({4, 1, 5, 1}, 2, read));
}

}  // namespace
}  // namespace leat::image
