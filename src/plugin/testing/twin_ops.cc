// Operators that are built twice: into the test program as home.*, and into a plug-in as twin.*.
#include <stdexcept>

#include "leat/op.h"

#ifndef FAMILY
#define FAMILY "home"
#endif

namespace {

using namespace leat;

using Made = Result<std::unique_ptr<Op>>;

std::string told(const OpSetup& setup) {
  std::string out;
  for (const auto& [name, value] : setup.params.values()) {
    out += name + "=";
    if (const auto* integer = std::get_if<int64_t>(&value)) out += std::to_string(*integer);
    if (const auto* real = std::get_if<double>(&value)) out += std::to_string(*real);
    if (const auto* flag = std::get_if<bool>(&value)) out += *flag ? "yes" : "no";
    if (const auto* text = std::get_if<std::string>(&value)) out += *text;
    if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
      for (double real : *reals) out += std::to_string(real) + ",";
    }
    if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
      for (const std::string& text : *texts) out += text + ",";
    }
    out += setup.params.has(name) ? " " : "(none) ";
  }
  for (const auto& type : setup.inputs) out += "in " + (type ? type->text() : "nothing") + " ";
  for (const Type& type : setup.wanted) out += "wanted " + type.text() + " ";
  for (const Type& type : setup.outputs) out += "out " + type.text() + " ";
  for (const auto& needs : setup.needs) {
    for (const ImageNeed& need : needs) {
      out += "need " + std::to_string(need.width) + "x" + std::to_string(need.height) + " " +
             std::to_string(static_cast<int>(need.fit)) + " " + std::to_string(need.crop) + " ";
      if (need.box) out += "from " + std::to_string(need.box->left) + " ";
    }
  }
  for (const Tensor& constant : setup.constants) {
    out += constant ? "constant of " + std::to_string(constant.byte_size()) + " " : "open ";
  }
  for (bool used : setup.used) out += used ? "used " : "not used ";
  return out;
}

// Says what it was told, by every way there is.
class Told final : public Op {
 public:
  explicit Told(const OpSetup& setup) : text_(told(setup)) {}
  Status run(OpCall& call) const override {
    LEAT_ASSIGN(Tensor text, Tensor::bytes(text_));
    call.give(0, std::move(text));
    return {};
  }
  std::optional<ImageNeed> need(size_t input) const override {
    if (input != 0) return std::nullopt;
    return ImageNeed{640, 480, Fit::kCover, 0.5, ImageBox{1, 2, 3, 4.5}};
  }
  std::string remark() const override { return text_; }

 private:
  const std::string text_;
};
LEAT_OP(({.name = FAMILY ".told",
          .doc = "Says what it was told. And more.",
          .inputs = {{.name = "image", .type = "IMAGE", .doc = "a picture", .optional = true},
                     {.name = "x", .type = "FP32|FP16[n,4,...]", .doc = "x", .optional = true}},
          .outputs = {{"text", "BYTES", "a text"}},
          .params = {{.name = "int", .type = ParamType::kInt, .fallback = int64_t{-7}, .doc = "i"},
                     {.name = "float", .type = ParamType::kFloat, .fallback = 0.1, .doc = "f"},
                     {.name = "bool", .type = ParamType::kBool, .fallback = true, .doc = "b"},
                     {.name = "text", .type = ParamType::kString, .doc = "t"},
                     {.name = "choice",
                      .type = ParamType::kChoice,
                      .fallback = std::string("b"),
                      .choices = {"a", "b"},
                      .doc = "c"},
                     {.name = "floats",
                      .type = ParamType::kFloats,
                      .fallback = std::vector<double>{1, 2.5},
                      .min = -3,
                      .max = 9,
                      .doc = "fs"},
                     {.name = "texts", .type = ParamType::kStrings, .doc = "ts"},
                     {.name = "path", .type = ParamType::kPath, .doc = "p"},
                     {.name = "dtype",
                      .type = ParamType::kDType,
                      .fallback = std::string("FP32"),
                      .doc = "d"}},
          .make = [](OpSetup& setup) -> Made { return std::make_unique<Told>(setup); }}));

