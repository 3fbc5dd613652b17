// image.rotate: a picture turned, by quarters or by any angle.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/image/picture.h"
#include "ops/image/rearrange.h"
#include "ops/image/warp.h"

namespace leat {

namespace {

struct Options {
  int turns = 0;
  double degrees = 0;  // further, after the turns
  bool expand = false;
  Colour fill{};
};

int rounded(double length) { return std::max(1, static_cast<int>(length + 0.5)); }

class Rotate final : public Op {
 public:
  explicit Rotate(const Options& options) : o_(options) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    if (o_.degrees != 0) return by_degrees(call, source, image.full_size());
    const bool swap = o_.turns % 2 != 0;
    const ImageSize size = swapped({source.width, source.height});
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, {size.height, size.width, 3}));
    rearrange(source, {.swap = swap, .mirror = o_.turns >= 2, .flip = o_.turns % 3 != 0},
              out->mutable_data());
    out->set_full_size(swapped(image.full_size()));
    return {};
  }

 private:
  ImageSize swapped(ImageSize size) const {
    return o_.turns % 2 ? ImageSize{size.height, size.width} : size;
  }

  // About the middle, in pixels of the original, so that a picture whose axes are reduced by
  // different factors is turned and not bent.
  Status by_degrees(OpCall& call, const Pixels& source, ImageSize full) const {
    const Reduction by = reduction({source.width, source.height}, full);
    const double angle = (o_.degrees + 90 * o_.turns) * std::numbers::pi / 180;
    const double sine = std::sin(angle), cosine = std::cos(angle);
    double width = swapped(full).width, height = swapped(full).height;
    if (o_.expand) {
      // What a whole number of pixels needs is not to grow by what the arithmetic is off.
      const auto extent = [](double a, double b) {
        return std::ceil(std::abs(a) + std::abs(b) - 1e-6);
      };
      width = extent(full.width * cosine, full.height * sine);
      height = extent(full.width * sine, full.height * cosine);
    }
    const bool swap = o_.turns % 2 != 0;
    const double across = swap ? by.down : by.across, down = swap ? by.across : by.down;
    LEAT_TRY(check_result_size(source, width / across, height / down));
    const ImageSize size{rounded(width / across), rounded(height / down)};
    const double step_x = width / size.width, step_y = height / size.height;
    const double mid_x = full.width / 2.0 - (width * cosine - height * sine) / 2;
    const double mid_y = full.height / 2.0 - (width * sine + height * cosine) / 2;
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, {size.height, size.width, 3}));
    LEAT_TRY(warp(source,
                  {cosine * step_x / by.across, -sine * step_y / by.across, mid_x / by.across,
                   sine * step_x / by.down, cosine * step_y / by.down, mid_y / by.down, 0, 0, 1},
                  o_.fill, size, out->mutable_data(), call));
    out->set_full_size({static_cast<int>(width), static_cast<int>(height)});
    return {};
  }

  Options o_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const Params& params = setup.params;
  Options o;
  o.turns = static_cast<int>(params.integer("turns"));
  o.degrees = params.real("degrees");
  o.expand = params.flag("expand");
  LEAT_ASSIGN(o.fill, color_of(params, "fill"));
  if (o.turns == 0 && o.degrees == 0) {
    return Status(Code::kBadInput, "neither turns nor degrees is set; set one");
  }
  if (o.degrees == 0 && (o.expand || o.fill != Colour{})) {
    return Status(Code::kBadInput,
                  "expand and fill go with degrees; quarter turns leave nothing to fill");
  }
  return std::make_unique<Rotate>(o);
}

}  // namespace

LEAT_OP(
    ({.name = "image.rotate",
      .doc = "Turns a picture counter-clockwise. Quarters keep every pixel; any other angle is "
             "about the middle, with pixels interpolated bicubically (as by OpenCV's "
             "INTER_CUBIC). The result is a picture of its own: boxes found in it are turned.",
      .inputs = {{"image", "IMAGE", "the picture"}},
      .outputs = {{"image", "IMAGE", "the turned picture"}},
      .params = {{.name = "turns",
                  .type = ParamType::kInt,
                  .fallback = int64_t{0},
                  .min = 0,
                  .max = 3,
                  .doc = "Quarters; after an odd number width and height have changed places"},
                 {.name = "degrees",
                  .type = ParamType::kFloat,
                  .fallback = 0.0,
                  .min = -360,
                  .max = 360,
                  .doc = "An angle, after the quarters. The size stays and corners are cut, unless "
                         "expand is set"},
                 {.name = "expand",
                  .type = ParamType::kBool,
                  .fallback = false,
                  .doc = "With degrees: the result is as large as the whole turned picture needs"},
                 color_param("fill", {0}, "With degrees: the pixels around the turned picture")},
      .make = make}));

}  // namespace leat
