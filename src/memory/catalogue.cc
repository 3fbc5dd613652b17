// Operators of this program. Those of a plug-in are kept by src/plugin/.
#include <algorithm>

#include "leat/op.h"

namespace leat {

namespace {
std::map<std::string, OpSpec>& catalogue() {
  static auto* ops = new std::map<std::string, OpSpec>;
  return *ops;
}
}  // namespace

const std::map<std::string, OpSpec>& OpCatalogue::all() { return catalogue(); }

const OpSpec* OpCatalogue::find(const std::string& name) {
  auto found = catalogue().find(name);
  return found == catalogue().end() ? nullptr : &found->second;
}

bool OpCatalogue::add(OpSpec spec) {
  assert(spec.make && !spec.doc.empty() && !spec.outputs.empty());
  for (const PortSpec& port : spec.inputs) Type::of(port.type);
  for (const PortSpec& port : spec.outputs) {
    Type::of(port.type);
    [[maybe_unused]] auto named = [&](const auto& one) { return one.name == port.only_with; };
    assert(port.only_with.empty() || std::ranges::any_of(spec.inputs, named) ||
           std::ranges::any_of(spec.params, named));
  }
  std::string name = spec.name;
  [[maybe_unused]] bool added = catalogue().emplace(name, std::move(spec)).second;
  assert(added);
  return true;
}

}  // namespace leat
