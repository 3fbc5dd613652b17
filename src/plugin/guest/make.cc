#include "plugin/guest/host.h"

namespace leat {

Status make_op(const OpSpec& spec, const leat_setup& from, MadeOp*& made) {
  Params params;
  for (uint32_t i = 0; i < from.param_count; ++i) {
    ParamValue value;
    if (!from_c(from.params[i], value)) {
      return Status(Code::kInternal, "a parameter's value is of an unknown kind");
    }
    params.set(std::string(from_c(from.param_names[i])), std::move(value));
  }
  OpSetup setup{params, {}, {}, {}, {}};
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    setup.inputs.push_back(from.inputs[i] ? std::optional(from_c(*from.inputs[i])) : std::nullopt);
    setup.constants.push_back(from_c(from.constants[i]));
  }
  for (size_t i = 0; i < spec.outputs.size(); ++i) {
    setup.wanted.push_back(from_c(*from.wanted[i]));
    setup.outputs.push_back(from_c(*from.outputs[i]));
    std::vector<ImageNeed>& needs = setup.needs.emplace_back();
    for (uint32_t k = 0; k < from.need_counts[i]; ++k) needs.push_back(from_c(from.needs[i][k]));
    setup.used.push_back(from.used[i] != 0);
  }
  LEAT_ASSIGN(std::unique_ptr<Op> op, spec.make(setup));
  if (!op) return Status(Code::kInternal, "make() gave no operator");
  if (setup.outputs.size() != spec.outputs.size()) {
    return Status(Code::kInternal, cat("make() has left ", setup.outputs.size(),
                                       " output types; there are ", spec.outputs.size(), " ports"));
  }
  CTypes types(setup.outputs.size());
  for (size_t i = 0; i < setup.outputs.size(); ++i) {
    types.set(i, setup.outputs[i]);
    from.narrow(from.context, static_cast<uint32_t>(i), &types.at(i));
  }
  made = new MadeOp{spec, std::move(op)};
  return {};
}

}  // namespace leat
