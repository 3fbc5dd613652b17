// image.apply_mask: a colour over the pixels of a mask, or over all others.
#include <cmath>

#include "ops/image/mask.h"
#include "ops/image/picture.h"

namespace leat {

namespace {

class ApplyMask final : public Op {
 public:
  ApplyMask(Colour colour, double opacity, bool outside, double threshold)
      : outside_(outside), threshold_(threshold) {
    for (size_t c = 0; c < 3; ++c) {
      for (int v = 0; v < 256; ++v) {
        blended_[c][static_cast<size_t>(v)] =
            static_cast<uint8_t>(std::lround(v + (colour[c] - v) * opacity));
      }
    }
  }

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    LEAT_ASSIGN(Mask mask, Mask::of(call.input(1), threshold_));
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, image.shape()));
    const uint8_t* in = source.data;
    uint8_t* to = out->mutable_values<uint8_t>().data();
    for (int y = 0; y < source.height; ++y) {
      const uint8_t* row = mask.row(int64_t{y} * mask.height() / source.height);
      for (int x = 0; x < source.width; ++x, in += 3, to += 3) {
        const bool inside = row[int64_t{x} * mask.width() / source.width] != 0;
        for (size_t c = 0; c < 3; ++c) to[c] = inside != outside_ ? blended_[c][in[c]] : in[c];
      }
    }
    out->set_full_size(image.full_size());
    return {};
  }

 private:
  std::array<std::array<uint8_t, 256>, 3> blended_;  // by channel and value
  bool outside_;
  double threshold_;
};

}  // namespace

LEAT_OP(
    ({.name = "image.apply_mask",
      .doc = "Lays a colour over the pixels inside of a mask, or over those outside of it, which "
             "cuts the inside out.",
      .inputs = {{"image", "IMAGE", "the picture"},
                 mask_port("lies over the whole picture, whatever its own size")},
      .outputs = {{"image", "IMAGE", "the picture with the colour"}},
      .params = {threshold_param(),
                 {.name = "where",
                  .type = ParamType::kChoice,
                  .fallback = "inside",
                  .choices = {"inside", "outside"},
                  .doc = "Which pixels take the colour"},
                 color_param("color", {255, 0, 0}, "The colour"),
                 {.name = "opacity",
                  .type = ParamType::kFloat,
                  .fallback = 0.5,
                  .min = 0,
                  .max = 1,
                  .doc = "How much of the colour there is; 1 hides the picture"}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        const Params& params = setup.params;
        setup.outputs[0] = *setup.inputs[0];
        LEAT_ASSIGN(Colour colour, color_of(params, "color"));
        return std::make_unique<ApplyMask>(colour, params.real("opacity"),
                                           params.text("where") == "outside",
                                           params.real("threshold"));
      }}));

}  // namespace leat
