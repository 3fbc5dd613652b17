// image.decode and image.encode, made from the catalogue and run one behind the other.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/image/pictures_test.h"
#include "leat/op.h"

namespace leat::image {
namespace {

// Runs an operator with one input; `result` is its first output, `number` the second.
class OneCall final : public OpCall {
 public:
  explicit OneCall(const Tensor& input) : port_(&input), ports_(&port_, 1) {
    inputs_ = {&ports_, 1};
  }
  Result<Tensor*> output(size_t port, DType type, const Shape& shape) override {
    Tensor& to = port == 0 ? result : number;
    LEAT_ASSIGN(to, Tensor::allocate(type, shape));
    return &to;
  }
  void give(size_t, Tensor value) override { result = std::move(value); }
  bool abandoned() const override { return false; }

  Tensor result, number;

 private:
  const Tensor* port_;
  std::span<const Tensor* const> ports_;
};

std::unique_ptr<Op> make(const std::string& name, std::vector<ImageNeed> needs,
                         std::map<std::string, ParamValue> given = {}) {
  const OpSpec* spec = OpCatalogue::find(name);
  EXPECT_NE(spec, nullptr);
  Params params;
  for (const ParamSpec& param : spec->params) params.set(param.name, param.fallback);
  for (auto& [key, value] : given) params.set(key, value);
  OpSetup setup{params,
                {Type::of(spec->inputs[0].type)},
                {Type::anything()},
                {std::move(needs)},
                {Type::of(spec->outputs[0].type)}};
  return std::move(*spec->make(setup));
}

Tensor run(const Op& op, const Tensor& input) {
  OneCall call(input);
  Status status = op.run(call);
  EXPECT_TRUE(status.ok()) << status.message();
  return call.result;
}

Tensor jpeg(int width, int height) {
  std::vector<uint8_t> file;
  EXPECT_TRUE(encode_jpeg(slopes(width, height).view(), 90, file).ok());
  return *Tensor::bytes({reinterpret_cast<char*>(file.data()), file.size()});
}

TEST(DecodeOp, GivesThePictureAndItsFullSize) {
  struct {
    std::vector<ImageNeed> needs;
    std::map<std::string, ParamValue> params;
    int width, height;
  } const table[] = {
      {{}, {}, 640, 480},
      {{{100, 100, Fit::kCover}}, {}, 320, 240},
      {{{100, 100, Fit::kCover}}, {{"oversample", 1.0}}, 160, 120},
      {{{100, 100, Fit::kCover}}, {{"reduce", false}}, 640, 480},
      {{{100, 100, Fit::kCover}, {400, 400, Fit::kCover}}, {}, 640, 480},
  };
  for (const auto& row : table) {
    auto op = make("image.decode", row.needs, row.params);
    Tensor picture = run(*op, jpeg(640, 480));
    EXPECT_EQ(picture.dtype(), DType::kUint8);
    EXPECT_EQ(picture.shape(), (Shape{row.height, row.width, 3}));
    EXPECT_EQ(picture.full_size().width, 640);
    EXPECT_EQ(picture.full_size().height, 480);
  }
  EXPECT_THAT(make("image.decode", {})->remark(), testing::HasSubstr("full size"));
  EXPECT_THAT(make("image.decode", {{224, 200, Fit::kCover}})->remark(),
              testing::HasSubstr("224 x 200"));
}

TEST(DecodeOp, RecoversWhatIsThereUnlessItIsToReject) {
  const Tensor whole = jpeg(640, 480);
  const Tensor half = *Tensor::bytes(whole.string().substr(0, whole.byte_size() / 2));
  for (const Tensor* file : {&whole, &half}) {
    OneCall call(*file);
    ASSERT_TRUE(make("image.decode", {})->run(call).ok());
    EXPECT_EQ(call.result.shape(), (Shape{480, 640, 3}));
    const float intact = call.number.values<float>()[0];
    if (file == &whole) {
      EXPECT_EQ(intact, 1);
    } else {
      EXPECT_NEAR(intact, 0.5, 0.1);
    }
  }
  OneCall call(half);
  const Status status = make("image.decode", {}, {{"broken", "reject"}})->run(call);
  EXPECT_EQ(status.code(), Code::kBadMedia);
}

TEST(DecodeOp, RefusesWhatItShould) {
  auto op = make("image.decode", {}, {{"max_megapixels", 0.1}});
  Tensor input = jpeg(640, 480);
  OneCall large(input);
  EXPECT_EQ(op->run(large).code(), Code::kTooLarge);
  Tensor text = *Tensor::bytes("hello");
  OneCall wrong(text);
  EXPECT_EQ(op->run(wrong).code(), Code::kBadMedia);
}

TEST(EncodeOp, WritesTheSizeThatWasAskedForHoweverItWasDecoded) {
  struct {
    std::string format;
    int64_t max_side;
    int width, height;  // of what must come from 640 x 480
  } const table[] = {{"JPEG", 0, 640, 480}, {"PNG", 0, 640, 480},    {"JPEG", 320, 320, 240},
                     {"PNG", 100, 100, 75}, {"PNG", 1000, 640, 480}, {"JPEG", 1, 1, 1},
                     {"WebP", 0, 640, 480}, {"WebP", 64, 64, 48}};
  for (const auto& row : table) {
    SCOPED_TRACE(row.format + " " + std::to_string(row.max_side));
    auto encode = make("image.encode", {}, {{"format", row.format}, {"max_side", row.max_side}});
    std::vector<ImageNeed> needs;
    if (auto need = encode->need(0)) needs.push_back(*need);
    EXPECT_EQ(needs.empty(), row.max_side == 0);
    for (bool reduce : {false, true}) {
      auto decode = make("image.decode", needs, {{"reduce", reduce}, {"oversample", 1.0}});
      Tensor file = run(*encode, run(*decode, jpeg(640, 480)));
      std::string_view text = file.string();
      Bytes bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
      Result<Header> header = read_header(bytes);
      ASSERT_TRUE(header.ok());
      EXPECT_EQ(format_name(header->format), row.format);
      EXPECT_EQ(header->size.width, row.width);
      EXPECT_EQ(header->size.height, row.height);
    }
  }
}

TEST(EncodeOp, QualityAndLosslessAreOfAWebp) {
  Tensor picture = run(*make("image.decode", {}), jpeg(90, 70));
  auto written = [&](std::map<std::string, ParamValue> params) {
    params["format"] = std::string("WebP");
    return run(*make("image.encode", {}, std::move(params)), picture);
  };
  Tensor exact = written({{"lossless", true}, {"quality", int64_t{1}}});
  Tensor back = run(*make("image.decode", {}), exact);
  EXPECT_TRUE(std::ranges::equal(back.values<uint8_t>(), picture.values<uint8_t>()));
  EXPECT_LT(written({{"quality", int64_t{10}}}).string().size(),
            written({{"quality", int64_t{95}}}).string().size());

  const OpSpec* spec = OpCatalogue::find("image.encode");
  Params params;
  for (const ParamSpec& param : spec->params) params.set(param.name, param.fallback);
  params.set("lossless", true);
  OpSetup setup{params, {Type::of("IMAGE")}, {Type::anything()}, {{}}, {Type::of("BYTES")}};
  EXPECT_THAT(spec->make(setup).status().message(), testing::HasSubstr("a JPEG is not"));
}

}  // namespace
}  // namespace leat::image
