// image.draw: what was found in a picture, drawn onto it: masks, polygons, boxes, labels.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/text.h"
#include "ops/image/mask.h"
#include "ops/image/paint.h"

namespace leat {

namespace {

enum Port : size_t { kImage, kBoxes, kPolygons, kLengths, kMasks, kLabels, kScores, kClasses };

// One drawing at work.
class Drawing {
 public:
  Drawing(OpCall& call, Paint paint, Reduction by, int thickness)
      : call_(call), paint_(paint), by_(by), thickness_(thickness) {}

  Status masks(double threshold, double opacity, uint8_t* pixels) {
    if (!call_.has(kMasks)) return {};
    const Tensor& masks = call_.input(kMasks);
    const int rank = masks.shape().rank();
    if (rank > 3) return bad("masks", masks, "[height,width] or [masks,height,width]");
    for (int64_t i = 0; i < (rank == 2 ? 1 : masks.shape()[0]); ++i) {
      LEAT_TRY(waited_for());
      LEAT_ASSIGN(Mask mask, Mask::of(rank == 2 ? masks : masks.row(i), threshold));
      lay_over(pixels, paint_.size(), mask, true, colour(i), opacity);
    }
    return {};
  }

  Status polygons() {
    if (!call_.has(kPolygons)) return {};
    const Tensor& polygons = call_.input(kPolygons);
    const Shape& shape = polygons.shape();
    const bool lengths = call_.has(kLengths);
    if (shape.rank() != (lengths ? 2 : 3) || shape[shape.rank() - 1] != 2) {
      return bad("polygons", polygons,
                 lengths ? "[points,2], as lengths are given" : "[polygons,points,2]");
    }
    std::span<const float> points = polygons.values<float>();
    const int64_t count = lengths ? call_.input(kLengths).shape()[0] : shape[0];
    for (int64_t i = 0; i < count; ++i) {
      const int64_t length =
          lengths ? call_.input(kLengths).values<int64_t>()[static_cast<size_t>(i)] : shape[1];
      if (length < 0 || length > static_cast<int64_t>(points.size() / 2)) {
        return Status(Code::kBadInput, cat("lengths[", i, "] is ", length, ", where ",
                                           points.size() / 2, " points are left"));
      }
      LEAT_TRY(polygon(i, points.first(static_cast<size_t>(length) * 2)));
      points = points.subspan(static_cast<size_t>(length) * 2);
    }
    if (points.empty()) return {};
    return Status(Code::kBadInput,
                  cat("polygons has ", points.size() / 2, " points more than lengths tells"));
  }

  Status boxes() {
    if (!call_.has(kBoxes)) return {};
    const auto sides = call_.input(kBoxes).values<float>();
    for (size_t i = 0; i < sides.size(); i += 4) {
      LEAT_TRY(waited_for());
      LEAT_TRY(finite("boxes", static_cast<int64_t>(i / 4), sides.subspan(i, 4)));
      paint_.frame(here(&sides[i]), here(&sides[i + 2]), thickness_,
                   colour(static_cast<int64_t>(i / 4)));
    }
    return {};
  }

  // Over all else; by the boxes or, where there are none, by the polygons.
  Status labels() {
    if (!call_.has(kLabels) && !call_.has(kScores)) return {};
    std::vector<Spot> spots;
    if (call_.has(kBoxes)) {
      const auto sides = call_.input(kBoxes).values<float>();
      for (size_t i = 0; i < sides.size(); i += 4) spots.push_back(here(&sides[i]));
    } else {
      spots = corners_;
    }
    const size_t count =
        static_cast<size_t>(call_.input(call_.has(kLabels) ? kLabels : kScores).shape()[0]);
    if (count != spots.size()) {
      return Status(Code::kBadInput, cat("there are ", count, " labels or scores for ",
                                         spots.size(), " boxes or polygons"));
    }
    for (size_t i = 0; i < count; ++i) {
      std::string text;
      if (call_.has(kLabels)) text = call_.input(kLabels).string(static_cast<int64_t>(i));
      if (call_.has(kScores)) {
        char score[64];
        std::snprintf(score, sizeof score, "%s%.2f", text.empty() ? "" : " ",
                      double{call_.input(kScores).values<float>()[i]});
        text += score;
      }
      paint_.label(spots[i], text, thickness_, colour(static_cast<int64_t>(i)));
    }
    return {};
  }

 private:
  static Status bad(const char* name, const Tensor& value, const char* wanted) {
    return Status(Code::kBadInput,
                  cat(name, " is of shape ", value.shape().text(), "; ", wanted, " is wanted"));
  }

  static Status finite(const char* name, int64_t row, std::span<const float> numbers) {
    for (float number : numbers) {
      if (std::isfinite(number)) continue;
      return Status(Code::kBadInput, cat(name, "[", row, "] has a coordinate that is ", number));
    }
    return {};
  }

  Status waited_for() const {
    if (!call_.abandoned()) return {};
    return Status(Code::kCancelled, "nobody waits for the picture any more");
  }

