// Operators and models for tests of the compiler: they have signatures and nothing else. Including
// this registers the operators, once in a program.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/text.h"
#include "leat/op.h"
#include "model/fake_model.h"
#include "pipeline/compile.h"

namespace leat {

// Does nothing; tells what it was told when it was made.
class FakeOp final : public Op {
 public:
  explicit FakeOp(OpSetup& setup) {
    for (const Type& type : setup.wanted) remark_ += cat("wanted ", type.text(), " ");
    for (const auto& needs : setup.needs) {
      for (const ImageNeed& need : needs)
        remark_ += cat("need ", need.width, "x", need.height, " ");
    }
  }
  Status run(OpCall&) const override { return Status(Code::kInternal, "a fake"); }
  std::optional<ImageNeed> need(size_t) const override { return need_; }
  std::string remark() const override { return remark_; }

  void set_need(ImageNeed need) { need_ = need; }

 private:
  std::string remark_;
  std::optional<ImageNeed> need_;
};

inline Result<std::unique_ptr<Op>> make_fake(OpSetup& setup) {
  return std::unique_ptr<Op>(std::make_unique<FakeOp>(setup));
}

// Takes width and height from what is wanted of it.
inline Result<std::unique_ptr<Op>> make_fake_to_tensor(OpSetup& setup) {
  auto op = std::make_unique<FakeOp>(setup);
  const Type& wanted = setup.wanted[0];
  bool known = wanted.dims.size() == 3 && wanted.dims[1].size > 0 && wanted.dims[2].size > 0;
  bool said = setup.params.has("width") && setup.params.has("height");
  if (!known && !said) return Status(Code::kBadInput, "width and height are not known; say them");
  int64_t height = said ? setup.params.integer("height") : wanted.dims[1].size;
  int64_t width = said ? setup.params.integer("width") : wanted.dims[2].size;
  setup.outputs[0] = Type::exactly(DType::kFp32, Shape{3, height, width});
  op->set_need({static_cast<int>(width), static_cast<int>(height), Fit::kLetterbox});
  return std::unique_ptr<Op>(std::move(op));
}

inline Result<std::unique_ptr<Op>> make_fake_top(OpSetup& setup) {
  for (Type& type : setup.outputs) type.dims[0] = {setup.params.integer("k"), ""};
  return make_fake(setup);
}

// Its output has its input's type.
inline Result<std::unique_ptr<Op>> make_fake_same(OpSetup& setup) {
  if (setup.inputs[0]) setup.outputs[0] = *setup.inputs[0];
  return make_fake(setup);
}

inline bool add_fake_ops() {
  OpCatalogue::add({.name = "fake.decode",
                    .doc = "Bytes to a picture.",
                    .inputs = {{"data", "BYTES", "file"}},
                    .outputs = {{"image", "IMAGE", "picture"}},
                    .params = {},
                    .make = make_fake});
  OpCatalogue::add({.name = "fake.encode",
                    .doc = "A picture to bytes.",
                    .inputs = {{"image", "IMAGE", "picture"}},
                    .outputs = {{"data", "BYTES", "file"}},
                    .params = {{.name = "format",
                                .type = ParamType::kChoice,
                                .fallback = std::string("JPEG"),
                                .choices = {"JPEG", "PNG"},
                                .doc = "format"},
                               {.name = "max_side",
                                .type = ParamType::kInt,
                                .min = 1,
                                .max = 65535,
                                .doc = "longest side in pixels"}},
                    .make = make_fake});
  OpCatalogue::add(
      {.name = "fake.to_tensor",
       .doc = "A picture to numbers.",
       .inputs = {{"image", "IMAGE", "picture"}},
       .outputs = {{"tensor", "FP32[...]", "numbers"}, {"transform", "FP32[6]", "way back"}},
       .params = {{.name = "width", .type = ParamType::kInt, .min = 1, .doc = "pixels"},
                  {.name = "height", .type = ParamType::kInt, .min = 1, .doc = "pixels"},
                  {.name = "mean",
                   .type = ParamType::kFloats,
                   .min = 0,
                   .max = 255,
                   .doc = "of each channel"}},
       .make = make_fake_to_tensor});
  OpCatalogue::add(
      {.name = "fake.boxes",
       .doc = "What was found.",
       .inputs = {{"output", "FP32[n,85]", "raw"}, {"transform", "FP32[6]", "way back"}},
       .outputs = {{"boxes", "FP32[?,4]", "boxes"}, {"scores", "FP32[?]", "scores"}},
       .params = {{.name = "score",
                   .type = ParamType::kFloat,
                   .fallback = 0.5,
                   .min = 0,
                   .max = 1,
                   .doc = "threshold"}},
       .make = make_fake});
  OpCatalogue::add({.name = "fake.crop",
                    .doc = "A piece of a picture.",
                    .inputs = {{"image", "IMAGE", "picture"}, {"box", "FP32[4]", "where"}},
                    .outputs = {{"image", "IMAGE", "piece"}},
                    .params = {},
                    .make = make_fake});
  OpCatalogue::add(
      {.name = "fake.top",
       .doc = "The largest.",
       .inputs = {{"scores", "FP32[n]", "scores"}},
       .outputs = {{.name = "labels", .type = "BYTES[?]", .doc = "names", .only_with = "labels"},
                   {"values", "FP32[?]", "scores"}},
       .params =
           {{.name = "k", .type = ParamType::kInt, .required = true, .min = 1, .doc = "how many"},
            {.name = "labels", .type = ParamType::kPath, .doc = "file"}},
       .make = make_fake_top});
  OpCatalogue::add({.name = "fake.same",
                    .doc = "What came.",
                    .inputs = {{"x", "ANY[...]", "anything"}},
                    .outputs = {{"y", "ANY[...]", "the same"}},
                    .params = {},
                    .make = make_fake_same});
  OpCatalogue::add({.name = "fake.add",
                    .doc = "A sum.",
                    .inputs = {{"a", "FP32[n]", "one"},
                               {"b", "FP32[n]", "other"},
                               {.name = "c", .type = "FP32", .doc = "more", .optional = true}},
                    .outputs = {{"sum", "FP32[n]", "sum"},
                                {.name = "of_c", .type = "FP32", .doc = "more", .only_with = "c"}},
                    .params = {},
                    .make = make_fake});
  OpCatalogue::add({.name = "fake.join",
                    .doc = "End to end.",
                    .inputs = {{.name = "parts", .type = "FP32[?]", .doc = "parts", .many = true}},
                    .outputs = {{"whole", "FP32[?]", "whole"}},
                    .params = {},
                    .make = make_fake});
  OpCatalogue::add({.name = "fake.number",
                    .doc = "A number of a number.",
                    .inputs = {{"x", "INT64|FP32", "number"}},
                    .outputs = {{"y", "FP32", "number"}},
                    .params = {},
                    .make = make_fake});
  return true;
}
inline const bool fake_ops = add_fake_ops();

// Models by the name of their file; whatever folder it is in.
class FakeModels final : public ModelSource {
 public:
  FakeModels() {
    add("detector.onnx", {{"images", "FP32[1,3,416,416]"}}, {{"output", "FP32[1,3549,85]"}});
    add("classifier.onnx", {{"input", "FP32[batch,3,224,224]"}}, {{"output", "FP32[batch,1000]"}});
    add("speech.onnx", {{"input", "FP32[?,?]"}, {"state", "FP32[2,?,128]"}, {"sr", "INT64"}},
        {{"output", "FP32[?,1]"}, {"stateN", "FP32[?,?,?]"}});
    add("words.onnx", {{"tokens", "INT64[n,length]"}, {"mask", "INT64[n,length]"}},
        {{"vector", "FP32[n,64]"}, {"inputs:0", "FP32[n,length,2]"}});
    add("lengths.onnx", {{"x", "FP32[n,80,time]"}, {"len", "INT64[n]"}},
        {{"y", "FP32[n,frames,29]"}});
    add("yolox_nano_416.onnx", {{"images", "FP32[1,3,416,416]"}}, {{"output", "FP32[1,3549,85]"}});
    add("mobilenetv2-12-int8.onnx", {{"input", "FP32[batch_size,3,224,224]"}},
        {{"output", "FP32[batch_size,1000]"}});
    add("whole.onnx", {{"x", "FP32[n,4]"}}, {{"mean", "FP32[4]"}});
  }

  Result<std::shared_ptr<Model>> get(const std::string& path, const ModelOptions&) override {
    auto found = models_.find(path.substr(path.rfind('/') + 1));
    if (found == models_.end()) return Status(Code::kNotFound, "there is no such file");
    return found->second;
  }

 private:
  void add(const std::string& name, const std::vector<FakeModel::Port>& inputs,
           const std::vector<FakeModel::Port>& outputs) {
    models_[name] = std::make_shared<FakeModel>(inputs, outputs, nullptr);
  }
  std::map<std::string, std::shared_ptr<Model>> models_;
};

}  // namespace leat
