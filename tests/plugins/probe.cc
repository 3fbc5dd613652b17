// Operators for plugin_test.py.
#include <csignal>
#include <stdexcept>

#include "leat/op.h"

namespace {

using namespace leat;

class Probe final : public Op {
 public:
  explicit Probe(std::string how) : how_(std::move(how)) {}
  Status run(OpCall& call) const override {
    if (how_ == "throw") throw std::runtime_error("out of paper");
    if (how_ == "crash") std::raise(SIGSEGV);
    if (how_ == "refuse") return Status(Code::kBadInput, "x: 3 found, 4 wanted");
    call.give(0, call.input(0));
    return {};
  }

 private:
  const std::string how_;
};

LEAT_OP(({.name = "probe.echo",
          .doc = "Gives what it gets. Unless it does not.",
          .inputs = {{"x", "ANY[...]", "a value"}},
          .outputs = {{"y", "ANY[...]", "the same"}},
          .params = {{.name = "how",
                      .type = ParamType::kChoice,
                      .fallback = std::string("well"),
                      .choices = {"well", "throw", "crash", "refuse", "not_made"},
                      .doc = "what happens"}},
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            const std::string& how = setup.params.text("how");
            if (how == "not_made") throw std::runtime_error("no toner");
            if (setup.inputs[0]) setup.outputs[0] = *setup.inputs[0];
            return std::make_unique<Probe>(how);
          }}));

}  // namespace
