// From a pipeline file, or a bare model, to a checked Plan.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "leat/status.h"
#include "pipeline/plan.h"

namespace leat {

// kBadInput whose message has one line "file:line:column: ..." for every mistake found, in file
// order. What ${VAR} held never appears in it.
Result<std::unique_ptr<Plan>> compile_file(const std::string& path, ModelSource& models);
Result<std::unique_ptr<Plan>> compile_text(std::string_view text, const std::string& file_name,
                                           const std::string& folder, ModelSource& models);

// A model served as it is: one step; its own ports and shapes. With a batch axis the plan is
// batched.
Result<std::unique_ptr<Plan>> compile_model(const std::string& path, ModelSource& models);

// What a pipeline or model at `path` is called, without loading it: the `name:` of a pipeline file
// that has one, else the file's stem.
std::string served_name(const std::string& path);

}  // namespace leat
