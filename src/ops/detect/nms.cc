// Non-maximum suppression as a step of its own, for models whose boxes are decoded already.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "leat/op.h"
#include "ops/detect/detections.h"

namespace leat {

namespace {

class Nms final : public Op {
 public:
  explicit Nms(const Params& params)
      : limits_(limits_of(params)),
        least_(params.has("score") ? static_cast<float>(params.real("score"))
                                   : -std::numeric_limits<float>::infinity()) {
    const std::string& method = params.text("method");
    if (method == "hard") return;
    // A score that is below 0 would get better by what is to make it worse.
    least_ = std::max(least_, 0.0f);
    soft_ = {.decay = method == "linear" ? Suppressor::Soft::Decay::kLinear
                                         : Suppressor::Soft::Decay::kGaussian,
             .sigma = static_cast<float>(params.real("sigma")),
             .least = least_};
  }

  Status run(OpCall& call) const override {
    const float* corner = call.input(0).values<float>().data();
    std::span<const float> scores = call.input(1).values<float>();
    std::span<const int64_t> classes;
    if (call.has(2)) classes = call.input(2).values<int64_t>();

    Suppressor& found = Suppressor::scratch();
    thread_local std::vector<int64_t> origin;  // of each box in `found`
    origin.clear();
    for (size_t i = 0; i < scores.size(); ++i, corner += 4) {
      int64_t label = classes.empty() ? 0 : classes[i];
      if (label < 0 || label > Suppressor::kMostLabel) {
        return Status(Code::kBadInput, cat("classes: number ", i, " is ", label,
                                           "; allowed are 0 to ", Suppressor::kMostLabel));
      }
      Box box{corner[0], corner[1], corner[2], corner[3]};
      if (!(scores[i] >= least_) || !box.sound()) continue;
      if (soft_ && std::isinf(scores[i])) continue;
      found.add(box, scores[i], label);
      origin.push_back(static_cast<int64_t>(i));
    }

    std::span<const uint32_t> kept = soft_ ? found.run_soft(limits_, *soft_) : found.run(limits_);
    auto count = static_cast<int64_t>(kept.size());
    LEAT_ASSIGN(Tensor * boxes_out, call.output(0, DType::kFp32, {count, 4}));
    LEAT_ASSIGN(Tensor * scores_out, call.output(1, DType::kFp32, {count}));
    LEAT_ASSIGN(Tensor * index_out, call.output(3, DType::kInt64, {count}));
    float* to = boxes_out->mutable_values<float>().data();
    for (size_t i = 0; i < kept.size(); ++i) {
      const Box& box = found.box(kept[i]);
      for (float value : {box.x1, box.y1, box.x2, box.y2}) *to++ = value;
      scores_out->mutable_values<float>()[i] = found.score(kept[i]);
      index_out->mutable_values<int64_t>()[i] = origin[kept[i]];
    }
    if (!call.has(2)) return {};
    LEAT_ASSIGN(Tensor * classes_out, call.output(2, DType::kInt64, {count}));
    for (size_t i = 0; i < kept.size(); ++i) {
      classes_out->mutable_values<int64_t>()[i] = found.label(kept[i]);
    }
    return {};
  }

 private:
  Suppressor::Limits limits_;
  float least_;
  std::optional<Suppressor::Soft> soft_;  // or hard
};

std::vector<ParamSpec> params() {
  std::vector<ParamSpec> all = limit_params(0.45);
  all.push_back(class_agnostic_param());
  all.push_back({.name = "score",
                 .type = ParamType::kFloat,
                 .doc = "least score of a box, of a soft method after it has fallen; any when not "
                        "given"});
  all.push_back({.name = "method",
                 .type = ParamType::kChoice,
                 .fallback = "hard",
                 .choices = {"hard", "linear", "gaussian"},
                 .doc = "hard: boxes go. Soft-NMS: none goes, but scores, which are 0 or more, "
                        "fall for each better box of the class: linear: by 1 - the part in common "
                        "where that is more than iou; gaussian: by exp(-part ** 2 / sigma)"});
  all.push_back({.name = "sigma",
                 .type = ParamType::kFloat,
                 .fallback = 0.5,
                 .min = 1e-3,
                 .max = 1e3,
                 .doc = "of gaussian"});
  return all;
}

LEAT_OP((
    {.name = "detect.nms",
     .doc = "Of boxes that overlap, keeps the one with the best score, or lowers the others' "
            "scores (Soft-NMS). Boxes that are not finite or whose corners are swapped, and "
            "scores that are NaN, are dropped; by a soft method, scores that are negative or "
            "infinite, too.",
     .inputs = {{"boxes", "FP32[n,4]", "x1, y1, x2, y2, in any unit"},
                {"scores", "FP32[n]", "the higher, the better"},
                {"classes", "INT64[n]", "boxes of different classes leave each other alone", true}},
     .outputs =
         {{"boxes", "FP32[kept,4]", "the best score first; of equal ones, the first"},
          {"scores", "FP32[kept]", "of each box; by a soft method, as they are then"},
          {.name = "classes", .type = "INT64[kept]", .doc = "of each box", .only_with = "classes"},
          {"index", "INT64[kept]", "which of the n boxes it was"}},
     .params = params(),
     .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
       return std::make_unique<Nms>(setup.params);
     }}));

}  // namespace

}  // namespace leat
