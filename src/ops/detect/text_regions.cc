// The head of DB ("Real-time Scene Text Detection with Differentiable Binarization", Liao et al.,
// 2020). The model was trained to see the text shrunk, by an offset of area * ratio / perimeter of
// its outline; what it sees is grown by such an offset again.
//
// PaddleOCR's DBPostProcess works alike, on contours. It looks at the contour of a hole as well,
// which this does not, and rounds corners to whole pixels of the map, and then of the original.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/detect/rectangle.h"
#include "ops/detect/transform.h"

namespace leat {

namespace {

struct Map {
  const float* data;
  int32_t width, height;

  // Of the pixels that a rectangle through middles of pixels covers or touches: those whose middles
  // are less than half a pixel away from it.
  double mean(const Rectangle& through_middles) const {
    const Rectangle rectangle = through_middles.grown(0.5);
    double top = height, bottom = 0;
    for (const Point& corner : rectangle.corners()) {
      top = std::min(top, corner.y);
      bottom = std::max(bottom, corner.y);
    }
    double sum = 0;
    int64_t count = 0;
    const auto last = std::min(height - 1, static_cast<int32_t>(std::floor(bottom)));
    for (auto y = std::max(0, static_cast<int32_t>(std::ceil(top))); y <= last; ++y) {
      const auto [first, second] = rectangle.cut(y);
      const double begin = std::max(std::ceil(first), 0.0);
      const double end = std::min(std::floor(second), width - 1.0);
      if (begin > end) continue;
      const float* row = data + size_t{static_cast<uint32_t>(y)} * static_cast<uint32_t>(width);
      for (auto x = static_cast<size_t>(begin); x <= static_cast<size_t>(end); ++x) {
        sum += static_cast<double>(row[x]);
        ++count;
      }
    }
    return sum / static_cast<double>(count);
  }
};

// Top left, top right, bottom right, bottom left: of the two leftmost corners the upper one comes
// first. So a long line of text begins at its beginning, whatever its slope.
void order(std::array<Point, 4>& corners) {
  std::ranges::sort(corners, {}, &Point::x);
  if (corners[0].y > corners[1].y) std::swap(corners[0], corners[1]);
  if (corners[2].y > corners[3].y) std::swap(corners[2], corners[3]);
  corners = {corners[0], corners[2], corners[3], corners[1]};
}

class TextRegions final : public Op {
 public:
  explicit TextRegions(const Params& params)
      : threshold_(static_cast<float>(params.real("threshold"))),
        box_threshold_(params.real("box_threshold")),
        unclip_ratio_(params.real("unclip_ratio")),
        min_side_(params.real("min_side")),
        max_(static_cast<size_t>(params.integer("max"))) {}

  Status run(OpCall& call) const override {
    const Shape& shape = call.input(0).shape();
    if (shape[1] > Components::kMostSide || shape[2] > Components::kMostSide) {
      return Status(Code::kBadInput, cat("map: the shape is ", shape.text(), "; sides of at most ",
                                         Components::kMostSide, " are allowed"));
    }
    const Map map{call.input(0).values<float>().data(), static_cast<int32_t>(shape[2]),
                  static_cast<int32_t>(shape[1])};
    LEAT_ASSIGN(Transform transform, Transform::of(call, 1, static_cast<float>(map.width),
                                                   static_cast<float>(map.height)));
    thread_local std::vector<float> quads, scores;
    quads.clear();
    scores.clear();
    Components& components = Components::scratch();
    components.find(map.data, map.width, map.height, threshold_);
    size_t looked_at = 0;
    for (size_t i = 0; i < components.count() && looked_at < max_; ++i) {
      if (call.abandoned()) return Status(Code::kCancelled, "nobody waits any more");
      const Rectangle text = Rectangle::around(components.ends(i));
      if (std::min(text.length, text.width) < min_side_) continue;
      ++looked_at;
      const double score = map.mean(text);
      if (!(score >= box_threshold_) || std::isinf(score)) continue;
      const double offset =
          text.length * text.width * unclip_ratio_ / (2 * (text.length + text.width));
      if (add_quad(text.grown(offset), transform, quads)) {
        scores.push_back(static_cast<float>(score));
      }
    }
    const auto count = static_cast<int64_t>(scores.size());
    LEAT_ASSIGN(Tensor * quads_out, call.output(0, DType::kFp32, {count, 4, 2}));
    LEAT_ASSIGN(Tensor * scores_out, call.output(1, DType::kFp32, {count}));
    std::ranges::copy(quads, quads_out->mutable_values<float>().begin());
    std::ranges::copy(scores, scores_out->mutable_values<float>().begin());
    return {};
  }

