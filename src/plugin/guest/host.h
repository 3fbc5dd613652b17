// The plug-in's side of include/leat/plugin.h: the library leat_plugin, which plug-ins are linked
// with, and which is never a part of leat itself. Operators of the plug-in are C++ objects here and
// nowhere else; whatever they throw is caught here.
#pragma once

#include <exception>

#include "base/text.h"
#include "leat/op.h"
#include "leat/plugin.h"
#include "plugin/translate.h"

namespace leat {

// The program that has loaded this; null until it has opened it.
const leat_host* host();

// Runs what the plug-in's author wrote: what it throws becomes a Status.
template <typename Run>
Status guarded(Run&& run) {
  try {
    return run();
  } catch (const std::exception& error) {
    return Status(Code::kStepFailed, cat("an exception was thrown: ", error.what()));
  } catch (...) {
    return Status(Code::kStepFailed, "an exception was thrown that is no std::exception");
  }
}

// The functions of leat_op. `spec`: of the operator, as long as the process lives.
struct MadeOp {
  const OpSpec& spec;
  std::unique_ptr<Op> op;
};
Status make_op(const OpSpec& spec, const leat_setup& setup, MadeOp*& made);
Status run_op(const MadeOp& made, const leat_call& call);

}  // namespace leat
