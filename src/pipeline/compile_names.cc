// What one name in a file means.
#include <algorithm>

#include "base/text.h"
#include "pipeline/draft.h"
#include "pipeline/reference.h"

namespace leat {

namespace {

bool is_plain(std::string_view port) {
  return std::all_of(port.begin(), port.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
  });
}

// The names that one unit's file may use.
class Names {
 public:
  Names(Draft& draft, Unit& unit) : draft_(draft), mistakes_(draft.mistakes), unit_(unit) {}

  Ref resolve(const std::string& text, const std::string& shown, const Place& place) {
    auto parsed = Reference::parse(text);
    if (!parsed.ok()) {
      mistakes_.add(
          place, text == shown ? parsed.status().message() : cat("\"", shown, "\" names no value"));
      return {};
    }
    if (parsed->is_index) return {Ref::Kind::kIndex, 0, 0};
    Ref ref = resolve(*parsed, place);
    if (!parsed->is_rows || ref.wrong()) return ref;
    for (size_t i = 0; i < draft_.rows.size(); ++i) {
      if (draft_.rows[i].inner == ref) return {Ref::Kind::kRows, static_cast<int>(i), 0};
    }
    draft_.rows.push_back({ref, place, shown, -1});
    return {Ref::Kind::kRows, static_cast<int>(draft_.rows.size()) - 1, 0};
  }

 private:
  Ref resolve(const Reference& reference, const Place& place) {
    const std::string& name = reference.name;
    auto is_broken = [&] {
      return std::find(unit_.broken.begin(), unit_.broken.end(), name) != unit_.broken.end();
    };
    auto input = unit_.inputs.find(name);
    auto step = unit_.steps.find(name);
    auto unit = unit_.units.find(name);
    bool is_step = step != unit_.steps.end() || unit != unit_.units.end();
    if (reference.port.empty()) {
      if (input != unit_.inputs.end()) {
        return unit_.input_values[static_cast<size_t>(input->second)];
      }
      if (is_step) {
        mistakes_.add(place, cat("\"", name, "\" is a step; say which of its outputs: ",
                                 join_or(outputs_of(name, name))));
      } else if (!is_broken()) {
        mistakes_.add(place, unknown(name));
      }
      return {};
    }
    if (step != unit_.steps.end()) {
      const DraftStep& from = *draft_.steps[static_cast<size_t>(step->second)];
      if (from.broken && from.output_names.empty()) return {};
      auto port = std::find(from.output_names.begin(), from.output_names.end(), reference.port);
      if (port == from.output_names.end()) return no_output(reference, place);
      auto at = static_cast<size_t>(port - from.output_names.begin());
      if (std::string without = never_given(from, at); !without.empty()) {
        mistakes_.add(place, cat(name, ".", *port, " is never there: ", from.spec->name,
                                 " gives it only with ", without));
        return {};
      }
      return {Ref::Kind::kStep, step->second, static_cast<int>(at)};
    }
    if (unit != unit_.units.end()) {
      const Unit& from = *draft_.units[static_cast<size_t>(unit->second)];
      auto output = from.outputs.find(reference.port);
      if (output == from.outputs.end()) return no_output(reference, place);
      return {Ref::Kind::kOutput, output->second, 0};
    }
    if (is_broken()) return {};
    if (input != unit_.inputs.end()) {
      mistakes_.add(place, cat("\"", name, "\" is an input of the pipeline and has no ports"));
    } else {
      mistakes_.add(place, unknown(name));
    }
    return {};
  }

  // What an output would need that its step does not have; empty: nothing.
  static std::string never_given(const DraftStep& step, size_t output) {
    if (!step.spec || step.broken) return {};
    const std::string& with = step.spec->outputs[output].only_with;
    if (with.empty()) return {};
    if (std::ranges::find(step.input_names, with) == step.input_names.end()) {
      return step.params.has(with) ? "" : cat("the parameter \"", with, "\"");
    }
    const Node* inputs = step.node->find("inputs");  // not all steps are connected yet
    return inputs && inputs->find(with) ? "" : cat("the input \"", with, "\"");
  }

  Ref no_output(const Reference& reference, const Place& place) {
    std::vector<std::string> ports = outputs_of(reference.name, "");
    std::string_view near = nearest(reference.port, ports);
    mistakes_.add(
        place,
        cat("step \"", reference.name, "\" has no output \"", reference.port, "\"; ",
            near.empty() ? cat("it has ", join_or(ports)) : cat("did you mean ", near, "?")));
    return {};
  }

  // The outputs of a step; with `step`, as references to them.
  std::vector<std::string> outputs_of(const std::string& name, const std::string& step) const {
    std::vector<std::string> out;
    auto add = [&](const std::string& port) {
      out.push_back(step.empty()     ? port
                    : is_plain(port) ? cat(step, ".", port)
                                     : cat(step, "[\"", port, "\"]"));
    };
    if (auto found = unit_.steps.find(name); found != unit_.steps.end()) {
      const DraftStep& from = *draft_.steps[static_cast<size_t>(found->second)];
      for (const std::string& port : from.output_names) add(port);
    } else if (auto inner = unit_.units.find(name); inner != unit_.units.end()) {
      for (const auto& [port, output] : draft_.units[static_cast<size_t>(inner->second)]->outputs) {
        add(port);
      }
    }
    return out;
  }

  std::string unknown(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& [known, at] : unit_.inputs) names.push_back(known);
    for (const auto& [known, at] : unit_.steps) names.push_back(known);
    for (const auto& [known, at] : unit_.units) names.push_back(known);
    std::string_view near = nearest(name, names);
    return cat("there is no step and no input \"", name, "\"",
               near.empty() ? "" : cat("; did you mean ", near, "?"));
  }

  Draft& draft_;
  Mistakes& mistakes_;
  Unit& unit_;
};

}  // namespace

Ref resolve(Draft& draft, Unit& unit, const std::string& text, const std::string& shown,
            const Place& place) {
  return Names(draft, unit).resolve(text, shown, place);
}

}  // namespace leat
