#include "pipeline/compile.h"

#include <filesystem>

#include "base/text.h"
#include "pipeline/document.h"
#include "pipeline/draft.h"

namespace leat {

namespace fs = std::filesystem;

namespace {

std::string absolute(const fs::path& path) {
  std::error_code error;
  fs::path whole = fs::weakly_canonical(fs::absolute(path, error), error);
  return error ? path.string() : whole.string();
}

Result<std::unique_ptr<Plan>> compile(std::string_view text, const std::string& file,
                                      const std::string& folder, const std::string& path,
                                      ModelSource& models) {
  Draft draft;
  draft.models = &models;
  auto document = parse_document(text, file, draft.mistakes);
  if (!document) return draft.mistakes.status();
  read_units(draft, std::move(document), file, folder, path);
  connect_units(draft);
  find_used(draft);
  if (settle_scopes(draft)) settle_types(draft);
  // Constants of on_error and gather are checked on the way down, when the types are known; a draft
  // with a mistake in what it names cannot be lowered.
  if (draft.mistakes.count() > 0) return draft.mistakes.status();
  std::unique_ptr<Plan> plan = lower(draft);
  if (draft.mistakes.count() > 0) return draft.mistakes.status();
  return plan;
}

}  // namespace

Result<std::shared_ptr<StepWorkers>> ModelSource::start(const std::vector<std::string>&,
                                                        const StepOptions&) {
  return Status(Code::kUnsupported, "steps cannot run in processes here");
}

Result<std::unique_ptr<Plan>> compile_text(std::string_view text, const std::string& file_name,
                                           const std::string& folder, ModelSource& models) {
  return compile(text, file_name, absolute(folder.empty() ? "." : folder), "", models);
}

Result<std::unique_ptr<Plan>> compile_file(const std::string& path, ModelSource& models) {
  auto text = read_document(path);
  if (!text.ok()) return text.status().within(path);
  std::string whole = absolute(path);
  return compile(*text, path, fs::path(whole).parent_path().string(), whole, models);
}

Result<std::unique_ptr<Plan>> compile_model(const std::string& path, ModelSource& models) {
  std::string whole = absolute(path);
  LEAT_ASSIGN(std::shared_ptr<Model> model, models.get(whole, ModelOptions{}));
  ModelPorts ports = bare_ports(*model);
  auto plan = std::make_unique<Plan>();
  plan->name = fs::path(path).stem().string();
  plan->platform = model->platform();
  plan->place = {path, 0, 0};
  for (int axis : ports.input_axis) plan->batched |= axis >= 0;
  plan->scopes.resize(1);
  Step step;
  step.name = "model";
  step.place = plan->place;
  for (size_t i = 0; i < ports.inputs.size(); ++i) {
    plan->inputs.push_back({{ports.input_names[i], ports.inputs[i], false}, -1});
    step.inputs.push_back({Item{{Source{0, static_cast<int>(i), -1}}, false}});
  }
  step.first_slot = static_cast<int>(ports.inputs.size());
  for (size_t i = 0; i < ports.outputs.size(); ++i) {
    PlanOutput output;
    output.name = ports.output_names[i];
    output.item.alternatives = {Source{0, step.first_slot + static_cast<int>(i), -1}};
    output.type = ports.outputs[i];
    plan->outputs.push_back(std::move(output));
    step.model_outputs.push_back(static_cast<int>(i));
  }
  plan->scopes[0].slots = static_cast<int>(ports.inputs.size() + ports.outputs.size());
  step.input_names = ports.input_names;
  step.output_names = ports.output_names;
  step.input_types = ports.inputs;
  step.outputs = ports.outputs;
  step.input_axis = ports.input_axis;
  step.output_axis = ports.output_axis;
  step.options.batch_max = ports.batch_max;
  step.model = std::move(model);
  step.what = std::filesystem::path(path).filename();
  step.model_key = cat(whole, "\nbare ", ports.batch_max);
  plan->steps.push_back(std::move(step));
  return plan;
}

std::string served_name(const std::string& path) {
  std::string stem = fs::path(path).stem().string();
  if (!path.ends_with(".yaml") && !path.ends_with(".yml")) return stem;
  auto text = read_document(path);
  if (!text.ok()) return stem;
  Mistakes mistakes;
  auto document = parse_document(*text, path, mistakes);
  const Node* name = document ? document->root.find("name") : nullptr;
  return name && name->is_text() && !name->text.empty() ? name->text : stem;
}

}  // namespace leat
