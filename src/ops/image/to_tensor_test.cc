#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "memory/testing/op_fixture.h"
#include "ops/image/placement.h"
#include "ops/image/testing/pictures.h"

namespace leat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Numbers = std::vector<double>;

OpFixture to_tensor(int64_t width, int64_t height) {
  OpFixture op("image.to_tensor");
  op.param("width", width).param("height", height);
  return op;
}

// --- What the tensor becomes, by what it feeds and by the parameters.

struct Settled {
  const char* wanted;  // "": not known
  std::vector<std::pair<const char*, ParamValue>> params;
  const char* becomes;  // a type, or what the error must say
};

const Settled kSettled[] = {
    {"FP32[3,224,192]", {}, "FP32[3,224,192]"},
    {"FP32[224,192,3]", {}, "FP32[224,192,3]"},
    {"FP16[3,224,224]", {}, "FP16[3,224,224]"},
    {"UINT8[320,320,3]", {}, "UINT8[320,320,3]"},
    {"FP32|FP16[3,224,224]", {}, "FP32[3,224,224]"},
    {"FP16|UINT8[3,224,224]", {}, "FP16[3,224,224]"},
    {"FP32[3,3,3]", {}, "FP32[3,3,3]"},
    {"FP32[3,h,w]", {{"width", int64_t{8}}, {"height", int64_t{4}}}, "FP32[3,4,8]"},
    {"FP32[h,w,3]", {{"width", int64_t{8}}, {"height", int64_t{4}}}, "FP32[4,8,3]"},
    {"FP32[?,4,?]", {{"width", int64_t{8}}}, "FP32[3,4,8]"},
    {"FP32[1,28,28]", {{"channels", "GREY"}}, "FP32[1,28,28]"},
    {"FP32[28,28,1]", {{"channels", "GREY"}}, "FP32[28,28,1]"},
    {"", {{"width", int64_t{8}}, {"height", int64_t{4}}}, "FP32[3,4,8]"},
    {"",
     {{"width", int64_t{8}}, {"height", int64_t{4}}, {"layout", "NHWC"}, {"dtype", "UINT8"}},
     "UINT8[4,8,3]"},
    {"FP32[...]", {{"width", int64_t{8}}, {"height", int64_t{4}}}, "FP32[3,4,8]"},

    {"FP32[3,32,?]", {{"fit", "aspect"}}, "FP32[3,32,?]"},
    {"FP32[3,h,w]", {{"fit", "aspect"}, {"max_side", int64_t{960}}}, "FP32[3,?,?]"},
    {"FP32[h,w,3]", {{"fit", "aspect"}, {"width", int64_t{64}}}, "FP32[?,64,3]"},
    {"FP32[3,32,64]", {{"fit", "aspect"}}, "aspect leaves a side to the picture, but width is 64"},
    {"FP32[3,32,64]", {{"max_side", int64_t{9}}}, "max_side goes with fit: aspect only"},
    {"FP32[3,32,64]", {{"multiple", int64_t{9}}}, "multiple goes with fit: aspect only"},
    {"FP32[3,32,?]", {{"fit", "aspect"}, {"min_side", int64_t{9}}}, "min_side is for tensors"},
    {"FP32[3,32,?]",
     {{"fit", "aspect"}, {"max_side", int64_t{9}}, {"multiple", int64_t{10}}},
     "max_side: 9 is less than the multiple of 10"},

    {"", {}, "width and height are not known; set both (nothing that it feeds says them)"},
    {"FP32[3,224,?]", {}, "width is not known; set width (what it feeds takes FP32[3,224,?])"},
    {"FP32[h,224,3]", {}, "height is not known; set height"},
    {"FP32[1000]", {}, "takes FP32[1000], which has 1 dimensions; a picture has 3"},
    {"INT64[3,4,4]", {}, "takes INT64[3,4,4]; a picture can become FP32, FP16 or UINT8"},
    {"FP32[1,28,28]", {}, "1 channels where this makes 3; set channels: GREY"},
    {"FP32[3,28,28]", {{"channels", "GREY"}}, "3 channels where this makes 1; set channels: RGB"},
    {"FP32[4,28,28]", {}, "4 channels where this makes 3; RGB and BGR have 3"},
    {"FP32[224,224,3]", {{"layout", "NCHW"}}, "224 channels where this makes 3"},
    {"FP32[3,4,4]", {{"dtype", "INT8"}}, "INT8 cannot be made from a picture; allowed: FP32, FP16"},
    {"FP32[3,4,4]", {{"mean", Numbers{1, 2}}}, "mean has 2 numbers; allowed: 1, or 3"},
    {"FP32[1,4,4]",
     {{"channels", "GREY"}, {"mean", Numbers{1, 2, 3}}},
     "mean has 3 numbers; allowed: 1"},
    {"FP32[3,4,4]",
     {{"std", Numbers{0}}},
     "parameter std: 0 found, a number or a list of numbers from"},
    {"FP32[3,4,4]", {{"fill", Numbers{114}}}, "fill goes with fit: letterbox only; fit is stretch"},
    {"FP32[3,4,4]", {{"align", "center"}}, "align: center goes with fit: letterbox only"},
    {"FP32[3,4,4]", {{"crop_pct", 0.5}}, "crop_pct: 0.5 goes with fit: cover only; fit is stretch"},
};

