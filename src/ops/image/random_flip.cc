// image.random_flip: a picture mirrored, or not.
#include "base/random.h"
#include "ops/image/picture.h"
#include "ops/image/rearrange.h"

namespace leat {

namespace {

constexpr uint64_t kStream = 0xf11b;  // apart from those of other operators with the same seed

class RandomFlip final : public Op {
 public:
  RandomFlip(bool horizontal, double chance) : horizontal_(horizontal), chance_(chance) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    Random random(static_cast<uint64_t>(call.input(1).values<int64_t>()[0]),
                  kStream + (horizontal_ ? 1 : 0));
    const bool flip = random.unit() < chance_;
    LEAT_ASSIGN(Tensor * flipped, call.output(1, DType::kBool, {}));
    flipped->mutable_values<uint8_t>()[0] = flip ? 1 : 0;
    if (!flip) {
      call.give(0, image);
      return {};
    }
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, image.shape()));
    rearrange(source, {.swap = false, .mirror = horizontal_, .flip = !horizontal_},
              out->mutable_data());
    out->set_full_size(image.full_size());
    return {};
  }

 private:
  bool horizontal_;
  double chance_;
};

}  // namespace

LEAT_OP((
    {.name = "image.random_flip",
     .doc = "Mirrors a picture or leaves it as it is, for training. The same seed always gives the "
            "same.",
     .inputs = {{"image", "IMAGE", "the picture"},
                {"seed", "INT64", "says which; `leat.Loader` gives each sample its own"}},
     .outputs = {{"image", "IMAGE", "the picture, of the same size"},
                 {"flipped", "BOOL", "whether it was mirrored"}},
     .params = {{.name = "direction",
                 .type = ParamType::kChoice,
                 .fallback = "horizontal",
                 .choices = {"horizontal", "vertical"},
                 .doc = "horizontal changes left and right, vertical top and bottom"},
                {.name = "chance",
                 .type = ParamType::kFloat,
                 .fallback = 0.5,
                 .min = 0,
                 .max = 1,
                 .doc = "how often it is mirrored"}},
     .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
       setup.outputs[0] = *setup.inputs[0];
       return std::make_unique<RandomFlip>(setup.params.text("direction") == "horizontal",
                                           setup.params.real("chance"));
     }}));

}  // namespace leat
