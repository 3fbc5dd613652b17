// What pipelines decode of a picture of which only a part is used: what they answer is what they
// answer of the whole of it.
#include <gmock/gmock.h>

#include <random>

#include "base/text.h"
#include "codec/image/image.h"
#include "pipeline/engine.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<ModelSource> no_models() {
  class None final : public ModelSource {
   public:
    Result<std::shared_ptr<Model>> get(const std::string&, const ModelOptions&) override {
      return Status(Code::kNotFound, "there are none");
    }
  };
  return std::make_shared<None>();
}

const std::vector<uint8_t>& photo() {
  static const auto* file = [] {
    constexpr int kWidth = 640, kHeight = 400;
    std::vector<uint8_t> pixels(size_t{3} * kWidth * kHeight);
    std::mt19937 random(1);
    for (size_t i = 0; i < pixels.size(); ++i) {
      pixels[i] = static_cast<uint8_t>(i / 3 % kWidth / 3 + i / 3 / kWidth / 4 + random() % 32);
    }
    auto* bytes = new std::vector<uint8_t>;
    EXPECT_TRUE(image::encode_jpeg({pixels.data(), kWidth, kHeight}, 90, *bytes).ok());
    return bytes;
  }();
  return *file;
}

std::vector<uint8_t> whole() {
  class Pixels final : public image::Canvas {
   public:
    Result<uint8_t*> memory(int width, int height) override {
      pixels.resize(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height));
      return pixels.data();
    }
    std::vector<uint8_t> pixels;
  };
  Pixels canvas;
  EXPECT_TRUE(image::decode(photo(), {}, canvas).ok());
  return std::move(canvas.pixels);
}

std::string pipeline(std::string_view steps, std::string_view outputs) {
  return cat("leat: 1\ninputs: { data: BYTES }\nsteps:\n", steps, "outputs: { ", outputs, " }\n");
}

// `said`: what its drawing says.
Answer answer(const std::string& text, std::string_view said, size_t bytes = photo().size()) {
  auto engine = make_engine({.threads = 2, .worker_program = "/proc/self/exe"}, no_models());
  auto loaded = engine->load_text(text, "/");
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  if (!loaded.ok()) return {};
  EXPECT_THAT(*(*loaded)->graph("mermaid"), HasSubstr(said));
  Request request(**loaded);
  request.set(0, *Tensor::bytes({reinterpret_cast<const char*>(photo().data()), bytes}));
  return (*loaded)->run(std::move(request));
}

std::string decode(std::string_view more = "") {
  return cat("  d: { op: image.decode, inputs: { data: data }", more, " }\n");
}

constexpr std::string_view kCover =
    "  t: { op: image.to_tensor, inputs: { image: d.image }, params: { width: 200, height: 200, "
    "fit: cover, layout: NHWC, dtype: UINT8 } }\n";
constexpr std::string_view kBox =
    "  c: { op: image.crop, inputs: { image: d.image, box: { value: [96, 200, 161, 240] } } }\n";

const struct {
  std::string rest, output;  // of the steps
  const char* said;          // of the decoder, by Mermaid
} kParts[] = {
    {std::string(kCover), "t.tensor", "the middle for 200 x 200"},
    {std::string(kBox), "c.image", "no more of a JPEG than 65 x 40 at #40;96, 200#41;"},
    {cat(kBox,
         "  t: { op: image.to_tensor, inputs: { image: c.image }, params: { width: 16, height: 8, "
         "layout: NHWC, dtype: UINT8 } }\n"),
     "t.tensor", "1/2, 1/4 or 1/8: 65 x 40 at #40;96, 200#41; for 16 x 8"},
};

TEST(DecodePart, WhatIsLookedAtIsThatOfTheWhole) {
  for (const auto& part : kParts) {
    SCOPED_TRACE(part.said);
    const std::string steps = cat(decode(), part.rest), output_a = cat("a: ", part.output);
    const Answer of_part = answer(pipeline(steps, output_a), part.said);
    const Answer in_process = answer(
        pipeline(cat(decode(", run_in: process, instances: 1"), part.rest), output_a), part.said);
    ASSERT_TRUE(of_part.status.ok() && in_process.status.ok()) << in_process.status.message();
    EXPECT_TRUE(std::ranges::equal(of_part.outputs[0].tensor().values<uint8_t>(),
                                   in_process.outputs[0].tensor().values<uint8_t>()));
    // An output that is the picture, or a consumer that needs all of it.
    for (const auto& [step, output] : std::vector<std::pair<std::string, std::string>>{
             {"", "b: d.image"},
             {"  f: { op: image.flip, inputs: { image: d.image } }\n", "b: f.image"}}) {
      const Answer of_whole =
          answer(pipeline(steps + step, cat(output_a, ", ", output)), "decodes at full size");
      ASSERT_TRUE(of_part.status.ok() && of_whole.status.ok())
          << of_part.status.message() << of_whole.status.message();
      const Tensor& one = of_part.outputs[0].tensor();
      const Tensor& other = of_whole.outputs[0].tensor();
      ASSERT_EQ(one.shape(), other.shape());
      EXPECT_TRUE(std::ranges::equal(one.values<uint8_t>(), other.values<uint8_t>()));
      if (step.empty()) {
        EXPECT_TRUE(std::ranges::equal(of_whole.outputs[1].tensor().values<uint8_t>(), whole()));
      }
    }
  }
}

TEST(DecodePart, TheFileIsReadToItsEndWhereItsSoundnessCounts) {
  const size_t most = photo().size() * 9 / 10;
  const auto of = [](std::string_view params) { return cat(decode(params), kBox); };
  EXPECT_TRUE(answer(pipeline(of(""), "a: c.image"), "96", most).status.ok());
  const Answer told = answer(pipeline(of(""), "a: c.image, b: d.intact"), "96", most);
  ASSERT_TRUE(told.status.ok());
  EXPECT_LT(told.outputs[1].tensor().values<float>()[0], 1);
  const Answer rejected =
      answer(pipeline(of(", params: { broken: reject }"), "a: c.image"), "96", most);
  EXPECT_EQ(rejected.status.code(), Code::kBadMedia);
  EXPECT_THAT(rejected.status.message(), HasSubstr("truncated"));
}

}  // namespace
}  // namespace leat
