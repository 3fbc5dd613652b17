// What the detectors have in common: their parameters, the way from a model's pixels to those of
// the original picture, and the outputs.
#pragma once

#include <vector>

#include "leat/op.h"
#include "ops/detect/suppress.h"
#include "ops/label_file.h"

namespace leat {

// Where the pixels of a model's input lie in the original picture: x * scale_x + offset_x. Boxes
// are cut off at the borders of the original, 0..width and 0..height.
struct Placement {
  float scale_x = 1, scale_y = 1;
  float offset_x = 0, offset_y = 0;
  float width = 0, height = 0;

  // From the `transform` of image.to_tensor, FP32[6]. kBadInput when a number is not finite, or a
  // scale or size is not positive.
  static Result<Placement> of(const Tensor& transform);
  Box apply(const Box& box) const;
};

// The parameters and outputs of an operator that finds things in a picture.
class Detections {
 public:
  // score, iou, max, candidates, class_agnostic and labels, and then `others`.
  static std::vector<ParamSpec> params(double score, double iou, std::vector<ParamSpec> others);
  // boxes, scores, classes, labels, from port 0 on.
  static std::vector<PortSpec> outputs();
  static constexpr size_t kPorts = 4;

  static Result<Detections> load(const Params& params);

  float score() const { return score_; }
  const LabelFile& labels() const { return labels_; }
  const Suppressor::Limits& limits() const { return limits_; }

  // Suppresses, places what is kept in the original picture, drops what lies wholly outside of it,
  // and gives the outputs.
  Status finish(OpCall& call, Suppressor& found, const Placement& placement) const;

 private:
  float score_ = 0;
  Suppressor::Limits limits_;
  LabelFile labels_;
};

}  // namespace leat
