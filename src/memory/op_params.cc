#include "memory/op_params.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/text.h"

namespace leat {

namespace {

Status allowed(const ParamSpec& spec, const ParamValue& value) {
  auto refuse = [&](const auto& found) {
    return Status(Code::kBadInput, cat(found, " found, ", wanted(spec), " wanted"));
  };
  auto fits = [&](double number) {
    return std::isfinite(number) && number >= spec.min && number <= spec.max;
  };
  if (const auto* whole = std::get_if<int64_t>(&value)) {
    return fits(static_cast<double>(*whole)) ? Status() : refuse(*whole);
  }
  if (const auto* real = std::get_if<double>(&value)) return fits(*real) ? Status() : refuse(*real);
  if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
    auto bad = std::ranges::find_if_not(*reals, fits);
    return bad == reals->end() ? Status() : refuse(*bad);
  }
  const auto* text = std::get_if<std::string>(&value);
  if (!text) return {};
  bool good = spec.type == ParamType::kChoice  ? std::ranges::count(spec.choices, *text) > 0
              : spec.type == ParamType::kDType ? parse_dtype(*text).ok()
                                               : true;
  return good ? Status() : refuse(cat("\"", *text, "\""));
}

}  // namespace

std::string wanted(const ParamSpec& spec) {
  std::string out;
  switch (spec.type) {
    case ParamType::kInt:
      out = "an integer";
      break;
    case ParamType::kFloat:
      out = "a number";
      break;
    case ParamType::kBool:
      return "true or false";
    case ParamType::kString:
      return "a text";
    case ParamType::kChoice:
      return join_or(spec.choices);
    case ParamType::kFloats:
      out = "a number or a list of numbers";
      break;
    case ParamType::kStrings:
      return "a list of texts";
    case ParamType::kPath:
      return "a path";
    case ParamType::kDType:
      return "a data type such as FP32";
  }
  if (spec.min > -1e300 && spec.max < 1e300) {
    return cat(out, " from ", bound_text(spec.min), " to ", bound_text(spec.max));
  }
  if (spec.min > -1e300) return cat(out, ", at least ", bound_text(spec.min));
  if (spec.max < 1e300) return cat(out, ", at most ", bound_text(spec.max));
  return out;
}

Result<Params> fill_params(const OpSpec& spec, const std::map<std::string, ParamValue>& given) {
  Params params;
  for (const ParamSpec& param : spec.params) {
    auto found = given.find(param.name);
    if (found != given.end()) {
      LEAT_TRY(allowed(param, found->second).within(cat("parameter ", param.name)));
      params.set(param.name, found->second);
    } else if (param.required) {
      return Status(Code::kBadInput, cat("parameter ", param.name, " is missing: ", wanted(param)));
    } else {
      params.set(param.name, param.fallback);
    }
  }
  for (const auto& [name, value] : given) {
    std::vector<std::string> names;
    for (const ParamSpec& param : spec.params) names.push_back(param.name);
    if (std::ranges::count(names, name) > 0) continue;
    std::string_view near = nearest(name, names);
    return Status(Code::kBadInput, cat("there is no parameter ", name,
                                       near.empty() ? "" : cat("; did you mean ", near, "?")));
  }
  return params;
}

}  // namespace leat