class Scale final : public Op {
 public:
  explicit Scale(float by) : by_(by) {}
  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(Tensor * y, call.output(0, DType::kFp32, x.shape()));
    auto from = x.values<float>();
    auto to = y->mutable_values<float>();
    for (size_t i = 0; i < from.size(); ++i) to[i] = from[i] * by_;
    return {};
  }

 private:
  const float by_;
};
LEAT_OP(({.name = FAMILY ".scale",
          .doc = "Multiplies every element.",
          .inputs = {{"x", "FP32[...]", "values"}},
          .outputs = {{"y", "FP32[...]", "the same shape"}},
          .params = {{.name = "by", .type = ParamType::kFloat, .fallback = 2.0, .doc = "factor"}},
          .make = [](OpSetup& setup) -> Made {
            if (setup.inputs[0]) setup.outputs[0] = *setup.inputs[0];
            return std::make_unique<Scale>(static_cast<float>(setup.params.real("by")));
          }}));

// Views of what came in, and a row of it.
class Views final : public Op {
  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    if (x.shape()[0] == 0) return Status(Code::kBadInput, "no rows");
    call.give(0, x);
    call.give(1, x.row(x.shape()[0] - 1));
    call.give(2, x.reshaped(x.shape().with(0, 1)));
    return {};
  }
};
LEAT_OP(({.name = FAMILY ".views",
          .doc = "Gives what it gets.",
          .inputs = {{"x", "ANY[?,...]", "values"}},
          .outputs = {{"same", "ANY[...]", "all"},
                      {"last", "ANY[...]", "the last row"},
                      {"more", "ANY[...]", "of one more dimension"}},
          .params = {},
          .make = [](OpSetup&) -> Made { return std::make_unique<Views>(); }}));

class Words final : public Op {
  Status run(OpCall& call) const override {
    std::string all;
    std::vector<std::string_view> reversed;
    const Tensor& words = call.input(0);
    for (int64_t i = 0; i < words.shape().elements(); ++i) {
      all += std::string(words.string(i)) + "|";
      reversed.insert(reversed.begin(), words.string(i));
    }
    LEAT_ASSIGN(Tensor joined, Tensor::bytes(all));
    LEAT_ASSIGN(Tensor list, Tensor::strings(reversed));
    call.give(0, std::move(joined));
    call.give(1, std::move(list));
    return {};
  }
};
LEAT_OP(({.name = FAMILY ".words",
          .doc = "Joins words.",
          .inputs = {{"words", "BYTES[?]", "words"}},
          .outputs = {{"joined", "BYTES", "all of them"},
                      {"reversed", "BYTES[?]", "the last first"}},
          .params = {},
          .make = [](OpSetup&) -> Made { return std::make_unique<Words>(); }}));

class Join final : public Op {
  Status run(OpCall& call) const override {
    int64_t total = 0;
    for (size_t k = 0; k < call.count(0); ++k) total += call.input(0, k).shape()[0];
    LEAT_ASSIGN(Tensor * whole, call.output(0, DType::kInt64, Shape{total}));
    int64_t* to = whole->mutable_values<int64_t>().data();
    for (size_t k = 0; k < call.count(0); ++k) {
      for (int64_t value : call.input(0, k).values<int64_t>()) *to++ = value;
    }
    if (call.has(1)) call.give(1, call.input(1));
    return {};
  }
};
LEAT_OP(({.name = FAMILY ".join",
          .doc = "End to end.",
          .inputs = {{.name = "parts", .type = "INT64[?]", .doc = "parts", .many = true},
                     {.name = "more", .type = "FP32", .doc = "more", .optional = true}},
          .outputs = {{"whole", "INT64[?]", "all"},
                      {.name = "more", .type = "FP32", .doc = "it", .only_with = "more"}},
          .params = {},
          .make = [](OpSetup&) -> Made { return std::make_unique<Join>(); }}));

// A picture of which another is the full one.
class Shrink final : public Op {
  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Tensor * small, call.output(0, DType::kUint8, Shape{image.shape()[0], 1, 3}));
    for (uint8_t& value : small->mutable_values<uint8_t>()) value = 9;
    small->set_full_size(image.full_size());
    return {};
  }
};
LEAT_OP(({.name = FAMILY ".shrink",
          .doc = "A smaller picture.",
          .inputs = {{"image", "IMAGE", "a picture"}},
          .outputs = {{"image", "IMAGE", "one pixel wide"}},
          .params = {},
          .make = [](OpSetup&) -> Made { return std::make_unique<Shrink>(); }}));

