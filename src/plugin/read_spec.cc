// An operator's signature as a plug-in gives it: what the rest of the program may then rely on.
#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "plugin/plugin.h"
#include "plugin/translate.h"

namespace leat {

namespace {

constexpr size_t kMost = 256;  // ports, parameters

Status wrong(std::string_view why) { return Status(Code::kBadInput, std::string(why)); }

bool is_word(std::string_view text, std::string_view also) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || also.find(c) != also.npos;
  });
}

template <typename Specs>
bool has(const Specs& specs, std::string_view name) {
  return std::ranges::any_of(specs, [&](const auto& spec) { return spec.name == name; });
}

Status read_ports(std::string_view way, const leat_port* const* from, uint32_t count,
                  std::vector<PortSpec>& ports) {
  if (count > kMost) return wrong(cat(count, " ", way, "s; at most ", kMost, " are allowed"));
  for (uint32_t i = 0; i < count; ++i) {
    const leat_port& c = *from[i];
    if (c.size < sizeof(leat_port)) return wrong(cat("an ", way, " is described too shortly"));
    PortSpec port{std::string(from_c(c.name)),
                  std::string(from_c(c.type)),
                  std::string(from_c(c.doc)),
                  c.optional != 0,
                  c.many != 0,
                  std::string(from_c(c.only_with))};
    const std::string what = cat(way, " \"", port.name, "\"");
    if (!is_word(port.name, "_"))
      return wrong(cat(what, ": a name of letters, digits and _ is wanted"));
    if (has(ports, port.name)) return wrong(cat(what, " is there twice"));
    if (auto type = Type::parse(port.type); !type.ok()) {
      return wrong(cat(what, ": ", type.status().message()));
    }
    ports.push_back(std::move(port));
  }
  return {};
}

// The index of ParamValue that a parameter's default has.
size_t kind_of(ParamType type) {
  switch (type) {
    case ParamType::kInt:
      return 1;
    case ParamType::kFloat:
      return 2;
    case ParamType::kBool:
      return 3;
    case ParamType::kFloats:
      return 5;
    case ParamType::kStrings:
      return 6;
    default:
      return 4;
  }
}

Status read_param(const leat_param& c, std::vector<ParamSpec>& params) {
  if (c.size < sizeof(leat_param)) return wrong("a parameter is described too shortly");
  ParamSpec param;
  param.name = from_c(c.name);
  param.doc = from_c(c.doc);
  const std::string what = cat("parameter \"", param.name, "\"");
  if (!is_word(param.name, "_"))
    return wrong(cat(what, ": a name of letters, digits and _ is wanted"));
  if (has(params, param.name)) return wrong(cat(what, " is there twice"));
  if (c.type > static_cast<uint32_t>(ParamType::kDType)) {
    return wrong(cat(what, ": its type, ", c.type, ", is not known here"));
  }
  param.type = static_cast<ParamType>(c.type);
  for (uint32_t i = 0; i < c.choice_count; ++i) param.choices.emplace_back(from_c(c.choices[i]));
  if ((param.type == ParamType::kChoice) == param.choices.empty()) {
    return wrong(cat(what, param.choices.empty() ? ": a choice without `choices`"
                                                 : ": `choices` are for ParamType::kChoice"));
  }
  const size_t kind = kind_of(param.type);
  if (!from_c(*c.fallback, param.fallback) ||
      (param.fallback.index() != 0 && param.fallback.index() != kind)) {
    constexpr std::string_view kKinds[] = {"",
                                           "an int64_t",
                                           "a double",
                                           "a bool",
                                           "a std::string",
                                           "a vector of doubles",
                                           "a vector of strings"};
    return wrong(cat(what, ": its default is of another type; ", kKinds[kind], " is wanted"));
  }
  if (const auto* choice = std::get_if<std::string>(&param.fallback);
      choice && !param.choices.empty() &&
      std::ranges::find(param.choices, *choice) == param.choices.end()) {
    return wrong(cat(what, ": its default, \"", *choice, "\", is none of its choices"));
  }
  param.required = c.required != 0;
  param.min = c.min;
  param.max = c.max;
  if (!(param.min <= param.max)) {
    return wrong(
        cat(what, ": its least value, ", param.min, ", is above its largest, ", param.max));
  }
  params.push_back(std::move(param));
  return {};
}

}  // namespace

Result<OpSpec> read_spec(const leat_op& op) {
  OpSpec spec;
  spec.name = from_c(op.name);
  spec.doc = from_c(op.doc);
  const size_t dot = spec.name.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == spec.name.size() ||
      !is_word(spec.name, "_.")) {
    return wrong(
        cat("operator \"", spec.name, "\": a name FAMILY.VERB of letters, digits and _ is wanted"));
  }
  auto read = [&]() -> Status {
    if (spec.doc.empty()) return wrong("it says nothing of what it does (doc)");
    LEAT_TRY(read_ports("input", op.inputs, op.input_count, spec.inputs));
    LEAT_TRY(read_ports("output", op.outputs, op.output_count, spec.outputs));
    if (spec.outputs.empty()) return wrong("it has no output");
    if (op.param_count > kMost) return wrong("it has too many parameters");
    for (uint32_t i = 0; i < op.param_count; ++i) LEAT_TRY(read_param(*op.params[i], spec.params));
    for (const PortSpec& port : spec.outputs) {
      if (port.only_with.empty() || has(spec.params, port.only_with)) continue;
      auto input = std::ranges::find(spec.inputs, port.only_with, &PortSpec::name);
      if (input != spec.inputs.end() && input->optional) continue;
      return wrong(cat("output \"", port.name, "\": only_with says \"", port.only_with,
                       "\", which is no optional input and no parameter"));
    }
    if (!op.make || !op.run || !op.destroy) return wrong("it has no make()");
    return {};
  };
  if (Status status = read(); !status.ok()) {
    return status.within(cat("operator \"", spec.name, "\""));
  }
  return spec;
}

}  // namespace leat
