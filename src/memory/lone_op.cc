#include "memory/lone_op.h"

#include <algorithm>

#include "base/text.h"
#include "memory/op_params.h"

namespace leat {

namespace {

class LoneCall final : public OpCall {
 public:
  LoneCall(std::span<const std::span<const Tensor* const>> inputs, std::span<Tensor> outputs)
      : outputs_(outputs) {
    inputs_ = inputs;
  }

  Result<Tensor*> output(size_t port, DType type, const Shape& shape) override {
    LEAT_ASSIGN(outputs_[port], Tensor::allocate(type, shape));
    return &outputs_[port];
  }
  void give(size_t port, Tensor value) override { outputs_[port] = std::move(value); }
  bool abandoned() const override { return false; }

 private:
  const std::span<Tensor> outputs_;
};

}  // namespace

Status SignatureCheck::fits(const Type& type, const Tensor& value) {
  std::string mismatch = type.mismatch(value.dtype(), value.shape());
  if (!mismatch.empty()) return Status(Code::kBadInput, mismatch);
  for (size_t i = 0; i < type.dims.size(); ++i) {
    const std::string& name = type.dims[i].name;
    if (name.empty()) continue;
    const int64_t size = value.shape()[static_cast<int>(i)];
    auto known = std::ranges::find(sizes_, name, &std::pair<std::string, int64_t>::first);
    if (known == sizes_.end()) {
      sizes_.emplace_back(name, size);
    } else if (known->second != size) {
      return Status(Code::kBadInput,
                    cat(name, " is ", size, " here and ", known->second, " elsewhere"));
    }
  }
  return {};
}

Result<std::unique_ptr<LoneOp>> LoneOp::make(const OpSpec& spec,
                                             const std::map<std::string, ParamValue>& given,
                                             uint64_t connected) {
  std::unique_ptr<LoneOp> made(new LoneOp(spec));
  LEAT_ASSIGN(made->params_, fill_params(spec, given));
  OpSetup setup{made->params_, {}, {}, {}, {}};
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    made->types_.push_back(Type::of(spec.inputs[i].type));
    setup.inputs.emplace_back();
    bool has = !spec.inputs[i].optional || (connected >> i & 1) != 0;
    if (has) setup.inputs[i] = made->types_[i];
  }
  setup.wanted.assign(spec.outputs.size(), Type::anything());
  setup.needs.resize(spec.outputs.size());
  setup.constants.resize(spec.inputs.size());
  setup.used.assign(spec.outputs.size(), true);
  for (const PortSpec& port : spec.outputs) setup.outputs.push_back(Type::of(port.type));
  LEAT_ASSIGN(made->op_, spec.make(setup));
  return made;
}

Status LoneOp::run(std::span<const std::span<const Tensor* const>> inputs,
                   std::span<Tensor> outputs) const {
  SignatureCheck check;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const PortSpec& port = spec_.inputs[i];
    if (inputs[i].empty() && !port.optional) {
      return Status(Code::kBadInput, cat("input ", port.name, " is missing"));
    }
    if (inputs[i].size() > 1 && !port.many) {
      return Status(Code::kBadInput, cat("input ", port.name, " takes one value"));
    }
    for (const Tensor* value : inputs[i]) {
      Status status = check.fits(types_[i], *value);
      if (!status.ok()) return status.within(cat("input ", port.name));
    }
  }
  LoneCall call(inputs, outputs);
  return op_->run(call);
}

}  // namespace leat
