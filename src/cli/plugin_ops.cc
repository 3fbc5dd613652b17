#include "cli/plugin_ops.h"

#include <filesystem>

#include "plugin/plugin.h"

namespace leat {

Result<const std::map<std::string, OpSpec>*> plugin_ops(const std::string& file) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::weakly_canonical(file, error);
  auto plugin = Plugin::load(error ? file : whole.string());
  if (!plugin.ok()) return plugin.status().within(file);
  return &(*plugin)->ops();
}

}  // namespace leat
