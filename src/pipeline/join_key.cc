// Which items may share a batch.
#include <cmath>

#include "base/text.h"
#include "pipeline/executor.h"

namespace leat {

namespace {

uint64_t mix(uint64_t hash, uint64_t value) {
  hash ^= value;
  hash *= 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

// May the item go to a process? The same as an operator's call checks here.
Status check_item(Frame& frame, const LinkedStep& linked) {
  const Step& step = *linked.step;
  for (size_t port = 0; port < linked.inputs.size(); ++port) {
    auto wrong = [&](std::string_view why) {
      return Status(Code::kBadInput, cat("input ", step.input_names[port], why));
    };
    bool any = false;
    for (const ReadItem& item : linked.inputs[port]) {
      const Value* value = read_item(frame, item);
      if (value->is_list()) return wrong(": rows of different shapes (ragged) cannot go in");
      any = any || value->present() || (!step.spec && item.optional);
      if (!linked.check[port] || !value->present()) continue;
      const Tensor& tensor = value->tensor();
      std::string why = step.input_types[port].mismatch(tensor.dtype(), tensor.shape());
      if (!why.empty()) return wrong(cat(": ", why));
    }
    if (!any && !(step.spec && step.spec->inputs[port].optional)) return wrong(" is absent");
  }
  return {};
}

}  // namespace

Result<uint64_t> join_key(Frame& frame, const LinkedStep& linked) {
  const Step& step = *linked.step;
  if (!step.model && step.workers) LEAT_TRY(check_item(frame, linked));
  if (!step.model) return uint64_t{0};
  uint64_t key = 1;
  for (size_t port = 0; port < linked.inputs.size(); ++port) {
    if (linked.inputs[port].empty()) continue;  // made from the others: lengths
    const Value* value = read_item(frame, linked.inputs[port][0]);
    const std::string& name = step.input_names[port];
    if (!value->present()) {
      return Status(Code::kBadInput, cat("input ", name, " is absent"));
    }
    if (value->is_list()) {
      return Status(Code::kBadInput,
                    cat("input ", name, ": rows of different shapes (ragged) cannot go in"));
    }
    const Tensor& tensor = value->tensor();
    if (linked.check[port]) {
      std::string why = step.input_types[port].mismatch(tensor.dtype(), tensor.shape());
      if (!why.empty()) return Status(Code::kBadInput, cat("input ", name, ": ", why));
    }
    int padded_axis = step.options.pad && step.options.pad->input == static_cast<int>(port)
                          ? step.options.pad->axis
                          : -1;
    key = mix(key, static_cast<uint64_t>(tensor.shape().rank()));
    for (int axis = 0; axis < tensor.shape().rank(); ++axis) {
      int64_t length = tensor.shape()[axis];
      if (axis == padded_axis) {
        // All lengths join, or those between two powers of `within`.
        const double within = step.options.pad->within;
        length = within > 0 && length > 0
                     ? std::lround(std::floor(std::log(length) / std::log(within)))
                     : 0;
      }
      key = mix(key, static_cast<uint64_t>(length));
    }
    if (step.input_axis[port] >= 0) continue;
    // Shared by the whole batch: must be the same, not only of the same shape.
    const auto* bytes = reinterpret_cast<const uint8_t*>(tensor.data());
    for (size_t i = 0; i < tensor.byte_size(); ++i) key = mix(key, bytes[i]);
  }
  return key;
}

}  // namespace leat