 private:
  // In the original; false when nothing of it lies there.
  static bool add_quad(const Rectangle& region, const Transform& transform,
                       std::vector<float>& quads) {
    std::array<Point, 4> corners = region.corners();
    for (Point& corner : corners) {  // a pixel's middle is half a pixel from its edge
      corner.x = (corner.x + 0.5) * double{transform.scale_x} + double{transform.offset_x};
      corner.y = (corner.y + 0.5) * double{transform.scale_y} + double{transform.offset_y};
    }
    order(corners);
    for (Point& corner : corners) {
      corner.x = std::clamp(corner.x, 0.0, double{transform.width});
      corner.y = std::clamp(corner.y, 0.0, double{transform.height});
    }
    double area = 0;
    for (size_t i = 0; i < 4; ++i) {
      const Point &a = corners[i], &b = corners[(i + 1) % 4];
      area += a.x * b.y - b.x * a.y;
    }
    if (!(area > 0)) return false;
    for (const Point& corner : corners) {
      quads.push_back(static_cast<float>(corner.x));
      quads.push_back(static_cast<float>(corner.y));
    }
    return true;
  }

  float threshold_;
  double box_threshold_;
  double unclip_ratio_;
  double min_side_;
  size_t max_;
};

LEAT_OP(
    ({.name = "detect.text_regions",
      .doc = "Finds the lines of text in the probability map of a DB model, as rectangles at any "
             "angle. Pixels above the threshold that hang together, over corners too, are a "
             "candidate; the smallest rectangle by area around it is grown on all sides by its "
             "area * unclip_ratio / perimeter.",
      .inputs = {{"map", "FP32[1,height,width]", "how probable text is at each pixel, 0..1"},
                 Transform::port()},
      .outputs = {{"quads", "FP32[found,4,2]",
                   "x, y of the corners of each rectangle, in pixels of the upright original, cut "
                   "off at its borders: the upper one of the two leftmost, then clockwise. Those "
                   "that begin higher up in the map come first"},
                  {"scores", "FP32[found]",
                   "of each: the mean of the map in the rectangle before that was grown"}},
      .params = {{.name = "threshold",
                  .type = ParamType::kFloat,
                  .fallback = 0.3,
                  .min = 0,
                  .max = 1,
                  .doc = "pixels above it are text"},
                 {.name = "box_threshold",
                  .type = ParamType::kFloat,
                  .fallback = 0.6,
                  .min = 0,
                  .max = 1,
                  .doc = "least score of a rectangle"},
                 {.name = "unclip_ratio",
                  .type = ParamType::kFloat,
                  .fallback = 1.5,
                  .min = 0,
                  .max = 10,
                  .doc = "how far rectangles are grown"},
                 {.name = "min_side",
                  .type = ParamType::kFloat,
                  .fallback = 3.0,
                  .min = 1,
                  .max = 1000,
                  .doc = "least shorter side of a candidate's rectangle, through the middles of "
                         "pixels of the map"},
                 {.name = "max",
                  .type = ParamType::kInt,
                  .fallback = int64_t{1000},
                  .min = 1,
                  .max = 20000,
                  .doc = "most candidates looked at that are large enough; bounds the work"}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        return std::make_unique<TextRegions>(setup.params);
      }}));

}  // namespace

}  // namespace leat
