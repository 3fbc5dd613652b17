// image.crop_rotated: four corners of a picture, as an upright picture.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/image/picture.h"
#include "ops/image/warp.h"

namespace leat {

namespace {

struct Point {
  double x, y;
};

double distance(Point a, Point b) { return std::hypot(a.x - b.x, a.y - b.y); }
// Positive when c lies to the right of the way from a to b (y points down).
double area(Point a, Point b, Point c) {
  return (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
}

// Corners, clockwise from the one that becomes the upper left.
struct Quad {
  std::array<Point, 4> at;

  double width() const { return std::max(distance(at[0], at[1]), distance(at[3], at[2])); }
  double height() const { return std::max(distance(at[0], at[3]), distance(at[1], at[2])); }

  // Convex, clockwise, with no corner on the line of its neighbours.
  bool sound() const {
    for (size_t i = 0; i < 4; ++i) {
      const Point a = at[i], b = at[(i + 1) % 4], c = at[(i + 2) % 4];
      if (!(area(a, b, c) > 1e-6 * distance(a, b) * distance(b, c))) return false;
    }
    return true;
  }

  // Whether it shows some of a picture: two convex areas lie apart when all of the one lies beyond
  // a side of the other.
  bool touches(ImageSize size) const {
    const double right = size.width, bottom = size.height;
    const Quad picture{{{{0, 0}, {right, 0}, {right, bottom}, {0, bottom}}}};
    return !apart(picture, *this) && !apart(*this, picture);
  }

  // After a quarter turn counter-clockwise the upper right corner is the upper left one.
  Quad turned() const { return {at[1], at[2], at[3], at[0]}; }

  Quad divided(Reduction by) const {
    Quad out = *this;
    for (Point& point : out.at) point = {point.x / by.across, point.y / by.down};
    return out;
  }

  // From a picture of `size` to these corners (P. Heckbert, Fundamentals of Texture Mapping and
  // Image Warping, 1989, section 2.2.3).
  Projection from(ImageSize size) const {
    const double x1 = at[1].x - at[2].x, x2 = at[3].x - at[2].x;
    const double y1 = at[1].y - at[2].y, y2 = at[3].y - at[2].y;
    const double x3 = at[0].x - at[1].x + at[2].x - at[3].x;
    const double y3 = at[0].y - at[1].y + at[2].y - at[3].y;
    const double by = x1 * y2 - x2 * y1;
    const double g = (x3 * y2 - x2 * y3) / by, h = (x1 * y3 - x3 * y1) / by;
    const double w = size.width, t = size.height;
    return {(at[1].x - at[0].x + g * at[1].x) / w,
            (at[3].x - at[0].x + h * at[3].x) / t,
            at[0].x,
            (at[1].y - at[0].y + g * at[1].y) / w,
            (at[3].y - at[0].y + h * at[3].y) / t,
            at[0].y,
            g / w,
            h / t,
            1};
  }

 private:
  static bool apart(const Quad& a, const Quad& b) {
    for (size_t i = 0; i < 4; ++i) {
      const auto beyond = [&](Point p) { return area(a.at[i], a.at[(i + 1) % 4], p) <= 0; };
      if (std::ranges::all_of(b.at, beyond)) return true;
    }
    return false;
  }
};

class CropRotated final : public Op {
 public:
  explicit CropRotated(double turn_tall) : turn_tall_(turn_tall) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    const ImageSize full = image.full_size();
    const auto numbers = call.input(1).values<float>();
    Quad quad;
    for (size_t i = 0; i < 4; ++i) {
      quad.at[i] = {double{numbers[2 * i]}, double{numbers[2 * i + 1]}};
    }
    if (!quad.sound()) {
      return bad(quad, "is not four corners clockwise around an area that is convex");
    }
    if (!quad.touches(full)) {
      return bad(quad, cat("lies outside of the picture, which is ", full.width, " x ", full.height,
                           " (width x height)"));
    }
    const bool turn = turn_tall_ > 0 && quad.height() >= turn_tall_ * quad.width();
    const Quad upright = turn ? quad.turned() : quad;
    const Quad here = upright.divided(reduction({source.width, source.height}, full));
    const double width = std::floor(here.width() + 0.5), height = std::floor(here.height() + 0.5);
    if (width < 1 || height < 1) return bad(quad, "covers no pixel");
    LEAT_TRY(check_result_size(source, width, height));
    const ImageSize size{static_cast<int>(width), static_cast<int>(height)};
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, {size.height, size.width, 3}));
    LEAT_TRY(warp(source, here.from(size), std::nullopt, size, out->mutable_data(), call));
    const auto length = [](double side) { return std::max(1, static_cast<int>(side + 0.5)); };
    out->set_full_size({length(upright.width()), length(upright.height())});
    return {};
  }

 private:
  static Status bad(const Quad& quad, const std::string& why) {
    std::string corners;
    for (Point p : quad.at) append_to(corners, cat(corners.empty() ? "" : ", ", p.x, ", ", p.y));
    return Status(Code::kBadInput, cat("quad [", corners, "] (x, y of each corner) ", why));
  }

  double turn_tall_;
};

}  // namespace

LEAT_OP(
    ({.name = "image.crop_rotated",
      .doc = "Cuts four corners out of a picture and makes them upright. For text that lies "
             "aslant. The result is as wide and as high as the longer one of the opposite sides, "
             "rounded; pixels are interpolated bicubically (as by OpenCV's INTER_CUBIC). Where the "
             "corners lie outside of the picture, its outermost pixels go on. Corners that are not "
             "convex, not clockwise or all outside are an error.",
      .inputs = {{"image", "IMAGE", "the picture"},
                 {"quad", "FP32[4,2]",
                  "x, y of each corner in pixels of the upright original, clockwise from what "
                  "becomes the upper left one"}},
      .outputs = {{"image", "IMAGE", "the part, upright"}},
      .params = {{.name = "turn_tall",
                  .type = ParamType::kFloat,
                  .fallback = 0.0,
                  .min = 0,
                  .max = 1e6,
                  .doc = "A result at least so many times as high as wide is turned by a quarter, "
                         "counter-clockwise; 0: never. PaddleOCR turns at 1.5"}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        return std::make_unique<CropRotated>(setup.params.real("turn_tall"));
      }}));

}  // namespace leat