TEST(ToTensor, SettlesItsTypeWhenLoaded) {
  for (const Settled& c : kSettled) {
    SCOPED_TRACE(testing::Message() << c.wanted << " > " << c.becomes);
    OpFixture op("image.to_tensor");
    if (*c.wanted) op.wants("tensor", Type::of(c.wanted));
    for (const auto& [name, value] : c.params) op.param(name, value);
    const Status status = op.make();
    if (std::isupper(c.becomes[0]) && std::string_view(c.becomes).find('[') < 6) {
      EXPECT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(status.ok() ? op.promised()[0].text() : "", c.becomes);
    } else {
      EXPECT_EQ(status.code(), status.ok() ? Code::kOk : Code::kBadInput);
      EXPECT_THAT(status.message(), HasSubstr(c.becomes));
    }
  }
}

// --- Where the picture comes to lie.

struct Lies {
  ImageSize picture;
  int width, height;
  Fit fit;
  double crop;
  Align align;
  Placement at;  // scaled, cut, at, size
  ImageSize need;
};

const Lies kLies[] = {
    {{640, 480},
     224,
     100,
     Fit::kStretch,
     1,
     Align::kTopLeft,
     {224, 100, 0, 0, 0, 0, 224, 100},
     {224, 100}},
    {{640, 480},
     416,
     416,
     Fit::kLetterbox,
     1,
     Align::kTopLeft,
     {416, 312, 0, 0, 0, 0, 416, 312},
     {416, 416}},
    {{480, 640},
     416,
     416,
     Fit::kLetterbox,
     1,
     Align::kCenter,
     {312, 416, 0, 0, 52, 0, 312, 416},
     {416, 416}},
    {{1000, 1},
     100,
     50,
     Fit::kLetterbox,
     1,
     Align::kCenter,
     {100, 1, 0, 0, 0, 24, 100, 1},
     {100, 50}},
    {{641, 480},
     416,
     416,
     Fit::kLetterbox,
     1,
     Align::kTopLeft,
     {416, 311, 0, 0, 0, 0, 416, 311},
     {416, 416}},
    {{640, 480},
     224,
     224,
     Fit::kCover,
     0.875,
     Align::kTopLeft,
     {341, 256, 58, 16, 0, 0, 224, 224},
     {256, 256}},
    {{480, 640},
     224,
     224,
     Fit::kCover,
     0.875,
     Align::kTopLeft,
     {256, 341, 16, 58, 0, 0, 224, 224},
     {256, 256}},
    {{1000, 669},
     224,
     224,
     Fit::kCover,
     0.875,
     Align::kTopLeft,
     {383, 256, 79, 16, 0, 0, 224, 224},
     {256, 256}},
    {{500, 333},
     224,
     224,
     Fit::kCover,
     1,
     Align::kTopLeft,
     {336, 224, 56, 0, 0, 0, 224, 224},
     {224, 224}},
    {{229, 224},
     224,
     224,
     Fit::kCover,
     1,
     Align::kTopLeft,
     {229, 224, 2, 0, 0, 0, 224, 224},
     {224, 224}},
    {{100, 100}, 40, 20, Fit::kCover, 1, Align::kTopLeft, {40, 40, 0, 10, 0, 0, 40, 20}, {40, 20}},
    {{100000, 1},
     224,
     224,
     Fit::kCover,
     1,
     Align::kTopLeft,
     {22400000, 224, 11199888, 0, 0, 0, 224, 224},
     {224, 224}},
};