  Status polygon(int64_t i, std::span<const float> points) {
    LEAT_TRY(waited_for());
    LEAT_TRY(finite("polygons", i, points));
    Spot corner{0, 0};
    for (size_t p = 0; p < points.size(); p += 2) {
      const Spot spot = here(&points[p]);
      paint_.line(spot, here(&points[(p + 2) % points.size()]), thickness_, colour(i));
      corner = p == 0 ? spot : Spot{std::min(corner.x, spot.x), std::min(corner.y, spot.y)};
    }
    corners_.push_back(corner);
    return {};
  }

  Spot here(const float* xy) const {
    return {double{xy[0]} / by_.across, double{xy[1]} / by_.down};
  }

  // By class or, where there are none, by label; else every row has its own.
  Colour colour(int64_t row) const {
    const auto known = [&](Port port) {
      return call_.has(port) && row < call_.input(port).shape()[0];
    };
    if (known(kClasses)) {
      return distinct_colour(
          static_cast<uint64_t>(call_.input(kClasses).values<int64_t>()[static_cast<size_t>(row)]));
    }
    if (!known(kLabels)) return distinct_colour(static_cast<uint64_t>(row));
    uint64_t hash = 14695981039346656037u;  // FNV-1a
    for (char c : call_.input(kLabels).string(row)) {
      hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
    }
    return distinct_colour(hash);
  }

  OpCall& call_;
  Paint paint_;
  Reduction by_;
  int thickness_;
  std::vector<Spot> corners_;  // of the polygons, upper left
};

class Draw final : public Op {
 public:
  Draw(int thickness, double opacity, double threshold)
      : thickness_(thickness), opacity_(opacity), threshold_(threshold) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(kImage);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    if (call.has(kLengths) && !call.has(kPolygons)) {
      return Status(Code::kBadInput, "lengths goes with polygons, which are not given");
    }
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, image.shape()));
    std::memcpy(out->mutable_data(), image.data(), image.byte_size());
    out->set_full_size(image.full_size());
    const ImageSize size{source.width, source.height};
    uint8_t* pixels = out->mutable_values<uint8_t>().data();
    const double mean = (double{1} * size.width + size.height) / 2;
    const int thickness =
        thickness_ > 0 ? thickness_ : std::clamp(static_cast<int>(mean / 300 + 0.5), 1, 100);
    Drawing drawing(call, {pixels, size}, reduction(size, image.full_size()), thickness);
    LEAT_TRY(drawing.masks(threshold_, opacity_, pixels));
    LEAT_TRY(drawing.polygons());
    LEAT_TRY(drawing.boxes());
    return drawing.labels();
  }

 private:
  int thickness_;
  double opacity_;
  double threshold_;
};

PortSpec given(const char* name, const char* type, const char* doc) {
  return {.name = name, .type = type, .doc = doc, .optional = true};
}

}  // namespace

LEAT_OP(
    ({.name = "image.draw",
      .doc = "Draws masks, polygons, boxes and labels onto a picture. They come in this order; "
             "what lies outside of the picture is left out. Each class has its "
             "own colour; without classes, each label; else, each row. Letters are printable "
             "ASCII; others are drawn as frames.",
      .inputs = {{"image", "IMAGE", "the picture"},
                 given("boxes", "FP32[n,4]", "x1, y1, x2, y2 in pixels of the upright original"),
                 given("polygons", "FP32[?,?,...]",
                       "x, y of each corner in pixels of the upright original: "
                       "[polygons,points,2], or [points,2] with lengths"),
                 given("lengths", "INT64[?]",
                       "how many points each polygon has, as image.mask_contours gives them"),
                 given("masks", "BOOL|UINT8|FP32[?,?,...]",
                       "[height,width] or [masks,height,width]; each lies over the whole picture, "
                       "whatever its own size"),
                 given("labels", "BYTES[n]",
                       "of the boxes or, where there are none, of the polygons"),
                 given("scores", "FP32[n]", "of the same; written with two decimals"),
                 given("classes", "INT64[n]", "of the same, and of masks, for the colours")},
      .outputs = {{"image", "IMAGE", "the picture with what was drawn"}},
      .params = {{.name = "thickness",
                  .type = ParamType::kInt,
                  .fallback = int64_t{0},
                  .min = 0,
                  .max = 100,
                  .doc = "Of lines, in pixels; letters are 7 times as high. 0: 1/300 of the "
                         "picture's mean side"},
                 {.name = "opacity",
                  .type = ParamType::kFloat,
                  .fallback = 0.4,
                  .min = 0,
                  .max = 1,
                  .doc = "Of masks; 1 hides the picture"},
                 threshold_param()},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        const Params& params = setup.params;
        setup.outputs[0] = *setup.inputs[0];
        return std::make_unique<Draw>(static_cast<int>(params.integer("thickness")),
                                      params.real("opacity"), params.real("threshold"));
      }}));

}  // namespace leat
