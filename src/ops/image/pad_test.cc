#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/testing/op_fixture.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

struct Padded {
  std::map<std::string, ParamValue> params;
  ImageSize size;
  int left, top;
};

// Of a picture of 7 x 5.
const Padded kPadded[] = {
    {{{"left", int64_t{2}}}, {9, 5}, 2, 0},
    {{{"top", int64_t{1}}, {"right", int64_t{3}}, {"bottom", int64_t{4}}}, {10, 10}, 0, 1},
    {{{"width", int64_t{10}}}, {10, 5}, 0, 0},
    {{{"width", int64_t{10}}, {"height", int64_t{6}}, {"align", "center"}}, {10, 6}, 1, 0},
    {{{"height", int64_t{5}}}, {7, 5}, 0, 0},
    {{{"multiple", int64_t{4}}}, {8, 8}, 0, 0},
    {{{"multiple", int64_t{4}}, {"align", "center"}}, {8, 8}, 0, 1},
    {{{"multiple", int64_t{1}}}, {7, 5}, 0, 0},
};

TEST(Pad, PutsABorderAround) {
  const auto pixels = pattern(7, 5);
  for (const Padded& c : kPadded) {
    SCOPED_TRACE(testing::PrintToString(c.size.width));
    OpFixture op("image.pad");
    for (const auto& [name, value] : c.params) op.param(name, value);
    op.param("fill", std::vector<double>{9, 8, 7}).input("image", image(pixels, 7, 5));
    const Status status = op.run();
    ASSERT_TRUE(status.ok()) << status.message();
    const Tensor& out = op["image"];
    ASSERT_EQ(out.shape(), Shape({c.size.height, c.size.width, 3}));
    EXPECT_EQ(out.full_size().width, c.size.width);
    EXPECT_EQ(out.full_size().height, c.size.height);
    for (int y = 0; y < c.size.height; ++y) {
      for (int x = 0; x < c.size.width; ++x) {
        const int from_x = x - c.left, from_y = y - c.top;
        const bool inside = from_x >= 0 && from_x < 7 && from_y >= 0 && from_y < 5;
        for (int channel = 0; channel < 3; ++channel) {
          ASSERT_EQ(
              out.values<uint8_t>()[static_cast<size_t>((y * c.size.width + x) * 3 + channel)],
              inside ? pixels[static_cast<size_t>((from_y * 7 + from_x) * 3 + channel)]
                     : 9 - channel);
        }
      }
    }
  }
}

TEST(Pad, CountsTheBorderInTheOriginalToo) {
  Tensor half = image(pattern(20, 10), 20, 10);
  half.set_full_size({39, 20});
  OpFixture op("image.pad");
  ASSERT_TRUE(op.param("width", int64_t{24}).input("image", half).run().ok());
  EXPECT_EQ(op["image"].full_size().width, 47);
  EXPECT_EQ(op["image"].full_size().height, 20);
}

TEST(Pad, RefusesWhatDoesNotFit) {
  const std::pair<std::map<std::string, ParamValue>, const char*> kBad[] = {
      {{}, "none is set of"},
      {{{"left", int64_t{1}}, {"width", int64_t{9}}}, "more than one is set"},
      {{{"height", int64_t{9}}, {"multiple", int64_t{2}}}, "more than one is set"},
      {{{"left", int64_t{1}}, {"align", "center"}}, "align: center goes with"},
      {{{"width", int64_t{6}}}, "the picture's width is 7 pixels, and 6 is asked for"},
      {{{"height", int64_t{4}}}, "the picture's height is 5 pixels, and 4 is asked for"},
      {{{"left", int64_t{32768}}}, "would be 32775 x 5 pixels (width x height)"},
      {{{"multiple", int64_t{20000}}}, "each way, and 16777216 in all"},
  };
  for (const auto& [params, why] : kBad) {
    OpFixture op("image.pad");
    for (const auto& [name, value] : params) op.param(name, value);
    const Status status = op.input("image", image(pattern(7, 5), 7, 5)).run();
    EXPECT_EQ(status.code(), Code::kBadInput);
    EXPECT_THAT(status.message(), testing::HasSubstr(why));
  }
}

}  // namespace
}  // namespace leat