TEST(Placement, IsThatOfTheReferenceCode) {
  for (const Lies& c : kLies) {
    const Placement at = place(c.picture, c.width, c.height, c.fit, c.crop, c.align);
    EXPECT_THAT((std::array{at.scaled_width, at.scaled_height, at.cut_x, at.cut_y, at.x, at.y,
                            at.width, at.height}),
                ElementsAre(c.at.scaled_width, c.at.scaled_height, c.at.cut_x, c.at.cut_y, c.at.x,
                            c.at.y, c.at.width, c.at.height))
        << c.picture.width << " x " << c.picture.height;
    const ImageNeed need = need_of(c.width, c.height, c.fit, c.crop);
    EXPECT_EQ(need.width, c.need.width);
    EXPECT_EQ(need.height, c.need.height);
    EXPECT_EQ(need.fit, c.fit);
  }
}

TEST(Placement, TheTransformMapsCornersBack) {
  std::mt19937 random(1);
  for (int n = 0; n < 5000; ++n) {
    auto upto = [&](int most) {
      return 1 + static_cast<int>(random() % static_cast<uint32_t>(most));
    };
    const ImageSize full{upto(5000), upto(5000)};
    const int width = upto(600), height = upto(600);
    const Fit fit = static_cast<Fit>(random() % 3);
    const Align align = static_cast<Align>(random() % 2);
    const double crop = fit == Fit::kCover ? 0.5 + upto(50) * 0.01 : 1;
    const Placement at = place(full, width, height, fit, crop, align);
    // Within the target, and within the scaled picture.
    ASSERT_TRUE(at.x >= 0 && at.y >= 0 && at.width >= 1 && at.height >= 1);
    ASSERT_TRUE(at.x + at.width <= width && at.y + at.height <= height);
    ASSERT_TRUE(at.cut_x >= 0 && at.cut_x + at.width <= at.scaled_width);
    ASSERT_TRUE(at.cut_y >= 0 && at.cut_y + at.height <= at.scaled_height);
    ASSERT_TRUE(fit == Fit::kLetterbox || (at.width == width && at.height == height));
    const auto t = transform_of(at, full);
    EXPECT_EQ(static_cast<int>(t[4]), full.width);
    EXPECT_EQ(static_cast<int>(t[5]), full.height);
    // The corners of the whole scaled picture, in the target's coordinates, are those of the
    // original.
    const double left = at.x - at.cut_x, top = at.y - at.cut_y;
    const double tolerance = 2e-3 * std::max(full.width, full.height) / 1000 + 1e-3;
    ASSERT_NEAR(left * t[0] + t[2], 0, tolerance);
    ASSERT_NEAR(top * t[1] + t[3], 0, tolerance);
    ASSERT_NEAR((left + at.scaled_width) * t[0] + t[2], full.width, tolerance);
    ASSERT_NEAR((top + at.scaled_height) * t[1] + t[3], full.height, tolerance);
  }
}

// --- Values.

struct Covered {
  ImageSize picture;
  std::vector<int> pillow;  // the first three rows
};

// Resized so that the shorter side is 8, and the middle 7 x 7 cut out.
const Covered kCovered[] = {
    {{13, 9}, {100, 144, 168, 130, 157, 210, 145, 198, 166, 186, 138, 75,  112, 63,  96,  51,
               81,  119, 67,  108, 161, 164, 169, 78,  157, 79,  112, 81,  109, 123, 105, 124,
               177, 126, 179, 129, 180, 117, 94,  72,  64,  117, 100, 130, 116, 138, 130, 130,
               144, 132, 84,  146, 68,  121, 89,  101, 154, 115, 168, 221, 99,  92,  145}},
    {{9, 14}, {120, 151, 82,  154, 99,  124, 116, 130, 110, 136, 127, 115, 144, 118, 106, 140,
               70,  123, 87,  112, 165, 80,  133, 164, 128, 181, 98,  103, 117, 97,  136, 128,
               116, 101, 154, 142, 157, 138, 97,  168, 85,  102, 157, 210, 102, 85,  138, 131,
               122, 114, 167, 162, 118, 135, 157, 113, 130, 113, 105, 106, 185, 46,  79}}};

TEST(ToTensor, CoversTheMiddleAsPillowDoes) {
  for (const Covered& c : kCovered) {
    OpFixture op = to_tensor(7, 7);
    op.param("fit", "cover").param("crop_pct", 0.875);
    op.param("dtype", "UINT8").param("layout", "NHWC");
    op.input("image",
             image(pattern(c.picture.width, c.picture.height), c.picture.width, c.picture.height));
    const Status status = op.run();
    ASSERT_TRUE(status.ok()) << status.message();
    const auto out = op["tensor"].values<uint8_t>();
    EXPECT_THAT(out.first(c.pillow.size()), testing::ElementsAreArray(c.pillow));
  }
}

