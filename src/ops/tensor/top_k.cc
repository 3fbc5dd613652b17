#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/half.h"
#include "base/text.h"
#include "ops/label_file.h"
#include "ops/tensor/softmax_rows.h"

namespace leat {

namespace {

// NaN comes last, equal values in the order of their places.
template <typename T>
struct Before {
  const T* values;
  bool largest;

  bool operator()(int64_t a, int64_t b) const {
    T x = values[a], y = values[b];
    if (largest ? x > y : x < y) return true;
    if (x == y) return a < b;
    bool x_nan = std::isnan(x), y_nan = std::isnan(y);
    if (x_nan && y_nan) return a < b;
    return y_nan && !x_nan;
  }
};

// The first `k` places in the order of `before`, sorted, into `best`.
template <typename T>
void select(size_t count, size_t k, const Before<T>& before, std::vector<int64_t>& best) {
  best.resize(count);
  std::iota(best.begin(), best.end(), 0);
  auto end = best.begin() + static_cast<ptrdiff_t>(k);
  std::partial_sort(best.begin(), end, best.end(), before);
  best.resize(k);
}

// The number of classes: all dimensions but one must be 1.
Result<int64_t> classes_of(const Shape& shape) {
  int64_t classes = 1;
  int wide = 0;
  for (int64_t size : shape.dims()) {
    if (size == 1) continue;
    ++wide;
    classes = size;
  }
  if (wide <= 1) return classes;
  return Status(Code::kBadInput, cat("scores: the shape is ", shape.text(),
                                     "; only one dimension may be larger than 1"));
}

class TopK final : public Op {
 public:
  TopK(LabelFile labels, const Params& params)
      : labels_(std::move(labels)),
        k_(static_cast<size_t>(params.integer("k"))),
        softmax_(params.flag("softmax")),
        largest_(params.flag("largest")) {}

  Status expect(const Type& type) const {
    if (type.open) return {};
    Shape shape = type.shape();
    if (!shape.known()) return {};
    LEAT_ASSIGN(int64_t classes, classes_of(shape));
    return labels_.fits(classes);
  }

  Status run(OpCall& call) const override {
    const Tensor& scores = call.input(0);
    LEAT_ASSIGN(int64_t classes, classes_of(scores.shape()));
    LEAT_TRY(labels_.fits(classes));
    if (scores.dtype() == DType::kFp64) return answer(call, scores.values<double>());
    if (scores.dtype() == DType::kFp32) return answer(call, scores.values<float>());
    thread_local std::vector<float> wide;
    wide.clear();
    for (uint16_t half : scores.values<uint16_t>()) wide.push_back(half_to_float(half));
    return answer(call, std::span<const float>(wide));
  }

 private:
  template <typename T>
  Status answer(OpCall& call, std::span<const T> scores) const {
    thread_local std::vector<T> probabilities;
    if (softmax_) {
      probabilities.resize(scores.size());
      softmax_row(scores.data(), probabilities.data(), scores.size());
    }
    // Chosen among the scores themselves: probabilities of unequal scores may be equal.
    thread_local std::vector<int64_t> best;
    select(scores.size(), std::min(k_, scores.size()), Before<T>{scores.data(), largest_}, best);

    std::span<const T> given = softmax_ ? std::span<const T>(probabilities) : scores;
    auto k = static_cast<int64_t>(best.size());
    LEAT_ASSIGN(Tensor * values, call.output(0, DType::kFp32, {k}));
    LEAT_ASSIGN(Tensor * indices, call.output(1, DType::kInt64, {k}));
    for (size_t i = 0; i < best.size(); ++i) {
      values->mutable_values<float>()[i] = static_cast<float>(given[static_cast<size_t>(best[i])]);
      indices->mutable_values<int64_t>()[i] = best[i];
    }
    if (labels_.given()) {
      LEAT_ASSIGN(Tensor names, labels_.pick(best));
      call.give(2, std::move(names));
    }
    return {};
  }

  LabelFile labels_;
  size_t k_;
  bool softmax_;
  bool largest_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  LEAT_ASSIGN(LabelFile labels, LabelFile::load(setup.params));
  auto op = std::make_unique<TopK>(std::move(labels), setup.params);
  if (setup.inputs[0]) LEAT_TRY(op->expect(*setup.inputs[0]));
  return op;
}

LEAT_OP((
    {.name = "tensor.top_k",
     .doc = "The classes with the best scores, the best first; of equal ones, the one with the "
            "lower number. NaN comes last.",
     .inputs = {{"scores", "FP16|FP32|FP64[...]", "one a class; all dimensions but one must be 1"}},
     .outputs =
         {{"values", "FP32[k]", "the scores, or probabilities with softmax"},
          {"indices", "INT64[k]", "the classes, counted from 0"},
          {.name = "labels", .type = "BYTES[k]", .doc = "their names", .only_with = "labels"}},
     .params = {{.name = "k",
                 .type = ParamType::kInt,
                 .fallback = int64_t{5},
                 .min = 1,
                 .max = 1e6,
                 .doc = "how many; all when there are fewer"},
                {.name = "softmax",
                 .type = ParamType::kBool,
                 .fallback = false,
                 .doc = "turn scores into probabilities, over all classes"},
                {.name = "largest",
                 .type = ParamType::kBool,
                 .fallback = true,
                 .doc = "false: the smallest scores are the best"},
                LabelFile::param()},
     .make = make}));

}  // namespace

}  // namespace leat
