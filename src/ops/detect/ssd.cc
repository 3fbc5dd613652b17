// The head of SSD and its kin: boxes that are decoded already, and a score for each of the classes.
#include <cmath>

#include "base/text.h"
#include "ops/detect/detections.h"

namespace leat {

namespace {

class Ssd final : public Op {
 public:
  Ssd(Detections detections, const Params& params)
      : detections_(std::move(detections)),
        centered_(params.text("box_format") == "center"),
        fractions_(params.text("units") == "fraction"),
        background_(params.integer("background")),
        width_(static_cast<float>(params.integer("width"))),
        height_(static_cast<float>(params.integer("height"))) {}

  Status expect(const Type& type) const {
    if (type.open || type.dims[1].size < 0) return {};
    return check_classes(type.dims[1].size);
  }

  Status run(OpCall& call) const override {
    const Tensor& scores = call.input(0);
    const Tensor& boxes = call.input(1);
    int64_t classes = scores.shape()[1];
    LEAT_TRY(check_classes(classes));
    LEAT_ASSIGN(Transform transform, place(call));
    Suppressor& found = Suppressor::scratch();
    const float* box = boxes.values<float>().data();
    const float* score = scores.values<float>().data();
    for (int64_t i = 0; i < scores.shape()[0]; ++i, box += 4, score += classes) {
      for (int64_t c = 0; c < classes; ++c) {
        if (!(score[c] >= detections_.score()) || std::isinf(score[c]) || c == background_) {
          continue;
        }
        Box corners = centered_ ? Box{box[0] - box[2] / 2, box[1] - box[3] / 2, box[0] + box[2] / 2,
                                      box[1] + box[3] / 2}
                                : Box{box[0], box[1], box[2], box[3]};
        if (corners.sound()) found.add(corners, score[c], c);
      }
    }
    return detections_.finish(call, found, transform);
  }

 private:
  Status check_classes(int64_t classes) const {
    if (classes > Suppressor::kMostLabel || background_ >= classes) {
      return Status(Code::kBadInput, cat("scores: ", classes, " classes, but background is ",
                                         background_, "; at most ", Suppressor::kMostLabel,
                                         " classes are allowed, background among them"));
    }
    return detections_.labels().fits(classes);
  }

  // From the model's units to pixels of the original.
  Result<Transform> place(const OpCall& call) const {
    if (!call.has(2)) {  // boxes stay in the model's input
      float width = width_ > 0 ? width_ : 1;
      float height = height_ > 0 ? height_ : 1;
      if (fractions_) return Transform{width, height, 0, 0, width, height};
      return Transform{1,
                       1,
                       0,
                       0,
                       width_ > 0 ? width_ : Transform::kFar,
                       height_ > 0 ? height_ : Transform::kFar};
    }
    LEAT_ASSIGN(Transform transform, Transform::of(call.input(2)));
    if (!fractions_) return transform;
    if (width_ > 0) {
      transform.scale_x *= width_;
      transform.scale_y *= height_;
      return transform;
    }
    if (transform.offset_x != 0 || transform.offset_y != 0) {
      return Status(Code::kBadInput, cat("transform: the picture begins at ", transform.offset_x,
                                         ", ", transform.offset_y,
                                         ": it was not stretched to the model's input, so the "
                                         "params width and height of that are needed"));
    }
    transform.scale_x = transform.width;
    transform.scale_y = transform.height;
    return transform;
  }

  Detections detections_;
  bool centered_;
  bool fractions_;
  int64_t background_;
  float width_;  // of the model's input; 0: not said
  float height_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  int64_t width = setup.params.integer("width");
  int64_t height = setup.params.integer("height");
  if ((width == 0) != (height == 0)) {
    return Status(Code::kBadInput, cat("width is ", width, " and height is ", height,
                                       "; both must be given, or neither"));
  }
  LEAT_ASSIGN(Detections detections, Detections::load(setup.params));
  auto op = std::make_unique<Ssd>(std::move(detections), setup.params);
  if (setup.inputs[0]) LEAT_TRY(op->expect(*setup.inputs[0]));
  return op;
}

LEAT_OP(
    ({.name = "detect.ssd",
      .doc = "Finds the boxes in the output of a model that gives boxes and a score for each "
             "of the classes: SSD, face detectors. A box counts once for every class whose "
             "score is high enough. A box that is not finite is none.",
      .inputs = {{"scores", "FP32[n,classes]", "0..1"},
                 {"boxes", "FP32[n,4]", "see box_format and units"},
                 {"transform", "FP32[6]",
                  "of image.to_tensor; without it boxes stay in pixels of the model's input "
                  "(or in fractions of it, where width and height are not said)",
                  true}},
      .outputs = Detections::outputs(),
      .params = Detections::params(
          0.7, 0.3,
          {{.name = "box_format",
            .type = ParamType::kChoice,
            .fallback = std::string("corners"),
            .choices = {"corners", "center"},
            .doc = "corners: x1, y1, x2, y2; center: middle x, middle y, width, height"},
           {.name = "units",
            .type = ParamType::kChoice,
            .fallback = std::string("fraction"),
            .choices = {"fraction", "pixels"},
            .doc = "fraction: the model's input is 1 wide and 1 high; pixels: of that input"},
           {.name = "background",
            .type = ParamType::kInt,
            .fallback = int64_t{0},
            .min = -1,
            .max = Suppressor::kMostLabel,
            .doc = "the class that means nothing is there, which gives no boxes; -1: none does"},
           {.name = "width",
            .type = ParamType::kInt,
            .fallback = int64_t{0},
            .min = 0,
            .max = 1 << 15,
            .doc = "of the model's input, in pixels. Needed with fractions when the picture was "
                   "not stretched to it (fit: letterbox or cover)"},
           {.name = "height",
            .type = ParamType::kInt,
            .fallback = int64_t{0},
            .min = 0,
            .max = 1 << 15,
            .doc = "of the model's input, in pixels; as width"}}),
      .make = make}));

}  // namespace

}  // namespace leat