// pattern(6, 4) as convert("L") gives it.
const std::vector<int> kGrey = {43,  80,  117, 154, 191, 199, 134, 182, 201, 99, 70, 118,
                                196, 105, 87,  146, 176, 85,  60,  130, 171, 91, 84, 154};

TEST(ToTensor, GreyIsPillowsL) {
  OpFixture op = to_tensor(6, 4);
  op.param("channels", "GREY").param("dtype", "UINT8").input("image", image(pattern(6, 4), 6, 4));
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["tensor"].shape(), Shape({1, 4, 6}));
  EXPECT_THAT(op["tensor"].values<uint8_t>(), testing::ElementsAreArray(kGrey));
}

TEST(ToTensor, NormalisesInTheOrderOfTheTensorsChannels) {
  const Tensor red_green = image({200, 100, 50, 20, 40, 60}, 2, 1);
  OpFixture op = to_tensor(2, 1);
  op.param("channels", "BGR").param("mean", Numbers{10, 20, 30}).param("std", Numbers{1, 2, 4});
  ASSERT_TRUE(op.input("image", red_green).run().ok());
  EXPECT_THAT(op["tensor"].values<float>(), ElementsAre(40, 50, 40, 10, 42.5, -2.5));
}

// A picture of 4 x 2 in 4 x 4: two rows above or below are filled, and normalised as pixels are.
TEST(ToTensor, LetterboxFillsTheRest) {
  const std::vector<uint8_t> plain(4 * 2 * 3, 90);
  for (const char* align : {"top_left", "center"}) {
    for (const char* layout : {"NCHW", "NHWC"}) {
      for (const char* type : {"FP32", "UINT8"}) {
        SCOPED_TRACE(testing::Message() << align << " " << layout << " " << type);
        OpFixture op = to_tensor(4, 4);
        op.param("fit", "letterbox").param("align", align).param("layout", layout);
        op.param("dtype", type).param("fill", Numbers{114, 120, 126}).param("std", Numbers{2});
        op.param("mean", Numbers{10});
        ASSERT_TRUE(op.input("image", image(plain, 4, 2)).run().ok());
        const int first = std::string(align) == "center" ? 1 : 0;
        for (size_t i = 0; i < 48; ++i) {
          const bool planar = std::string(layout) == "NCHW";
          const size_t channel = planar ? i / 16 : i % 3;
          const int y = static_cast<int>(planar ? i % 16 / 4 : i / 12);
          const double fill[] = {52, 55, 58};
          const double want = y >= first && y < first + 2 ? 40 : fill[channel];
          const Tensor& out = op["tensor"];
          const double got = out.dtype() == DType::kFp32
                                 ? static_cast<double>(out.values<float>()[i])
                                 : out.values<uint8_t>()[i];
          ASSERT_NEAR(got, want, 1e-4) << i;
        }
      }
    }
  }
}

struct Followed {
  std::vector<std::pair<const char*, int64_t>> params;
  ImageSize picture, tensor;
  double scale;  // below which a decoder must not go
};

const Followed kFollowed[] = {
    {{{"height", 32}}, {100, 20}, {160, 32}, 1},
    {{{"height", 32}}, {1000, 64}, {500, 32}, 0.5},
    {{{"height", 32}}, {3, 900}, {1, 32}, 1. / 3},  // not none
    {{{"height", 32}, {"max_side", 320}}, {1000, 64}, {320, 32}, 0.5},
    {{{"height", 32}, {"multiple", 16}}, {1000, 64}, {496, 32}, 0.5},
    {{{"width", 10}}, {100, 20}, {10, 2}, 0.1},
    {{}, {100, 20}, {100, 20}, 1},
    {{{"max_side", 50}}, {100, 20}, {50, 10}, 0.5},
    {{{"max_side", 960}, {"multiple", 32}}, {1920, 1080}, {960, 544}, 0.5},
    {{{"max_side", 960}, {"multiple", 32}}, {384, 191}, {384, 192}, 1},
    {{{"max_side", 970}, {"multiple", 32}}, {970, 4}, {960, 32}, 1},
    {{{"min_side", 40}}, {100, 20}, {200, 40}, 1},
    {{{"min_side", 40}, {"max_side", 150}}, {100, 20}, {150, 30}, 1},
    {{{"min_side", 10}}, {100, 20}, {100, 20}, 1},
};

