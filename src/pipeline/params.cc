// The parameters of an operator, from the file, checked against what the operator declares.
#include <cmath>
#include <filesystem>

#include "base/text.h"
#include "memory/op_params.h"
#include "pipeline/draft.h"

namespace leat {

namespace {

std::optional<double> bounded(const Node& node, const ParamSpec& spec) {
  auto number = node.number();
  if (!number || !std::isfinite(*number) || *number < spec.min || *number > spec.max) {
    return std::nullopt;
  }
  return number;
}

// monostate: it does not fit.
ParamValue read_param(const Node& node, const ParamSpec& spec, const std::string& folder) {
  switch (spec.type) {
    case ParamType::kInt:
      if (node.integer() && bounded(node, spec)) return *node.integer();
      return {};
    case ParamType::kFloat:
      if (auto number = bounded(node, spec)) return *number;
      return {};
    case ParamType::kBool:
      if (auto flag = node.flag()) return *flag;
      return {};
    case ParamType::kChoice:
      for (const std::string& choice : spec.choices) {
        if (node.is_text() && node.text == choice) return choice;
      }
      return {};
    case ParamType::kDType:
      if (node.is_text() && parse_dtype(node.text).ok()) return node.text;
      return {};
    case ParamType::kString:
      if (node.is_text()) return node.text;
      return {};
    case ParamType::kPath: {
      if (!node.is_text() || node.text.empty()) return {};
      return (std::filesystem::path(folder) / node.text).lexically_normal().string();
    }
    case ParamType::kFloats: {
      if (auto one = bounded(node, spec)) return std::vector<double>{*one};
      if (node.kind != Node::Kind::kList) return {};
      std::vector<double> numbers;
      for (const Node& child : node.list) {
        auto number = bounded(child, spec);
        if (!number) return {};
        numbers.push_back(*number);
      }
      return numbers;
    }
    case ParamType::kStrings: {
      if (node.kind != Node::Kind::kList) return {};
      std::vector<std::string> texts;
      for (const Node& child : node.list) {
        if (!child.is_text()) return {};
        texts.push_back(child.text);
      }
      return texts;
    }
  }
  return {};
}

// The node that is to blame: the list's first that does not fit, or the value itself.
const Node& culprit(const Node& node, const ParamSpec& spec) {
  for (const Node& child : node.list) {
    if (spec.type == ParamType::kFloats && !bounded(child, spec)) return child;
    if (spec.type == ParamType::kStrings && !child.is_text()) return child;
  }
  return node;
}

}  // namespace

std::optional<Params> read_params(const Node* node, const OpSpec& spec, const Place& place,
                                  const std::string& folder, Mistakes& mistakes) {
  bool sound = true;
  auto mistake = [&](const Place& where, std::string_view what) {
    mistakes.add(where, cat("params: ", what));
    sound = false;
  };
  Params params;
  for (const ParamSpec& param : spec.params) params.set(param.name, param.fallback);
  static const std::vector<Entry> kNone;
  for (const Entry& entry : node ? node->entries : kNone) {
    const ParamSpec* param = nullptr;
    std::vector<std::string> names;
    for (const ParamSpec& known : spec.params) {
      names.push_back(known.name);
      if (known.name == entry.key.text) param = &known;
    }
    if (param == nullptr) {
      std::string_view near = nearest(entry.key.text, names);
      std::string hint = !near.empty()   ? cat("; did you mean ", near, "?")
                         : names.empty() ? "; it has none"
                                         : cat("; it has ", join_or(names));
      mistake(entry.key.place(),
              cat(spec.name, " has no parameter \"", entry.key.shown, "\"", hint));
      continue;
    }
    ParamValue value = read_param(entry.value, *param, folder);
    if (value.index() == 0) {
      const Node& bad = culprit(entry.value, *param);
      mistake(bad.place(),
              cat(param->name, ": ", bad.description(), " found, ", wanted(*param), " wanted"));
      continue;
    }
    params.set(param->name, std::move(value));
  }
  for (const ParamSpec& param : spec.params) {
    if (param.required && (node == nullptr || node->find(param.name) == nullptr)) {
      mistake(node ? node->place() : place,
              cat(spec.name, " needs the parameter \"", param.name, "\" (", wanted(param), ")"));
    }
  }
  if (!sound) return std::nullopt;
  return params;
}

}  // namespace leat
