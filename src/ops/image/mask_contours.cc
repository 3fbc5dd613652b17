// image.mask_contours: the outlines of a mask's areas, as polygons.
#include "ops/image/contours.h"
#include "ops/image/mask.h"

namespace leat {

namespace {

class MaskContours final : public Op {
 public:
  explicit MaskContours(double threshold) : threshold_(threshold) {}

  Status run(OpCall& call) const override {
    LEAT_ASSIGN(Mask mask, Mask::of(call.input(0), threshold_));
    thread_local Contours found;
    LEAT_TRY(outer_contours(mask, found));
    const ImageSize full =
        call.has(1) ? call.input(1).full_size() : ImageSize{mask.width(), mask.height()};
    const double across = static_cast<double>(full.width) / mask.width();
    const double down = static_cast<double>(full.height) / mask.height();
    LEAT_ASSIGN(Tensor * points,
                call.output(0, DType::kFp32, {static_cast<int64_t>(found.points.size()), 2}));
    float* to = points->mutable_values<float>().data();
    for (const auto [x, y] : found.points) {
      *to++ = static_cast<float>((x + 0.5) * across);
      *to++ = static_cast<float>((y + 0.5) * down);
    }
    LEAT_ASSIGN(Tensor * lengths,
                call.output(1, DType::kInt64, {static_cast<int64_t>(found.lengths.size())}));
    std::copy(found.lengths.begin(), found.lengths.end(),
              lengths->mutable_values<int64_t>().begin());
    return {};
  }

 private:
  double threshold_;
};

}  // namespace

LEAT_OP(
    ({.name = "image.mask_contours",
      .doc = "Outlines the areas of a mask. As OpenCV's findContours does with RETR_EXTERNAL and "
             "CHAIN_APPROX_SIMPLE (Suzuki and Abe, 1985): the outer border of each area that lies "
             "in no hole of another, through the middles of its outermost pixels, "
             "counter-clockwise, corners only. Areas touch at corners too.",
      .inputs = {mask_port("the mask"),
                 {.name = "image",
                  .type = "IMAGE",
                  .doc = "the picture over the whole of which the mask lies",
                  .optional = true}},
      .outputs = {{"points", "FP32[?,2]",
                   "x, y of each corner of all polygons, one polygon after another, in pixels of "
                   "the upright original; of the mask, where there is no image"},
                  {"lengths", "INT64[?]", "how many points each polygon has"}},
      .params = {threshold_param()},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        return std::make_unique<MaskContours>(setup.params.real("threshold"));
      }}));

}  // namespace leat