// Memory of its own, counted.
class Lend final : public Op {
  Status run(OpCall& call) const override {
    auto* memory = new int32_t[2]{3, 4};
    call.give(0, Tensor::borrow(
                     DType::kInt32, Shape{2}, memory,
                     [](void* context) { delete[] static_cast<int32_t*>(context); }, memory));
    return {};
  }
};
LEAT_OP(({.name = FAMILY ".lend",
          .doc = "Gives memory of its own.",
          .inputs = {},
          .outputs = {{"y", "INT32[2]", "3 and 4"}},
          .params = {},
          .make = [](OpSetup&) -> Made { return std::make_unique<Lend>(); }}));

// Whatever an operator can do wrong.
class Wrong final : public Op {
 public:
  explicit Wrong(std::string how) : how_(std::move(how)) {}
  Status run(OpCall& call) const override {
    LEAT_ASSIGN(Tensor fine, Tensor::scalar<float>(1));
    if (how_ == "bad_input") return Status(Code::kBadInput, "3 was given, 4 is wanted");
    if (how_ == "bad_media") return Status(Code::kBadMedia, "no picture");
    if (how_ == "too_large") return Status(Code::kTooLarge, "large");
    if (how_ == "throw") throw std::runtime_error("out of paper");
    if (how_ == "throw_int") throw 3;
    if (how_ == "given_and_failed") {
      call.give(0, fine);
      return Status(Code::kBadInput, "after giving");
    }
    if (how_ == "given_and_thrown") {
      call.give(0, fine);
      throw std::runtime_error("after giving");
    }
    if (how_ == "negative") return call.output(0, DType::kFp32, Shape{-2}).status();
    if (how_ == "huge")
      return call.output(0, DType::kFp32, Shape{int64_t{1} << 60, 1 << 20}).status();
    if (how_ == "twice") {
      LEAT_TRY(call.output(0, DType::kFp32, Shape{}).status());
      LEAT_ASSIGN(Tensor * again, call.output(0, DType::kFp32, Shape{}));
      again->mutable_values<float>()[0] = 5;
      return {};
    }
    if (how_ == "then_given") {
      LEAT_TRY(call.output(0, DType::kFp32, Shape{}).status());
      call.give(0, fine);
      return {};
    }
    if (how_ == "abandoned") {
      while (!call.abandoned()) {
      }
      return Status(Code::kCancelled, "abandoned");
    }
    // From here on a built-in one would break the program.
    if (how_ == "output_port") return call.output(7, DType::kFp32, Shape{}).status();
    if (how_ == "give_port") call.give(7, fine);
    if (how_ == "strings") return call.output(0, DType::kBytes, Shape{2}).status();
    if (how_ == "type") {
      LEAT_ASSIGN(fine, Tensor::scalar<double>(1));
    }
    if (how_ == "shape") {
      LEAT_ASSIGN(fine, Tensor::allocate(DType::kFp32, Shape{3}));
    }
    if (how_ != "nothing") call.give(0, fine);
    if (how_ == "too_much") call.give(1, fine);
    return {};
  }

 private:
  const std::string how_;
};
LEAT_OP(({.name = FAMILY ".wrong",
          .doc = "Goes wrong.",
          .inputs = {{.name = "x", .type = "FP32", .doc = "x", .optional = true}},
          .outputs = {{"y", "FP32", "1"},
                      {.name = "z", .type = "FP32", .doc = "z", .only_with = "x"}},
          .params = {{.name = "how", .type = ParamType::kString, .required = true, .doc = "how"}},
          .make = [](OpSetup& setup) -> Made {
            const std::string& how = setup.params.text("how");
            if (how == "make") return Status(Code::kBadInput, "how: make");
            if (how == "make_throws") throw std::runtime_error("no toner");
            if (how == "make_parameter") setup.params.real("no_such");
            if (how == "make_nothing") return std::unique_ptr<Op>();
            if (how == "make_more") setup.outputs.resize(5);
            if (how == "make_type") setup.outputs[0] = Type::of("INT64[3]");
            return std::make_unique<Wrong>(how);
          }}));

}  // namespace
