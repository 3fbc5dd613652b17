#include "ops/detect/detections.h"

#include "base/text.h"

namespace leat {

ParamSpec score_param(double score) {
  return {.name = "score",
          .type = ParamType::kFloat,
          .fallback = score,
          .min = 0,
          .max = 1,
          .doc = "least score of a box"};
}

std::vector<ParamSpec> limit_params(double iou) {
  return {{.name = "iou",
           .type = ParamType::kFloat,
           .fallback = iou,
           .min = 0,
           .max = 1,
           .doc = "of two boxes of a class that have more than this part of their union in common, "
                  "the one with the lower score goes"},
          {.name = "max",
           .type = ParamType::kInt,
           .fallback = int64_t{300},
           .min = 1,
           .max = 20000,
           .doc = "most boxes given, the best first"},
          {.name = "candidates",
           .type = ParamType::kInt,
           .fallback = int64_t{3000},
           .min = 1,
           .max = 20000,
           .doc = "boxes with the best scores that are held against each other; bounds the work"}};
}

ParamSpec class_agnostic_param() {
  return {.name = "class_agnostic",
          .type = ParamType::kBool,
          .fallback = false,
          .doc = "boxes of different classes suppress each other, too"};
}

Suppressor::Limits limits_of(const Params& params) {
  return {.iou = static_cast<float>(params.real("iou")),
          .candidates = static_cast<size_t>(params.integer("candidates")),
          .max = static_cast<size_t>(params.integer("max")),
          .class_agnostic = params.has("class_agnostic") && params.flag("class_agnostic")};
}

std::vector<PortSpec> box_outputs() {
  return {{"boxes", "FP32[found,4]",
           "x1, y1, x2, y2 in pixels of the upright original, cut off at its borders; the best "
           "score first"},
          {"scores", "FP32[found]", "of each box, 0..1"}};
}

Result<std::span<const uint32_t>> give_boxes(OpCall& call, Suppressor& found,
                                             const Suppressor::Limits& limits,
                                             const Transform& transform) {
  thread_local std::vector<Box> boxes;
  thread_local std::vector<uint32_t> places;
  boxes.clear();
  places.clear();
  for (uint32_t place : found.run(limits)) {
    Box box = transform.apply(found.box(place));
    if (!(box.x1 < box.x2 && box.y1 < box.y2)) continue;
    boxes.push_back(box);
    places.push_back(place);
  }
  auto count = static_cast<int64_t>(boxes.size());
  LEAT_ASSIGN(Tensor * boxes_out, call.output(0, DType::kFp32, {count, 4}));
  LEAT_ASSIGN(Tensor * scores_out, call.output(1, DType::kFp32, {count}));
  float* corner = boxes_out->mutable_values<float>().data();
  float* score = scores_out->mutable_values<float>().data();
  for (size_t i = 0; i < boxes.size(); ++i) {
    const Box& box = boxes[i];
    for (float value : {box.x1, box.y1, box.x2, box.y2}) *corner++ = value;
    *score++ = found.score(places[i]);
  }
  return std::span<const uint32_t>(places);
}

std::vector<ParamSpec> Detections::params(double score, double iou, std::vector<ParamSpec> others) {
  std::vector<ParamSpec> all = {score_param(score)};
  for (ParamSpec& param : limit_params(iou)) all.push_back(std::move(param));
  all.push_back(class_agnostic_param());
  all.push_back(LabelFile::param());
  for (ParamSpec& other : others) all.push_back(std::move(other));
  return all;
}

std::vector<PortSpec> Detections::outputs() {
  std::vector<PortSpec> ports = box_outputs();
  ports.push_back({"classes", "INT64[found]", "of each box, counted from 0"});
  ports.push_back({.name = "labels",
                   .type = "BYTES[found]",
                   .doc = "the names of the classes",
                   .only_with = "labels"});
  return ports;
}

Result<Detections> Detections::load(const Params& params) {
  Detections made;
  made.score_ = static_cast<float>(params.real("score"));
  made.limits_ = limits_of(params);
  LEAT_ASSIGN(made.labels_, LabelFile::load(params));
  return made;
}

Status Detections::finish(OpCall& call, Suppressor& found, const Transform& transform) const {
  LEAT_ASSIGN(std::span<const uint32_t> places, give_boxes(call, found, limits_, transform));
  LEAT_ASSIGN(Tensor * classes_out,
              call.output(2, DType::kInt64, {static_cast<int64_t>(places.size())}));
  std::span<int64_t> classes = classes_out->mutable_values<int64_t>();
  for (size_t i = 0; i < places.size(); ++i) classes[i] = found.label(places[i]);
  if (labels_.given()) {
    LEAT_ASSIGN(Tensor names, labels_.pick(classes));
    call.give(3, std::move(names));
  }
  return {};
}

}  // namespace leat
