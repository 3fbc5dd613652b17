// Runs one operator alone, as the executor would: for tests, fuzzers and benchmarks of operators.
//
//   OpFixture op("tensor.top_k");
//   op.param("k", int64_t{1}).input("scores", scores);
//   ASSERT_TRUE(op.run().ok());
//   EXPECT_EQ(op["indices"].values<int64_t>()[0], 7);
//
// Parameters are checked against their specs and defaults are filled in; inputs are checked against
// the signature, named dimensions included, and so is what comes out (kInternal: the operator
// breaks its own promise). The operator is made at the first run(), or by make(), and kept: later
// runs with other inputs use the same object. For one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "leat/op.h"
#include "memory/lone_op.h"
#include "memory/op_params.h"

namespace leat {

class OpFixture final : private OpCall {
 public:
  // A run that has ended, for whoever wants to run every operator in another way too.
  struct Ran {
    const OpSpec& spec;
    const OpSetup& setup;  // as the operator was given it
    const std::vector<std::vector<Tensor>>& inputs;
    const Status& status;
    const std::vector<Tensor>& outputs;
  };
  static inline std::function<void(const Ran&)> watcher;

  explicit OpFixture(const std::string& name)
      : spec_(OpCatalogue::find(name)), missing_(cat("there is no operator ", name)) {
    if (!spec_) return;
    values_.resize(spec_->inputs.size());
    needs_.resize(spec_->outputs.size());
    wanted_.assign(spec_->outputs.size(), Type::anything());
    outputs_.resize(spec_->outputs.size());
  }

  // Before the operator is made.
  OpFixture& param(const std::string& name, ParamValue value) {
    given_[name] = std::move(value);
    return *this;
  }
  // What the consumers of an output ask for.
  OpFixture& wants(const std::string& output, Type type) {
    wanted_.at(index(spec_->outputs, output)) = std::move(type);
    return *this;
  }
  OpFixture& needs(const std::string& output, ImageNeed need) {
    needs_.at(index(spec_->outputs, output)).push_back(need);
    return *this;
  }

  // Replaces what was on the port; an absent tensor or no value at all leaves it absent.
  OpFixture& input(const std::string& port, Tensor value) {
    std::vector<Tensor> one;
    if (value) one.push_back(std::move(value));
    return inputs(port, std::move(one));
  }
  OpFixture& inputs(const std::string& port, std::vector<Tensor> values) {
    values_.at(index(spec_->inputs, port)) = std::move(values);
    return *this;
  }

  // abandoned() turns true once it has been asked `asks` times.
  OpFixture& abandon_after(int asks) {
    asks_left_ = asks;
    return *this;
  }

  Status make() {
    if (!spec_) return Status(Code::kNotFound, missing_);
    LEAT_ASSIGN(params_, fill_params(*spec_, given_));
    OpSetup setup{params_, {}, wanted_, needs_, {}};
    for (size_t i = 0; i < values_.size(); ++i) {
      setup.inputs.push_back(std::nullopt);
      if (values_[i].size() == 1) {
        setup.inputs[i] = Type::exactly(values_[i][0].dtype(), values_[i][0].shape());
      } else if (!values_[i].empty() || !spec_->inputs[i].optional) {
        setup.inputs[i] = Type::of(spec_->inputs[i].type);
      }
    }
    for (const PortSpec& port : spec_->outputs) setup.outputs.push_back(Type::of(port.type));
    setup_.emplace(setup);
    LEAT_ASSIGN(op_, spec_->make(setup));
    promised_ = setup.outputs;
    return {};
  }

  Status run() {
    if (!op_) LEAT_TRY(make());
    SignatureCheck check;
    pointers_.assign(values_.size(), {});
    spans_.clear();
    for (size_t i = 0; i < values_.size(); ++i) {
      const PortSpec& port = spec_->inputs[i];
      if (values_[i].empty() && !port.optional) {
        return Status(Code::kBadInput, cat("input ", port.name, " is missing"));
      }
      if (values_[i].size() > 1 && !port.many) {
        return Status(Code::kBadInput, cat("input ", port.name, " takes one value"));
      }
      for (const Tensor& value : values_[i]) {
        LEAT_TRY(check.fits(Type::of(port.type), value).within(cat("input ", port.name)));
        pointers_[i].push_back(&value);
      }
      spans_.emplace_back(pointers_[i]);
    }
    inputs_ = spans_;
    for (Tensor& output : outputs_) output.reset();
    Status ran = op_->run(*this);
    if (watcher && asks_left_ < 0) watcher({*spec_, *setup_, values_, ran, outputs_});
    LEAT_TRY(std::move(ran));
    for (size_t i = 0; i < outputs_.size(); ++i) {
      std::string context = cat("output ", spec_->outputs[i].name);
      bool given = static_cast<bool>(outputs_[i]);
      if (given != expected(spec_->outputs[i])) {
        return Status(Code::kInternal, cat(context, given ? " was given" : " was not given"));
      }
      if (!given) continue;
      for (const Type& type : {Type::of(spec_->outputs[i].type), promised_[i]}) {
        Status status = check.fits(type, outputs_[i]).within(context);
        if (!status.ok()) return Status(Code::kInternal, status.message());
      }
    }
    return {};
  }

  // An output of the last run; absent when the operator did not give it.
  const Tensor& operator[](const std::string& port) const {
    return outputs_.at(index(spec_->outputs, port));
  }
  const Op& op() const { return *op_; }
  const std::vector<Type>& promised() const { return promised_; }  // outputs as make() left them

 private:
  static size_t index(const std::vector<PortSpec>& ports, const std::string& name) {
    size_t i = 0;
    while (i < ports.size() && ports[i].name != name) ++i;
    return i;  // at() of what is looked up refuses the end
  }

  bool expected(const PortSpec& output) const {
    if (output.only_with.empty()) return true;
    size_t input = index(spec_->inputs, output.only_with);
    return input < values_.size() ? !values_[input].empty() : params_.has(output.only_with);
  }

  Result<Tensor*> output(size_t port, DType type, const Shape& shape) override {
    LEAT_ASSIGN(outputs_[port], Tensor::allocate(type, shape));
    return &outputs_[port];
  }
  void give(size_t port, Tensor value) override { outputs_[port] = std::move(value); }
  bool abandoned() const override {
    if (asks_left_ > 0) --asks_left_;
    return asks_left_ == 0;
  }

  const OpSpec* spec_;
  std::string missing_;
  std::map<std::string, ParamValue> given_;
  Params params_;
  std::vector<std::vector<Tensor>> values_;
  std::vector<Type> wanted_;
  std::vector<std::vector<ImageNeed>> needs_;
  std::optional<OpSetup> setup_;
  std::unique_ptr<Op> op_;
  std::vector<Type> promised_;
  std::vector<Tensor> outputs_;
  std::vector<std::vector<const Tensor*>> pointers_;
  std::vector<std::span<const Tensor* const>> spans_;
  mutable int asks_left_ = -1;  // never
};

}  // namespace leat
