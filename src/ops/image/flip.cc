// image.flip: a picture mirrored.
#include "ops/image/picture.h"
#include "ops/image/rearrange.h"

namespace leat {

namespace {

class Flip final : public Op {
 public:
  explicit Flip(bool horizontal) : horizontal_(horizontal) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, image.shape()));
    rearrange(source, {.swap = false, .mirror = horizontal_, .flip = !horizontal_},
              out->mutable_data());
    out->set_full_size(image.full_size());
    return {};
  }

 private:
  bool horizontal_;
};

}  // namespace

LEAT_OP(
    ({.name = "image.flip",
      .doc =
          "Mirrors a picture. The result is a picture of its own: boxes found in it are mirrored.",
      .inputs = {{"image", "IMAGE", "the picture"}},
      .outputs = {{"image", "IMAGE", "the mirrored picture, of the same size"}},
      .params = {{.name = "direction",
                  .type = ParamType::kChoice,
                  .fallback = "horizontal",
                  .choices = {"horizontal", "vertical"},
                  .doc = "horizontal changes left and right, vertical top and bottom"}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        setup.outputs[0] = *setup.inputs[0];
        return std::make_unique<Flip>(setup.params.text("direction") == "horizontal");
      }}));

}  // namespace leat
