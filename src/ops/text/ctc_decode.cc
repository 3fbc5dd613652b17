// text.ctc_decode: what a text recogniser has read.
#include <algorithm>

#include "base/text.h"
#include "leat/op.h"
#include "ops/label_file.h"
#include "ops/tensor/softmax_rows.h"
#include "ops/text/prefix_beam.h"

namespace leat {

namespace {

class CtcDecode final : public Op {
 public:
  CtcDecode(LabelFile dictionary, const Params& params)
      : dictionary_(std::move(dictionary)),
        classes_(static_cast<int64_t>(dictionary_.size()) + 1 + params.flag("space")),
        blank_(params.integer("blank")),
        beam_(static_cast<size_t>(params.integer("beam"))),
        logits_(params.flag("logits")),
        path_(params.text("dictionary")) {
    if (blank_ < 0) blank_ += classes_;
  }

  Status check() const {
    if (blank_ >= 0 && blank_ < classes_) return {};
    return Status(Code::kBadInput, cat("blank: there are ", classes_, " classes; ", -classes_,
                                       " to ", classes_ - 1, " are allowed"));
  }
  Status check_classes(int64_t classes) const {
    if (classes == classes_) return {};
    const bool space = classes_ > static_cast<int64_t>(dictionary_.size()) + 1;
    return Status(
        Code::kBadInput,
        cat("probabilities: ", classes, " classes; ", dictionary_.size(), " lines in ", path_,
            space ? ", a space" : "", " and the blank are ", classes_,
            classes == classes_ + 1 && !space ? "; set space if the last class is one" : ""));
  }

  Status run(OpCall& call) const override {
    const Tensor& input = call.input(0);
    LEAT_TRY(check_classes(input.shape()[1]));
    std::span<const float> values = input.values<float>();
    const auto classes = static_cast<size_t>(classes_);
    if (logits_) {
      thread_local std::vector<float> probabilities;
      probabilities.resize(values.size());
      for (size_t i = 0; i < values.size(); i += classes) {
        softmax_row(values.data() + i, probabilities.data() + i, classes);
      }
      values = probabilities;
    }
    // The most probable class of each step, which also tells what is no probability.
    thread_local std::vector<int64_t> best;
    best.clear();
    for (size_t i = 0; i < values.size(); i += classes) {
      const auto row = values.subspan(i, classes);
      const auto most = std::ranges::max_element(row);
      if (!(*most >= 0 && *most <= 1.001f)) {
        return Status(Code::kBadInput,
                      cat("probabilities: ", *most, " at step ", best.size(), " is no probability",
                          logits_ ? "" : "; set logits if it is none"));
      }
      best.push_back(most - row.begin());
    }
    return beam_ > 1 ? search(call, values) : greedy(call, values, best);
  }

 private:
  Status greedy(OpCall& call, std::span<const float> values, std::span<const int64_t> best) const {
    thread_local std::vector<int64_t> kept;
    kept.clear();
    double sum = 0;
    for (size_t t = 0; t < best.size(); ++t) {
      if (best[t] == blank_ || (t > 0 && best[t] == best[t - 1])) continue;
      kept.push_back(best[t]);
      sum += double{values[t * static_cast<size_t>(classes_) + static_cast<size_t>(best[t])]};
    }
    return answer(call, kept, kept.empty() ? 0 : sum / static_cast<double>(kept.size()));
  }

  Status search(OpCall& call, std::span<const float> values) const {
    PrefixBeam beam(beam_, blank_);
    const auto classes = static_cast<size_t>(classes_);
    for (size_t i = 0; i < values.size(); i += classes) {
      if (call.abandoned()) return Status(Code::kCancelled, "nobody waits any more");
      beam.step(values.subspan(i, classes));
    }
    const PrefixBeam::Text text = beam.best();
    return answer(call, text.classes, text.mean);
  }

  Status answer(OpCall& call, std::span<const int64_t> kept, double score) const {
    std::string text;
    for (int64_t label : kept) {
      const auto i = static_cast<size_t>(label - (label > blank_));
      text += i < dictionary_.size() ? dictionary_[i] : " ";
    }
    LEAT_ASSIGN(Tensor bytes, Tensor::bytes(text));
    call.give(0, std::move(bytes));
    LEAT_ASSIGN(Tensor * out, call.output(1, DType::kFp32, {}));
    out->mutable_values<float>()[0] = static_cast<float>(score);
    return {};
  }

  LabelFile dictionary_;
  int64_t classes_;
  int64_t blank_;
  size_t beam_;
  bool logits_;
  std::string path_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  LEAT_ASSIGN(LabelFile dictionary, LabelFile::lines_of(setup.params, "dictionary"));
  auto op = std::make_unique<CtcDecode>(std::move(dictionary), setup.params);
  LEAT_TRY(op->check());
  const auto& input = setup.inputs[0];
  if (input && !input->open && input->dims[1].size >= 0) {
    LEAT_TRY(op->check_classes(input->dims[1].size));
  }
  return op;
}

LEAT_OP(
    ({.name = "text.ctc_decode",
      .doc = "Reads the text out of a CTC model's output: a class a step, repetitions taken as "
             "one, blanks dropped.",
      .inputs = {{"probabilities", "FP32[steps,classes]", "of each class at each step"}},
      .outputs = {{"text", "BYTES", "UTF-8 if the dictionary is"},
                  {"score", "FP32",
                   "the mean of the probabilities of its characters, each at its first step; 0 of "
                   "an empty text"}},
      .params = {{.name = "dictionary",
                  .type = ParamType::kPath,
                  .required = true,
                  .doc = "a text file with the characters of the classes, in their order without "
                         "the blank, one a line"},
                 {.name = "blank",
                  .type = ParamType::kInt,
                  .fallback = int64_t{0},
                  .min = -1,
                  .max = 1 << 24,
                  .doc = "the class that means no character; -1: the last"},
                 {.name = "space",
                  .type = ParamType::kBool,
                  .fallback = false,
                  .doc = "one class more follows those of the dictionary: a space"},
                 {.name = "logits",
                  .type = ParamType::kBool,
                  .fallback = false,
                  .doc = "the model ends without softmax, which is done here"},
                 {.name = "beam",
                  .type = ParamType::kInt,
                  .fallback = int64_t{1},
                  .min = 0,
                  .max = 100,
                  .doc = "0, 1: the most probable class of each step. More: so many texts are "
                         "followed, to find the most probable over all alignments"}},
      .make = make}));

}  // namespace

}  // namespace leat
