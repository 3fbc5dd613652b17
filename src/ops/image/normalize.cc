// image.normalize: a picture as numbers around 0, in its own size.
#include <array>

#include "base/text.h"
#include "ops/image/picture.h"

namespace leat {

namespace {

class Normalize final : public Op {
 public:
  // `mean`, `std`: by channel.
  Normalize(const std::array<double, 3>& mean, const std::array<double, 3>& std) {
    for (size_t c = 0; c < 3; ++c) {
      for (size_t level = 0; level < 256; ++level) {
        of_[c][level] = static_cast<float>((static_cast<double>(level) - mean[c]) / std[c]);
      }
    }
  }

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Tensor * tensor, call.output(0, DType::kFp32, image.shape()));
    auto from = image.values<uint8_t>();
    float* to = tensor->mutable_values<float>().data();
    for (size_t i = 0; i < from.size(); i += 3) {
      for (size_t c = 0; c < 3; ++c) to[i + c] = of_[c][from[i + c]];
    }
    return {};
  }

 private:
  std::array<std::array<float, 256>, 3> of_;  // each level of each channel
};

Result<std::array<double, 3>> by_channel(const Params& params, const char* name) {
  const std::vector<double>& given = params.reals(name);
  if (given.size() == 1) return std::array{given[0], given[0], given[0]};
  if (given.size() == 3) return std::array{given[0], given[1], given[2]};
  return Status(Code::kBadInput,
                cat(name, " has ", given.size(), " numbers; 1, or 3 (R, G, B) are wanted"));
}

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  LEAT_ASSIGN(auto mean, by_channel(setup.params, "mean"));
  LEAT_ASSIGN(auto std, by_channel(setup.params, "std"));
  if (const auto& image = setup.inputs[0]; image && !image->open) {
    setup.outputs[0].dims = image->dims;
  }
  return std::make_unique<Normalize>(mean, std);
}

}  // namespace

LEAT_OP(({.name = "image.normalize",
          .doc = "Turns a picture into numbers, (x - mean) / std, in its own size. image.to_tensor "
                 "resizes too, and knows what a model takes.",
          .inputs = {{"image", "IMAGE", "the picture"}},
          .outputs = {{"tensor", "FP32[?,?,3]", "[height,width,3], RGB"}},
          .params = {{.name = "mean",
                      .type = ParamType::kFloats,
                      .fallback = std::vector<double>{0},
                      .min = -1e9,
                      .max = 1e9,
                      .doc = "on the scale from 0 to 255: one number, or one a channel (R, G, B)"},
                     {.name = "std",
                      .type = ParamType::kFloats,
                      .fallback = std::vector<double>{1},
                      .min = 1e-9,
                      .max = 1e9,
                      .doc = "likewise; 255 with the mean 0 makes numbers from 0 to 1"}},
          .make = make}));

}  // namespace leat
