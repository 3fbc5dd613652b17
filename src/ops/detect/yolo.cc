// The heads of YOLOv5 and YOLOv8 as they are exported, their grids worked in already: boxes as
// middle x, middle y, width, height in pixels of the model's input.
//   v5 (v6, v7)       [rows, 5 + classes]: box, objectness, a probability a class
//   v8 (v9, v11, ...) [4 + classes, boxes]: box, a probability a class; a column a box
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/detect/best_class.h"
#include "ops/detect/detections.h"

namespace leat {

namespace {

class Yolo final : public Op {
 public:
  Yolo(Detections detections, bool objectness)
      : detections_(std::move(detections)), objectness_(objectness) {}

  Status expect(const Type& type) const {
    if (type.open) return {};
    const int64_t attributes = type.dims[objectness_ ? 1 : 0].size;
    return attributes < 0 ? Status() : check_attributes(attributes);
  }

  Status run(OpCall& call) const override {
    const Tensor& output = call.input(0);
    const Shape& shape = output.shape();
    LEAT_TRY(check_attributes(shape[objectness_ ? 1 : 0]));
    LEAT_ASSIGN(Transform transform, Transform::of(call, 1));
    Suppressor& found = Suppressor::scratch();
    const float* values = output.values<float>().data();
    if (objectness_) {
      collect_rows(values, shape[0], shape[1], found);
    } else {
      collect_columns(values, static_cast<size_t>(shape[0]), static_cast<size_t>(shape[1]), found);
    }
    return detections_.finish(call, found, transform);
  }

 private:
  int64_t fixed() const { return objectness_ ? 5 : 4; }  // attributes before the classes

  Status check_attributes(int64_t attributes) const {
    if (attributes <= fixed()) {
      return Status(Code::kBadInput, cat("output: ", attributes, objectness_ ? " columns" : " rows",
                                         "; at least ", fixed() + 1, " are needed: a box, ",
                                         objectness_ ? "its score, classes" : "classes"));
    }
    return detections_.labels().fits(attributes - fixed());
  }

  void add(float x, float y, float width, float height, float score, int64_t label,
           Suppressor& found) const {
    if (!(score >= detections_.score()) || std::isinf(score)) return;
    const Box box{x - width / 2, y - height / 2, x + width / 2, y + height / 2};
    if (box.sound()) found.add(box, score, label);
  }

  void collect_rows(const float* row, int64_t rows, int64_t wide, Suppressor& found) const {
    for (int64_t i = 0; i < rows; ++i, row += wide) {
      if (!(row[4] >= detections_.score())) continue;  // no class makes it better
      const float* best = std::max_element(row + 5, row + wide);
      add(row[0], row[1], row[2], row[3], row[4] * *best, best - row - 5, found);
    }
  }

  void collect_columns(const float* values, size_t attributes, size_t count,
                       Suppressor& found) const {
    thread_local BestClasses best;
    best.find(values + 4 * count, attributes - 4, count);
    for (size_t i = 0; i < count; ++i) {
      add(values[i], values[count + i], values[2 * count + i], values[3 * count + i],
          best.scores[i], best.classes[i], found);
    }
  }

  Detections detections_;
  bool objectness_;
};

LEAT_OP(
    ({.name = "detect.yolo",
      .doc = "Finds the boxes in the output of a YOLO model that has its grids worked in. A box "
             "has its most probable class, with v5 times objectness as its score. One that holds "
             "NaN or infinite numbers where they matter is none.",
      .inputs = {{"output", "FP32[?,?]",
                  "of v5, a row a box: middle x, middle y, width, height, objectness, classes; of "
                  "v8, a column a box: middle x, middle y, width, height, classes. In pixels of "
                  "the model's input"},
                 Transform::port()},
      .outputs = Detections::outputs(),
      .params = Detections::params(
          0.25, 0.45,
          {{.name = "head",
            .type = ParamType::kChoice,
            .required = true,
            .choices = {"v5", "v8"},
            .doc = "v5: YOLOv5, v6 and v7; v8: YOLOv8 and later with its head, which has no "
                   "objectness"}}),
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        LEAT_ASSIGN(Detections detections, Detections::load(setup.params));
        auto op = std::make_unique<Yolo>(std::move(detections), setup.params.text("head") == "v5");
        if (setup.inputs[0]) LEAT_TRY(op->expect(*setup.inputs[0]));
        return op;
      }}));

}  // namespace

}  // namespace leat
