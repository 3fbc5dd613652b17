// Non-maximum suppression as a step of its own, for models whose boxes are decoded already.
#include <limits>

#include "base/text.h"
#include "leat/op.h"
#include "ops/detect/suppress.h"

namespace leat {

namespace {

class Nms final : public Op {
 public:
  explicit Nms(const Params& params)
      : limits_{.iou = static_cast<float>(params.real("iou")),
                .candidates = static_cast<size_t>(params.integer("candidates")),
                .max = static_cast<size_t>(params.integer("max")),
                .class_agnostic = params.flag("class_agnostic")},
        least_(params.has("score") ? static_cast<float>(params.real("score"))
                                   : -std::numeric_limits<float>::infinity()) {}

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
      found.add(box, scores[i], label);
      origin.push_back(static_cast<int64_t>(i));
    }

    std::span<const uint32_t> kept = found.run(limits_);
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
};

LEAT_OP((
    {.name = "detect.nms",
     .doc = "Of boxes that overlap, keeps the one with the best score. Boxes that are not "
            "finite or whose corners are swapped, and scores that are NaN, are dropped.",
     .inputs = {{"boxes", "FP32[n,4]", "x1, y1, x2, y2, in any unit"},
                {"scores", "FP32[n]", "the higher, the better"},
                {"classes", "INT64[n]", "boxes of different classes leave each other alone", true}},
     .outputs =
         {{"boxes", "FP32[kept,4]", "the best score first; of equal ones, the first"},
          {"scores", "FP32[kept]", "of each box"},
          {.name = "classes", .type = "INT64[kept]", .doc = "of each box", .only_with = "classes"},
          {"index", "INT64[kept]", "which of the n boxes it was"}},
     .params = {{.name = "iou",
                 .type = ParamType::kFloat,
                 .fallback = 0.45,
                 .min = 0,
                 .max = 1,
                 .doc = "of two boxes of a class that have more than this part of their union "
                        "in common, the one with the lower score goes"},
                {.name = "score",
                 .type = ParamType::kFloat,
                 .doc = "least score of a box; any when not given"},
                {.name = "max",
                 .type = ParamType::kInt,
                 .fallback = int64_t{300},
                 .min = 1,
                 .max = 20000,
                 .doc = "most boxes given"},
                {.name = "candidates",
                 .type = ParamType::kInt,
                 .fallback = int64_t{3000},
                 .min = 1,
                 .max = 20000,
                 .doc = "boxes with the best scores that are held against each other; bounds "
                        "the work"},
                {.name = "class_agnostic",
                 .type = ParamType::kBool,
                 .fallback = false,
                 .doc = "boxes of different classes suppress each other, too"}},
     .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
       return std::make_unique<Nms>(setup.params);
     }}));

}  // namespace

}  // namespace leat
