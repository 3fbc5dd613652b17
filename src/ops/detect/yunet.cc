// The head of YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023): a row for
// each cell of a few grids over the model's input, each grid with tensors of its own.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/detect/detections.h"
#include "ops/detect/grids.h"

namespace leat {

namespace {

enum Port : size_t { kClass, kObject, kBox, kPoints, kTransform };
constexpr const char* kNames[] = {"cls", "obj", "bbox", "kps"};
constexpr size_t kMarks = 5;

class YuNet final : public Op {
 public:
  YuNet(Grids grids, const Params& params)
      : grids_(std::move(grids)),
        limits_(limits_of(params)),
        score_(static_cast<float>(params.real("score"))) {}

  Status run(OpCall& call) const override {
    LEAT_ASSIGN(GridLayout layout, check(call));
    LEAT_ASSIGN(Transform transform,
                Transform::of(call, kTransform, static_cast<float>(layout.width),
                              static_cast<float>(layout.height)));
    Suppressor& found = Suppressor::scratch();
    thread_local std::vector<float> marks;  // of each box in `found`, x and y in turn
    marks.clear();
    for (size_t k = 0; k < grids_.count(); ++k) {
      const float* values[4];
      for (size_t port = 0; port < 4; ++port) {
        values[port] = call.input(port, k).values<float>().data();
      }
      collect(values, layout.all[k], call.input(kClass, k).shape()[0], found, marks);
    }
    LEAT_ASSIGN(std::span<const uint32_t> places, give_boxes(call, found, limits_, transform));
    LEAT_ASSIGN(Tensor * out,
                call.output(2, DType::kFp32, {static_cast<int64_t>(places.size()), kMarks, 2}));
    float* to = out->mutable_values<float>().data();
    for (uint32_t place : places) {
      const float* mark = marks.data() + place * 2 * kMarks;
      for (size_t i = 0; i < kMarks; ++i, mark += 2) {
        *to++ = transform.x(mark[0]);
        *to++ = transform.y(mark[1]);
      }
    }
    return {};
  }

 private:
  Result<GridLayout> check(const OpCall& call) const {
    int64_t rows = 0;
    for (size_t port = 0; port < 4; ++port) {
      if (call.count(port) == grids_.count()) continue;
      return Status(Code::kBadInput, cat(kNames[port], ": ", call.count(port), " given, but ",
                                         grids_.count(), " strides"));
    }
    for (size_t k = 0; k < grids_.count(); ++k) rows += call.input(kClass, k).shape()[0];
    LEAT_ASSIGN(GridLayout layout, grids_.layout_for(rows, kNames[kClass]));
    int64_t first = 0;
    for (size_t k = 0; k < grids_.count(); ++k) {
      const int64_t wanted = layout.all[k].rows - first;
      first = layout.all[k].rows;
      for (size_t port = 0; port < 4; ++port) {
        const int64_t given = call.input(port, k).shape()[0];
        if (given == wanted) continue;
        return Status(Code::kBadInput,
                      cat(kNames[port], " number ", k, ": ", given, " rows; stride ",
                          layout.all[k].stride, " has ", wanted, " in an input of width ",
                          layout.width, ", height ", layout.height));
      }
    }
    return layout;
  }

  void collect(const float* const values[4], const Grid& grid, int64_t rows, Suppressor& found,
               std::vector<float>& marks) const {
    const auto stride = static_cast<float>(grid.stride);
    for (int64_t i = 0; i < rows; ++i) {
      const float product =
          std::clamp(values[kClass][i], 0.0f, 1.0f) * std::clamp(values[kObject][i], 0.0f, 1.0f);
      const float score = std::sqrt(product);
      if (!(score >= score_)) continue;
      const auto column = static_cast<float>(i % grid.across);
      const auto line = static_cast<float>(i / grid.across);
      const float* b = values[kBox] + 4 * i;
      const float x = (column + b[0]) * stride, y = (line + b[1]) * stride;
      const float half_width = std::exp(b[2]) * stride / 2;
      const float half_height = std::exp(b[3]) * stride / 2;
      const Box box{x - half_width, y - half_height, x + half_width, y + half_height};
      const std::span<const float> points(values[kPoints] + 2 * kMarks * static_cast<size_t>(i),
                                          2 * kMarks);
      if (!box.sound() || !std::ranges::all_of(points, [](float p) { return std::isfinite(p); })) {
        continue;
      }
      found.add(box, score, 0);
      for (size_t j = 0; j < points.size(); ++j) {
        marks.push_back((points[j] + (j % 2 == 0 ? column : line)) * stride);
      }
    }
  }

  Grids grids_;
  Suppressor::Limits limits_;
  float score_;
};

std::vector<PortSpec> outputs() {
  std::vector<PortSpec> ports = box_outputs();
  ports.push_back({"landmarks", "FP32[found,5,2]",
                   "of each face x, y of its right eye, left eye, tip of the nose, right and left "
                   "corner of the mouth, in pixels of the upright original; they may lie outside"});
  return ports;
}

std::vector<ParamSpec> params() {
  std::vector<ParamSpec> all = {score_param(0.6)};
  for (ParamSpec& param : limit_params(0.3)) all.push_back(std::move(param));
  for (ParamSpec& param : Grids::params({8, 16, 32})) all.push_back(std::move(param));
  return all;
}

PortSpec port(const char* name, const char* type, const char* doc) {
  return {.name = name, .type = type, .doc = doc, .many = true};
}

LEAT_OP(({.name = "detect.yunet",
          .doc = "Finds faces, and five points of each, in the outputs of a YuNet model. The score "
                 "of a box is the root of class times objectness. A row that holds NaN or "
                 "infinite numbers where they matter gives no face.",
          .inputs = {port("cls", "FP32[?,1]", "face or not, a tensor a stride, a row a cell"),
                     port("obj", "FP32[?,1]", "objectness, alike"),
                     port("bbox", "FP32[?,4]", "middle x, middle y, log width, log height, alike"),
                     port("kps", "FP32[?,10]", "x and y of five points, alike"), Transform::port()},
          .outputs = outputs(),
          .params = params(),
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            LEAT_ASSIGN(Grids grids, Grids::load(setup.params));
            return std::make_unique<YuNet>(std::move(grids), setup.params);
          }}));

}  // namespace

}  // namespace leat