TEST(ToTensor, AspectFollowsThePicture) {
  for (const Followed& c : kFollowed) {
    OpFixture op("image.to_tensor");
    op.param("fit", "aspect").param("layout", "NHWC").param("dtype", "UINT8");
    for (const auto& [name, value] : c.params) op.param(name, value);
    std::mt19937 random(2);
    const auto pixels = noise(c.picture.width, c.picture.height, random);
    ASSERT_TRUE(op.input("image", image(pixels, c.picture.width, c.picture.height)).run().ok());
    const Tensor& out = op["tensor"];
    EXPECT_EQ(out.shape(), (Shape{c.tensor.height, c.tensor.width, 3}));
    if (pixels.size() < 100'000) {  // the reference is slow
      const auto wanted = resampled(pixels, c.picture, c.tensor, Filter::kBilinear);
      EXPECT_TRUE(std::ranges::equal(out.values<uint8_t>(), wanted)) << out.shape().text();
    }
    const auto t = op["transform"].values<float>();
    EXPECT_FLOAT_EQ(t[0] * static_cast<float>(c.tensor.width), static_cast<float>(c.picture.width));
    EXPECT_FLOAT_EQ(t[1] * static_cast<float>(c.tensor.height),
                    static_cast<float>(c.picture.height));
    const auto need = op.op().need(0);
    ASSERT_TRUE(need.has_value());
    EXPECT_NEAR(need->scale_for(c.picture.width, c.picture.height), c.scale, 1e-9);
  }
}

// The decoder gave half of a picture: geometry is that of the full one.
TEST(ToTensor, MapsToTheFullPicture) {
  Tensor half = image(pattern(51, 40), 51, 40);
  half.set_full_size({101, 80});
  OpFixture op = to_tensor(50, 50);
  op.param("fit", "letterbox").param("align", "center");
  ASSERT_TRUE(op.input("image", half).run().ok());
  // 50 x 39 (80 * 50 / 101 rounded down), 5 rows above.
  EXPECT_THAT(op["transform"].values<float>(),
              ElementsAre(101.0f / 50, 80.0f / 39, 0, static_cast<float>(-5 * 80.0 / 39), 101, 80));
}

// A picture of 2 x 2 blocks, of which a decoder keeps one pixel each, gives what the full picture
// gives, although the last column and row are halves.
TEST(ToTensor, AReducedPictureIsExactlyReduced) {
  for (const ImageSize full : {ImageSize{23, 17}, {22, 17}, {23, 16}, {22, 16}}) {
    const int width = (full.width + 1) / 2, height = (full.height + 1) / 2;
    const auto small = pattern(width, height);
    std::vector<uint8_t> large;
    for (int y = 0; y < full.height; ++y) {
      for (int x = 0; x < full.width * 3; ++x) {
        large.push_back(small[static_cast<size_t>((y / 2 * width + x / 3 / 2) * 3 + x % 3)]);
      }
    }
    Tensor half = image(small, width, height);
    half.set_full_size(full);
    for (const char* filter : {"area", "nearest"}) {
      SCOPED_TRACE(testing::Message() << full.width << " x " << full.height << " " << filter);
      // As many pixels of the result as of the full picture: each lies within one of the small one.
      OpFixture of_half = to_tensor(full.width, full.height);
      OpFixture of_full = to_tensor(full.width, full.height);
      ASSERT_TRUE(of_half.param("filter", filter).input("image", half).run().ok());
      ASSERT_TRUE(of_full.param("filter", filter)
                      .input("image", image(large, full.width, full.height))
                      .run()
                      .ok());
      const auto got = of_half["tensor"].values<float>(), want = of_full["tensor"].values<float>();
      for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 0.1) << i;
    }
  }
}

TEST(ToTensor, SaysWhatItNeedsOfThePicture) {
  OpFixture op = to_tensor(224, 200);
  op.param("fit", "cover").param("crop_pct", 0.5);
  ASSERT_TRUE(op.make().ok());
  const auto need = op.op().need(0);
  ASSERT_TRUE(need.has_value());
  EXPECT_EQ(need->width, 448);
  EXPECT_EQ(need->height, 400);
  EXPECT_EQ(need->fit, Fit::kCover);

  OpFixture exact = to_tensor(224, 200);
  exact.param("filter", "nearest");
  ASSERT_TRUE(exact.make().ok());
  EXPECT_FALSE(exact.op().need(0).has_value());
}

TEST(ToTensor, RefusesAPictureWithoutPixels) {
  OpFixture op = to_tensor(2, 2);
  op.input("image", *Tensor::allocate(DType::kUint8, {0, 5, 3}));
  const Status status = op.run();
  EXPECT_EQ(status.code(), Code::kBadInput);
  EXPECT_THAT(status.message(), HasSubstr("5 x 0 pixels (width x height)"));
}

}  // namespace
}  // namespace leat
