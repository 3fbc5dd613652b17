// A model whose answers a test makes up:
//
//   FakeModel twice({{"x", "FP32[n,4]"}}, {{"y", "FP32[n,4]"}},
//                   [](std::span<const Tensor> in, std::span<Tensor> out, RunStop*) -> Status
//                   {...});
//
// The function is called from as many threads as run() is, and gets what run() got: it makes the
// outputs that are absent and writes into those that are present.
#pragma once

#include <functional>
#include <utility>

#include "model/model.h"

namespace leat {

class FakeModel final : public Model {
 public:
  struct Port {
    std::string name;
    std::string type;  // see leat/type.h
  };
  using Compute = std::function<Status(std::span<const Tensor>, std::span<Tensor>, RunStop*)>;

  FakeModel(const std::vector<Port>& inputs, const std::vector<Port>& outputs, Compute compute)
      : inputs_(ports(inputs)), outputs_(ports(outputs)), compute_(std::move(compute)) {}

  const std::vector<ModelPort>& inputs() const override { return inputs_; }
  const std::vector<ModelPort>& outputs() const override { return outputs_; }
  std::string_view platform() const override { return "fake"; }
  uint64_t weight_bytes() const override { return 0; }
  Status run(std::span<const Tensor> inputs, std::span<Tensor> outputs, RunStop* stop) override {
    assert(inputs.size() == inputs_.size() && outputs.size() == outputs_.size());
    return compute_(inputs, outputs, stop);
  }

 private:
  static std::vector<ModelPort> ports(const std::vector<Port>& texts) {
    std::vector<ModelPort> made;
    for (const Port& port : texts) made.push_back({port.name, Type::of(port.type)});
    return made;
  }

  const std::vector<ModelPort> inputs_;
  const std::vector<ModelPort> outputs_;
  const Compute compute_;
};

}  // namespace leat
