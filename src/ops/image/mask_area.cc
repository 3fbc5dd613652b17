// image.mask_area: how much a mask covers.
#include <numeric>

#include "ops/image/mask.h"

namespace leat {

namespace {

class MaskArea final : public Op {
 public:
  explicit MaskArea(double threshold) : threshold_(threshold) {}

  Status run(OpCall& call) const override {
    LEAT_ASSIGN(Mask mask, Mask::of(call.input(0), threshold_));
    const auto pixels = mask.pixels();
    const int64_t area = std::accumulate(pixels.begin(), pixels.end(), int64_t{0});
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kInt64, {}));
    out->mutable_values<int64_t>()[0] = area;
    LEAT_ASSIGN(Tensor * share, call.output(1, DType::kFp32, {}));
    share->mutable_values<float>()[0] =
        static_cast<float>(static_cast<double>(area) / static_cast<double>(pixels.size()));
    return {};
  }

 private:
  double threshold_;
};

}  // namespace

LEAT_OP(({.name = "image.mask_area",
          .doc = "Counts the pixels of a mask.",
          .inputs = {mask_port("the mask")},
          .outputs = {{"area", "INT64", "pixels of the mask"},
                      {"share", "FP32", "of all its pixels, 0 to 1"}},
          .params = {threshold_param()},
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            return std::make_unique<MaskArea>(setup.params.real("threshold"));
          }}));

}  // namespace leat
