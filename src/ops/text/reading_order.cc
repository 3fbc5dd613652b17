// text.reading_order: the boxes of a page in the order in which one reads them.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "leat/op.h"

namespace leat {

namespace {

enum Port : size_t { kQuads, kBoxes, kOrder };

// Where a box begins and how high it stands.
struct Extent {
  double left, middle, height;
};

// The height is the mean of the left and the right side's, so that a slope counts for nothing.
Extent extent_of_quad(const float* corners) {
  double q[8];
  std::copy_n(corners, 8, q);
  const double left = std::hypot(q[6] - q[0], q[7] - q[1]);
  const double right = std::hypot(q[4] - q[2], q[5] - q[3]);
  return {std::min({q[0], q[2], q[4], q[6]}), (q[1] + q[3] + q[5] + q[7]) / 4, (left + right) / 2};
}

Extent extent_of_box(const float* corners) {
  double b[4];
  std::copy_n(corners, 4, b);
  return {b[0], (b[1] + b[3]) / 2, std::abs(b[3] - b[1])};
}

// Boxes from the top down, by their middles, are taken into a line as long as their middles are at
// most half the line's height, the mean of its boxes', from the mean of its middles.
void read(std::span<const Extent> extents, std::vector<int64_t>& order) {
  order.resize(extents.size());
  std::iota(order.begin(), order.end(), 0);
  const auto at = [&](int64_t i) -> const Extent& { return extents[static_cast<size_t>(i)]; };
  std::ranges::stable_sort(order, {}, [&](int64_t i) { return at(i).middle; });
  for (auto line = order.begin(); line != order.end();) {
    double middles = 0, heights = 0;
    auto end = line;
    do {
      middles += at(*end).middle;
      heights += at(*end).height;
      ++end;
    } while (end != order.end() && at(*end).middle - middles / static_cast<double>(end - line) <=
                                       heights / static_cast<double>(end - line) / 2);
    std::stable_sort(line, end, [&](int64_t a, int64_t b) {
      return at(a).left != at(b).left ? at(a).left < at(b).left : at(a).middle < at(b).middle;
    });
    line = end;
  }
}

class ReadingOrder final : public Op {
 public:
  Status run(OpCall& call) const override {
    if (call.has(kQuads) == call.has(kBoxes)) {
      return Status(Code::kBadInput, "quads or boxes are needed, one of them");
    }
    const size_t port = call.has(kQuads) ? kQuads : kBoxes;
    const Tensor& given = call.input(port);
    const std::span<const float> numbers = given.values<float>();
    const size_t wide = port == kQuads ? 8 : 4;
    thread_local std::vector<Extent> extents;
    extents.clear();
    for (size_t i = 0; i < numbers.size(); i += wide) {
      for (float number : numbers.subspan(i, wide)) {
        if (std::isfinite(number)) continue;
        return Status(Code::kBadInput,
                      cat(port == kQuads ? "quads" : "boxes", ": number ", i / wide, " holds ",
                          number, "; finite ones are needed"));
      }
      const float* first = numbers.data() + i;
      extents.push_back(port == kQuads ? extent_of_quad(first) : extent_of_box(first));
    }
    thread_local std::vector<int64_t> order;
    read(extents, order);
    LEAT_ASSIGN(Tensor * sorted, call.output(port, DType::kFp32, given.shape()));
    LEAT_ASSIGN(Tensor * order_out,
                call.output(kOrder, DType::kInt64, {static_cast<int64_t>(order.size())}));
    auto to = sorted->mutable_values<float>().begin();
    for (int64_t i : order) {
      to = std::ranges::copy(numbers.subspan(static_cast<size_t>(i) * wide, wide), to).out;
    }
    std::ranges::copy(order, order_out->mutable_values<int64_t>().begin());
    return {};
  }
};

LEAT_OP(
    ({.name = "text.reading_order",
      .doc = "Puts boxes of text into the order in which one reads them: lines from top to bottom, "
             "in a line from left to right. Going down by their middles, boxes belong to a line "
             "as long as they are at most half its height, both the mean of its boxes, away from "
             "it.",
      .inputs = {{"quads", "FP32[n,4,2]",
                  "corners, clockwise from the top left of the text: either these or boxes", true},
                 {"boxes", "FP32[n,4]", "x1, y1, x2, y2", true}},
      .outputs = {{.name = "quads",
                   .type = "FP32[n,4,2]",
                   .doc = "the same in that order",
                   .only_with = "quads"},
                  {.name = "boxes",
                   .type = "FP32[n,4]",
                   .doc = "the same in that order",
                   .only_with = "boxes"},
                  {"order", "INT64[n]", "which of the n each was; tensor.take puts others alike"}},
      .params = {},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        if (setup.inputs[kQuads].has_value() == setup.inputs[kBoxes].has_value()) {
          return Status(Code::kBadInput, "connect quads or boxes, one of them");
        }
        return std::make_unique<ReadingOrder>();
      }}));

}  // namespace

}  // namespace leat
