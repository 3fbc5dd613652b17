// read: the plug-ins that a file names, and what operators its steps can name.
#include <filesystem>

#include "base/text.h"
#include "pipeline/draft.h"
#include "plugin/plugin.h"

namespace leat {

namespace fs = std::filesystem;

namespace {

// The plug-in of the unit that has such an operator; null if none does.
const Plugin* plugin_with(const Unit& unit, const std::string& op) {
  for (const Plugin* plugin : unit.plugins) {
    if (plugin->ops().contains(op)) return plugin;
  }
  return nullptr;
}

void read_plugin(Draft& draft, Unit& unit, const Node& file) {
  Mistakes& mistakes = draft.mistakes;
  auto refuse = [&](std::string_view why) {
    mistakes.add(file.place(), cat("plugin: ", why));
    unit.plugin_missing = true;
  };
  if (!file.is_text() || file.text.empty()) {
    return refuse(cat(file.description(), " found, the path of a shared library wanted"));
  }
  const fs::path path = (fs::path(unit.folder) / file.text).lexically_normal();
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  const std::string whole = error ? path.string() : real.string();
  if (file.text != file.shown) mistakes.hide(whole, file.shown);
  auto plugin = Plugin::load(whole);
  if (!plugin.ok()) return refuse(cat(file.description(), ": ", plugin.status().message()));
  for (const Plugin* other : unit.plugins) {
    if (other == *plugin) return refuse(cat(file.description(), " is named twice"));
  }
  for (const auto& [op, spec] : (*plugin)->ops()) {
    if (const Plugin* other = plugin_with(unit, op)) {
      return refuse(cat(file.description(), ": operator \"", op, "\" is also one of ",
                        fs::path(other->path()).filename().string(),
                        ", which this file names before; one of them needs another name"));
    }
  }
  unit.plugins.push_back(*plugin);
}

}  // namespace

void read_plugins(Draft& draft, Unit& unit, const Node& files) {
  if (files.kind != Node::Kind::kList) return read_plugin(draft, unit, files);
  for (const Node& file : files.list) read_plugin(draft, unit, file);
}

const OpSpec* find_op(Draft& draft, const Unit& unit, const Node& name, const Plugin*& plugin) {
  if (const OpSpec* spec = OpCatalogue::find(name.text)) return spec;
  plugin = plugin_with(unit, name.text);
  if (plugin) return &plugin->ops().at(name.text);
  if (unit.plugin_missing) return nullptr;  // it may be one of those
  std::vector<std::string> names;
  for (const auto& [known, spec] : OpCatalogue::all()) names.push_back(known);
  for (const Plugin* one : unit.plugins) {
    for (const auto& [known, spec] : one->ops()) names.push_back(known);
  }
  std::string_view near = nearest(name.text, names);
  std::string hint = unit.plugins.empty() ? "; `leat ops` lists them"
                                          : "; `leat ops`, and `leat ops --plugin FILE`, list them";
  if (!near.empty()) hint = cat("; did you mean ", near, "?");
  draft.mistakes.add(name.place(), cat("unknown operator ", name.description(), hint));
  return nullptr;
}

}  // namespace leat
