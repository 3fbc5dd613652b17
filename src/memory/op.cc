#include "leat/op.h"

#include <algorithm>

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
  assert(spec.make != nullptr && !spec.doc.empty() && !spec.outputs.empty());
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

double ImageNeed::scale_for(int picture_width, int picture_height) const {
  double across = static_cast<double>(width) / picture_width;
  double down = static_cast<double>(height) / picture_height;
  double scale = fit == Fit::kLetterbox ? std::min(across, down) : std::max(across, down);
  return std::min(scale, 1.0);
}

const ParamValue& Params::at(const std::string& name) const {
  auto found = values_.find(name);
  assert(found != values_.end());
  return found->second;
}

bool Params::has(const std::string& name) const {
  auto found = values_.find(name);
  return found != values_.end() && found->second.index() != 0;
}

int64_t Params::integer(const std::string& name) const { return std::get<int64_t>(at(name)); }

double Params::real(const std::string& name) const {
  const ParamValue& value = at(name);
  if (const int64_t* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

bool Params::flag(const std::string& name) const { return std::get<bool>(at(name)); }

const std::string& Params::text(const std::string& name) const {
  return std::get<std::string>(at(name));
}

const std::vector<double>& Params::reals(const std::string& name) const {
  return std::get<std::vector<double>>(at(name));
}

const std::vector<std::string>& Params::texts(const std::string& name) const {
  return std::get<std::vector<std::string>>(at(name));
}

}  // namespace leat
