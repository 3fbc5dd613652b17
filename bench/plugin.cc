// What a call of an operator costs through the boundary of a plug-in: the same source built into
// this program and into a shared library.
#include "plugin/plugin.h"

#include "bench.h"
#include "busy_op.h"
#include "plugin/testing/twin_ops.cc"

namespace {

// As the executor's, without its plan.
class OneCall final : public OpCall {
 public:
  OneCall(std::span<const Tensor* const> inputs, std::span<Tensor> outputs)
      : port_{inputs}, outputs_(outputs) {
    inputs_ = port_;
  }
  Result<Tensor*> output(size_t port, DType type, const Shape& shape) override {
    LEAT_ASSIGN(outputs_[port], Tensor::allocate(type, shape));
    return &outputs_[port];
  }
  void give(size_t port, Tensor value) override { outputs_[port] = std::move(value); }
  bool abandoned() const override { return false; }

 private:
  const std::span<const Tensor* const> port_[1];
  const std::span<Tensor> outputs_;
};

std::unique_ptr<Op> make(const OpSpec& spec, const Tensor& x) {
  Params params;
  for (const ParamSpec& param : spec.params) params.set(param.name, param.fallback);
  OpSetup setup{params, {Type::exactly(x.dtype(), x.shape())}, {}, {}, {}};
  for (const PortSpec& port : spec.outputs) {
    setup.wanted.push_back(Type::anything());
    setup.outputs.push_back(Type::of(port.type));
    setup.needs.emplace_back();
  }
  return *spec.make(setup);
}

double nanos(const Op& op, const Tensor& x) {
  constexpr int kCalls = 200000;
  const Tensor* pointer = &x;
  Tensor outputs[3];
  const int64_t begin = bench::thread_nanos();
  for (int i = 0; i < kCalls; ++i) {
    OneCall call({&pointer, 1}, outputs);
    if (!op.run(call).ok()) std::exit(1);
  }
  return static_cast<double>(bench::thread_nanos() - begin) / kCalls;
}

}  // namespace

int main() {
  auto plugin = Plugin::load(LEAT_TWINS);
  if (!plugin.ok()) return std::fprintf(stderr, "%s\n", plugin.status().message().c_str()), 1;
  bench::title("an operator in a plug-in, against the same one built in");
  float values[16] = {0, 1, 2, 3.5f};
  Tensor x = *Tensor::of(std::span<const float>(values), Shape{16});
  for (const std::string name : {"scale", "views"}) {
    auto home = make(*OpCatalogue::find("home." + name), x);
    auto twin = make((*plugin)->ops().at("twin." + name), x);
    auto figures =
        bench::interleave(21, {[&] { return nanos(*home, x); }, [&] { return nanos(*twin, x); }});
    const double own = bench::median(figures[0]), more = bench::median(figures[1]) - own;
    bench::row(name + " of FP32[16], built in", own, "ns");
    bench::row(name + " of FP32[16], in a plug-in: that much more", more, "ns", "at most 500");
  }
}
