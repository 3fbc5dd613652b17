#include "leat/op.h"

#include <algorithm>
#include <stdexcept>

#include "base/text.h"

namespace leat {

double ImageNeed::scale_for(int picture_width, int picture_height) const {
  double across = static_cast<double>(width) / picture_width;
  double down = static_cast<double>(height) / picture_height;
  double scale = fit == Fit::kLetterbox ? std::min(across, down) : std::max(across, down);
  return std::min(scale, 1.0);
}

const ParamValue& Params::at(const std::string& name) const {
  auto found = values_.find(name);
  if (found == values_.end()) throw std::out_of_range(cat("there is no parameter ", name));
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
