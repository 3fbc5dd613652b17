// Operators: what a step runs when it is neither a model nor Python.
//
// An operator is one small file: its signature (OpSpec: ports, parameters with defaults, and their
// documentation, from which the checker, `leat ops`, the JSON Schema and docs/ are made), a const
// class that works on one item, and LEAT_OP, which puts it into the catalogue.
//
//   class Scale final : public Op {
//    public:
//     explicit Scale(float by) : by_(by) {}
//     Status run(OpCall& call) const override {
//       const Tensor& x = call.input(0);
//       LEAT_ASSIGN(Tensor * y, call.output(0, DType::kFp32, x.shape()));
//       ...
//       return {};
//     }
//   };
//   LEAT_OP(({.name = "tensor.scale",
//             .doc = "Multiplies every element.",
//             .inputs = {{"x", "FP32[...]", "values"}},
//             .outputs = {{"y", "FP32[...]", "the same shape"}},
//             .params = {{.name = "by", .type = ParamType::kFloat, .fallback = 1.0,
//                         .doc = "factor"}},
//             .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
//               return std::make_unique<Scale>(setup.params.real("by"));
//             }}));
//
// In a shared library that is linked with leat_plugin the same file is a plug-in, which pipelines
// name with `plugin: libmine.so`: docs/plugins.md.
//
// Threads: run() is called from many threads at once on one object. State that must survive a call
// does not belong here; scratch memory is thread_local.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "leat/tensor.h"
#include "leat/type.h"

namespace leat {

struct PortSpec {
  std::string name;
  std::string type;  // see leat/type.h
  std::string doc;
  bool optional = false;  // input: may be left unconnected or absent
  bool many = false;      // input: takes a list of references, one or more
  // Output: the optional input, or the parameter, without which it is absent. Empty: always given.
  std::string only_with{};
};

enum class ParamType : uint8_t {
  kInt,
  kFloat,
  kBool,
  kString,
  kChoice,   // one of `choices`
  kFloats,   // a list of numbers
  kStrings,  // a list of strings
  kPath,     // of a file, relative to the pipeline file; given to the operator as absolute
  kDType,    // a data type's name
};

// monostate: not given, and there is no default.
using ParamValue = std::variant<std::monostate, int64_t, double, bool, std::string,
                                std::vector<double>, std::vector<std::string>>;

struct ParamSpec {
  std::string name;
  ParamType type = ParamType::kString;
  ParamValue fallback{};  // the default. Floats: a double, ints: an int64_t, choices: a string
  bool required = false;
  double min = -1e300;  // bounds of numbers (each number of a list), inclusive
  double max = 1e300;
  std::vector<std::string> choices{};
  std::string doc{};  // what it does, with units
};

// The parameters of one step, checked against the specs and with defaults filled in.
class Params {
 public:
  bool has(const std::string& name) const;  // given, or has a default
  int64_t integer(const std::string& name) const;
  double real(const std::string& name) const;
  bool flag(const std::string& name) const;
  const std::string& text(const std::string& name) const;  // strings, choices, paths, dtypes
  const std::vector<double>& reals(const std::string& name) const;
  const std::vector<std::string>& texts(const std::string& name) const;

  void set(const std::string& name, ParamValue value) { values_[name] = std::move(value); }
  const std::map<std::string, ParamValue>& values() const { return values_; }

 private:
  const ParamValue& at(const std::string& name) const;
  std::map<std::string, ParamValue> values_;
};

enum class Fit : uint8_t {
  kStretch,    // both axes scaled apart
  kLetterbox,  // the whole picture, borders filled
  kCover,      // the middle of the picture, borders cut
};

// A rectangle of a picture, in pixels of the upright original.
struct ImageBox {
  double left, top, right, bottom;
  bool operator==(const ImageBox&) const = default;
};

// What a consumer with a known target needs of a picture, so that a decoder may make a smaller one,
// or only a part of it.
struct ImageNeed {
  static constexpr int kAny = INT32_MAX;  // of a side: as large as there are pixels for

  int width;   // of the target, in pixels: the region that the whole picture (kStretch, kLetterbox)
  int height;  // or its middle (kCover) will be scaled to
  Fit fit;
  double crop = 1;  // kCover: the part of the target, about its middle, that is looked at
  // If set, "picture" above means what of it lies in this box; a reduced picture will do only if
  // the box begins and ends between two of its pixels.
  std::optional<ImageBox> box{};

