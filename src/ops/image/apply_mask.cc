// image.apply_mask: a colour over the pixels of a mask, or over all others.
#include <cstring>

#include "ops/image/mask.h"

namespace leat {

namespace {

class ApplyMask final : public Op {
 public:
  ApplyMask(Colour colour, double opacity, bool inside, double threshold)
      : colour_(colour), opacity_(opacity), inside_(inside), threshold_(threshold) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    LEAT_ASSIGN(Mask mask, Mask::of(call.input(1), threshold_));
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, image.shape()));
    std::memcpy(out->mutable_data(), image.data(), image.byte_size());
    lay_over(out->mutable_values<uint8_t>().data(), {source.width, source.height}, mask, inside_,
             colour_, opacity_);
    out->set_full_size(image.full_size());
    return {};
  }

 private:
  Colour colour_;
  double opacity_;
  bool inside_;
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
                                           params.text("where") == "inside",
                                           params.real("threshold"));
      }}));

}  // namespace leat
