// image.from_tensor: what a model drew, as a picture.
#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "base/text.h"
#include "ops/image/picture.h"

namespace leat {

namespace {

uint8_t level(float value) {
  // NaN is black: max() gives its second argument then.
  return static_cast<uint8_t>(std::lrintf(std::min(std::max(value, 0.0f), 255.0f)));
}

class FromTensor final : public Op {
 public:
  explicit FromTensor(const Params& params) : bgr_(params.text("channels") == "BGR") {
    if (params.has("layout")) planar_ = params.text("layout") == "NCHW";
  }

  Status settle(const Params& params) {
    LEAT_TRY(numbers(params, "mean", mean_));
    return numbers(params, "std", std_);
  }

  Status run(OpCall& call) const override {
    const Tensor& tensor = call.input(0);
    const Shape& shape = tensor.shape();
    const bool planar = planar_ ? *planar_ : shape[0] <= 3 && shape[0] != 2;
    const int64_t channels = shape[planar ? 0 : 2];
    const int64_t height = shape[planar ? 1 : 0], width = shape[planar ? 2 : 1];
    if ((channels != 1 && channels != 3) || height < 1 || width < 1) {
      return Status(Code::kBadInput,
                    cat("tensor: ", shape.text(), " is no picture of ",
                        planar ? "[channels,height,width]" : "[height,width,channels]",
                        "; channels are 1 or 3"));
    }
    if (height > kMostSide || width > kMostSide) {
      return Status(Code::kBadInput, cat("tensor: ", width, " x ", height,
                                         " pixels; a side is at most ", kMostSide));
    }
    LEAT_ASSIGN(Tensor * image, call.output(0, DType::kUint8, {height, width, 3}));
    const int64_t pixels = height * width;
    for (int64_t c = 0; c < 3; ++c) {
      const int64_t from = channels == 1 ? 0 : bgr_ ? 2 - c : c;
      const auto begin = static_cast<size_t>(planar ? from * pixels : from);
      const auto step = static_cast<size_t>(planar ? 1 : channels);
      plane(tensor, begin, step, static_cast<size_t>(from),
            image->mutable_values<uint8_t>().subspan(static_cast<size_t>(c)),
            static_cast<size_t>(pixels));
    }
    return {};
  }

 private:
  static constexpr int64_t kMostSide = 32768;

  static Status numbers(const Params& params, const char* name, float out[3]) {
    const std::vector<double>& given = params.reals(name);
    if (given.size() != 1 && given.size() != 3) {
      return Status(Code::kBadInput, cat(name, " has ", given.size(), " numbers; allowed: 1 or 3"));
    }
    for (size_t c = 0; c < 3; ++c) {
      out[c] = static_cast<float>(given[given.size() == 1 ? 0 : c]);
    }
    return {};
  }

  // Elements begin, begin + step, ... into every third byte.
  void plane(const Tensor& tensor, size_t begin, size_t step, size_t channel,
             std::span<uint8_t> out, size_t count) const {
    const float scale = std_[channel], shift = mean_[channel];
    const auto each = [&](const auto& values, auto convert) {
      for (size_t i = 0; i < count; ++i) {
        out[3 * i] = level(convert(values[begin + i * step]) * scale + shift);
      }
    };
    if (tensor.dtype() == DType::kFp32) {
      each(tensor.values<float>(), [](float value) { return value; });
    } else if (tensor.dtype() == DType::kFp16) {
      each(tensor.values<uint16_t>(), half_to_float);
    } else {
      each(tensor.values<uint8_t>(), [](uint8_t value) { return static_cast<float>(value); });
    }
  }

  const bool bgr_;
  std::optional<bool> planar_;
  float mean_[3], std_[3];
};

LEAT_OP(({.name = "image.from_tensor",
          .doc = "Makes a picture of what a model gave: the inverse of image.to_tensor. A level is "
                 "value * std + mean, rounded to the nearest and cut to 0..255.",
          .inputs = {{"tensor", "FP32|FP16|UINT8[?,?,?]",
                      "[channels,height,width] (NCHW) or [height,width,channels] (NHWC); one "
                      "channel is grey"}},
          .outputs = {{"image", "IMAGE", "the picture, of the tensor's size"}},
          .params = {{.name = "layout",
                      .type = ParamType::kChoice,
                      .choices = {"NCHW", "NHWC"},
                      .doc = "Unless set, NCHW where the first dimension is 1 or 3"},
                     {.name = "channels",
                      .type = ParamType::kChoice,
                      .fallback = "RGB",
                      .choices = {"RGB", "BGR"},
                      .doc = "The tensor's channels"},
                     {.name = "mean",
                      .type = ParamType::kFloats,
                      .fallback = std::vector<double>{0},
                      .doc = "Added; one number, or one a channel in the order of the tensor's"},
                     {.name = "std",
                      .type = ParamType::kFloats,
                      .fallback = std::vector<double>{1},
                      .doc = "Multiplied with, before mean; 255 brings 0..1 to 0..255"}},
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            auto op = std::make_unique<FromTensor>(setup.params);
            LEAT_TRY(op->settle(setup.params));
            return op;
          }}));

}  // namespace

}  // namespace leat