  // The factor, at most 1, below which a picture of this size would have to be enlarged again.
  double scale_for(int picture_width, int picture_height) const;
  // What of a picture of this size is looked at, with what filters reach beside it; within the
  // picture, and at least a pixel of it. Right for pictures that are reduced to no less than
  // scale_for().
  ImageBox part_of(int picture_width, int picture_height) const;
  bool operator==(const ImageNeed&) const = default;
};

// What is known about a step when its operator is made, at load time.
struct OpSetup {
  const Params& params;
  // By input port: what is connected; nullopt for an unconnected optional port. A port that takes
  // many has the type all of them fit.
  std::vector<std::optional<Type>> inputs;
  // By output port: what its consumers ask for, as far as known (for `image.to_tensor`, the input
  // of the model it feeds). Type::anything() when nothing is known.
  std::vector<Type> wanted;
  // By output port: the needs of its consumers if all of them have one; empty: the full picture.
  std::vector<std::vector<ImageNeed>> needs;
  // By output port: from the signature; make() narrows them where it knows more.
  std::vector<Type> outputs;
  // By input port: the value, where it is one that stands in the pipeline file, and is absent
  // otherwise. Not told to an operator in a process of its own.
  std::vector<Tensor> constants{};
  // By output port: does anybody take it?
  std::vector<bool> used{};
};

// One run on one item. Ports are by position in the OpSpec.
class OpCall {
 public:
  virtual ~OpCall() = default;

  // The value on an input port; of a port that takes many, the k-th. It has been checked against
  // the signature. has() is false for an absent optional input.
  const Tensor& input(size_t port, size_t k = 0) const { return *inputs_[port][k]; }
  bool has(size_t port) const { return !inputs_[port].empty() && inputs_[port][0] != nullptr; }
  size_t count(size_t port) const { return inputs_[port].size(); }

  // Memory for an output, uninitialised, placed where its consumer wants it. Call it once a port,
  // as soon as the shape is known. For BYTES use give() with Tensor::bytes or Tensor::strings.
  virtual Result<Tensor*> output(size_t port, DType type, const Shape& shape) = 0;
  // A value that exists already (an input, a view on one, a tensor made with Tensor::allocate).
  virtual void give(size_t port, Tensor value) = 0;

  // True when nobody waits for the answer any more. Long loops ask now and then and return any
  // error.
  virtual bool abandoned() const = 0;

 protected:
  std::span<const std::span<const Tensor* const>> inputs_;
};

class Op {
 public:
  virtual ~Op() = default;
  // kBadInput: this item's value is wrong; kBadMedia: bytes that cannot be read; other codes reach
  // the caller as kStepFailed. Every output is given but those whose only_with is absent.
  virtual Status run(OpCall& call) const = 0;
  // For an input that is a picture: what this operator needs of it when its target is known. Of
  // pixels beside that part the picture that it is given may have any.
  virtual std::optional<ImageNeed> need(size_t /*input_port*/) const { return std::nullopt; }
  // For `leat graph`: what was settled at load ("decodes at 1/2 or more"). Empty: nothing to say.
  virtual std::string remark() const { return {}; }
};

struct OpSpec {
  std::string name;  // family.verb
  std::string doc;   // first sentence: what it does
  std::vector<PortSpec> inputs;
  std::vector<PortSpec> outputs;
  std::vector<ParamSpec> params;
  std::function<Result<std::unique_ptr<Op>>(OpSetup& setup)> make{};
};

// Every operator in this program, by name; seen from a plug-in, its own.
class OpCatalogue {
 public:
  static const std::map<std::string, OpSpec>& all();
  static const OpSpec* find(const std::string& name);
  static bool add(OpSpec spec);  // asserts that the spec is sound; used by LEAT_OP
};

}  // namespace leat

#define LEAT_OP(...) LEAT_OP_IMPL_(__COUNTER__, __VA_ARGS__)
#define LEAT_OP_IMPL_(n, ...) LEAT_OP_IMPL2_(n, __VA_ARGS__)
#define LEAT_OP_IMPL2_(n, ...)                     \
  [[maybe_unused]] static const bool leat_op_##n = \
      ::leat::OpCatalogue::add(::leat::OpSpec __VA_ARGS__)
