// What the detectors have in common: their parameters and outputs, and suppression.
#pragma once

#include <vector>

#include "leat/op.h"
#include "ops/detect/transform.h"
#include "ops/label_file.h"

namespace leat {

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
  Status finish(OpCall& call, Suppressor& found, const Transform& transform) const;

 private:
  float score_ = 0;
  Suppressor::Limits limits_;
  LabelFile labels_;
};

}  // namespace leat
