#include <cstring>

#include "plugin/few.h"
#include "plugin/guest/host.h"

namespace leat {

namespace {

class HostCall final : public OpCall {
 public:
  HostCall(const OpSpec& spec, const leat_call& call)
      : call_(call),
        tensors_(total(spec, call)),
        pointers_(tensors_.size()),
        ports_(spec.inputs.size()),
        outputs_(spec.outputs.size()),
        ways_(spec.outputs.size()) {
    size_t at = 0;
    for (size_t port = 0; port < ports_.size(); ++port) {
      const size_t begin = at;
      for (uint32_t k = 0; k < call.input_counts[port]; ++k, ++at) {
        tensors_[at] = from_c(call.inputs[at]);
        pointers_[at] = &tensors_[at];
      }
      ports_[port] = {pointers_.data() + begin, at - begin};
    }
    inputs_ = {ports_.data(), ports_.size()};
    for (Way& way : ways_) way = Way::kNone;
  }

  Result<Tensor*> output(size_t port, DType type, const Shape& shape) override {
    Failure failure;
    if (call_.output(call_.context, static_cast<uint32_t>(port), static_cast<uint32_t>(type),
                     static_cast<uint32_t>(shape.rank()), shape.dims().data(),
                     failure.error()) != 0) {
      return failure.status("no memory was given for an output");
    }
    outputs_[port] = from_c(call_.outputs[port]);
    ways_[port] = Way::kMade;
    return &outputs_[port];
  }

  void give(size_t port, Tensor value) override {
    if (port >= outputs_.size()) {
      wrong_ = Status(Code::kInternal, cat("give(): there is no output port ", port));
      return;
    }
    outputs_[port] = std::move(value);
    ways_[port] = Way::kGiven;
  }

  bool abandoned() const override { return call_.abandoned(call_.context) != 0; }

  // Hands over what was given.
  Status end() {
    LEAT_TRY(std::move(wrong_));
    for (size_t port = 0; port < outputs_.size(); ++port) {
      leat_tensor& to = call_.outputs[port];
      if (ways_[port] == Way::kMade) attributes_to_c(outputs_[port], to);
      if (ways_[port] != Way::kGiven) continue;
      to_c(outputs_[port], to);
      to.given = 1;
      if (outputs_[port]) outputs_[port].block()->retain();
    }
    return {};
  }

 private:
  enum class Way : uint8_t { kNone, kMade, kGiven };

  static size_t total(const OpSpec& spec, const leat_call& call) {
    size_t sum = 0;
    for (size_t port = 0; port < spec.inputs.size(); ++port) sum += call.input_counts[port];
    return sum;
  }

  const leat_call& call_;
  Few<Tensor> tensors_;
  Few<const Tensor*> pointers_;
  Few<std::span<const Tensor* const>> ports_;
  Few<Tensor> outputs_;
  Few<Way> ways_;
  Status wrong_;
};

}  // namespace

Status run_op(const MadeOp& made, const leat_call& call) {
  HostCall step(made.spec, call);
  LEAT_TRY(made.op->run(step));
  return step.end();
}

}  // namespace leat
