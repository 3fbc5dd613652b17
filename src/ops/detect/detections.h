// What the detectors have in common: their parameters and outputs, and suppression.
#pragma once

#include <vector>

#include "leat/op.h"
#include "ops/detect/transform.h"
#include "ops/label_file.h"

namespace leat {

// Parameter score, the least of a box.
ParamSpec score_param(double score);
// Parameters iou, max, candidates: the limits of a Suppressor.
std::vector<ParamSpec> limit_params(double iou);
// Parameter class_agnostic, one more of them, where there are classes.
ParamSpec class_agnostic_param();
Suppressor::Limits limits_of(const Params& params);

// Suppresses, places what is kept in the original picture, drops what lies wholly outside of it,
// and gives the outputs boxes and scores, ports 0 and 1. The places, in `found`, of what was given
// are valid until the next call on this thread.
std::vector<PortSpec> box_outputs();
Result<std::span<const uint32_t>> give_boxes(OpCall& call, Suppressor& found,
                                             const Suppressor::Limits& limits,
                                             const Transform& transform);

// The parameters and outputs of an operator that finds things of several classes in a picture.
class Detections {
 public:
  // score, iou, max, candidates, class_agnostic and labels, and then `others`.
  static std::vector<ParamSpec> params(double score, double iou, std::vector<ParamSpec> others);
  // boxes, scores, classes, labels, from port 0 on.
  static std::vector<PortSpec> outputs();

  static Result<Detections> load(const Params& params);

  float score() const { return score_; }
  const LabelFile& labels() const { return labels_; }

  // give_boxes(), and the other outputs.
  Status finish(OpCall& call, Suppressor& found, const Transform& transform) const;

 private:
  float score_ = 0;
  Suppressor::Limits limits_;
  LabelFile labels_;
};

}  // namespace leat
