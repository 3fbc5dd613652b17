// read: from files to units and steps, all but the values that they name.
#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "pipeline/constant.h"
#include "pipeline/draft.h"
#include "pipeline/reference.h"
#include "pipeline/step_process.h"

namespace leat {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMostUnits = 256;
constexpr int kDeepestUnit = 16;

std::string resolved(const std::string& folder, const std::string& path) {
  std::error_code error;
  fs::path whole = (fs::path(folder) / path).lexically_normal();
  fs::path canonical = fs::weakly_canonical(whole, error);
  return error ? whole.string() : canonical.string();
}

bool is_served_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
  });
}

// A type from its text, and its shape if that stands apart.
std::optional<Type> read_type(const Node& text, const Node* shape, Mistakes& mistakes) {
  auto type = Type::parse(text.text);
  if (!type.ok()) {
    mistakes.add(text.place(), type.status().message());
    return std::nullopt;
  }
  if (shape == nullptr) return *type;
  if (text.text.find('[') != std::string::npos || type->image) {
    mistakes.add(shape->place(), "shape: the type has a shape already");
    return std::nullopt;
  }
  std::string whole = text.text + "[";
  for (const Node& dim : shape->list) {
    if (!dim.is_text()) {
      mistakes.add(dim.place(), cat("shape: ", dim.description(),
                                    " found, an integer or a name "
                                    "wanted"));
      return std::nullopt;
    }
    whole += cat(whole.back() == '[' ? "" : ",", dim.text);
  }
  auto with_shape = Type::parse(whole + "]");
  if (!with_shape.ok()) {
    mistakes.add(shape->place(), with_shape.status().message());
    return std::nullopt;
  }
  return *with_shape;
}

void read_input(Draft& draft, Unit& unit, const Entry& entry) {
  Mistakes& mistakes = draft.mistakes;
  if (std::string why = wrong_with_name(entry.key.text); !why.empty()) {
    mistakes.add(entry.key.place(), cat("inputs: ", why));
  }
  DraftInput input;
  input.name = entry.key.text;
  input.place = entry.key.place();
  input.type = Type::anything();
  if (entry.value.kind == Node::Kind::kMap) {
    Fields fields(&entry.value, input_table(), mistakes);
    input.optional = fields.flag("optional");
    std::optional<Type> type;
    if (const Node* text = fields.find("type"))
      type = read_type(*text, fields.find("shape"), mistakes);
    if (type) input.type = *type;
    if (const Node* value = fields.find("default")) {
      auto tensor = make_constant(*value, input.type);
      if (tensor.ok()) {
        input.fallback = draft.add_constant(*std::move(tensor));
        input.optional = true;
      } else {
        mistakes.add(value->place(), cat("default: ", tensor.status().message()));
      }
    }
  } else if (entry.value.is_text()) {
    if (auto type = read_type(entry.value, nullptr, mistakes)) input.type = *type;
  } else {
    mistakes.add(entry.value.place(),
                 cat("inputs: ", entry.value.description(),
                     " found, a type or a mapping with `type` wanted (BYTES, FP32[3,224,224])"));
  }
  unit.inputs.emplace(input.name, static_cast<int>(unit.input_list.size()));
  unit.input_list.push_back(std::move(input));
}

void read_unit(Draft& draft, std::unique_ptr<Document> document, Unit place_of_unit) {
  Mistakes& mistakes = draft.mistakes;
  int number = static_cast<int>(draft.units.size());
  draft.units.push_back(std::make_unique<Unit>(std::move(place_of_unit)));
  Unit& unit = *draft.units.back();
  unit.document = std::move(document);
  const Node& root = unit.document->root;
  Fields fields(&root, pipeline_table(), mistakes);
  unit.timeout = fields.duration("timeout");
  if (const Node* name = fields.find("name")) {
    if (name->text != name->shown) {
      mistakes.add(name->place(),
                   "name: a variable found, but the name is shown everywhere; "
                   "write it out");
    } else if (!is_served_name(name->text)) {
      mistakes.add(name->place(), cat("name: ", name->description(),
                                      " found, letters, digits, _, . and - wanted"));
    }
  }
  if (const Node* files = fields.find("plugin")) {
    read_plugins(draft, unit, *files);
  } else {
    unit.plugin_missing = root.find("plugin") != nullptr;
  }
  for (const char* key : {"inputs", "steps", "outputs"}) {
    const Node* node = fields.find(key);
    if (node != nullptr && node->entries.empty()) {
      mistakes.add(node->place(), cat(key, ": nothing found, at least one wanted"));
    }
  }
  if (const Node* inputs = fields.find("inputs")) {
    for (const Entry& entry : inputs->entries) read_input(draft, unit, entry);
  }
  unit.input_values.resize(unit.input_list.size());
  if (const Node* outputs = fields.find("outputs")) {
    for (const Entry& entry : outputs->entries) {
      if (!is_served_name(entry.key.text)) {
        mistakes.add(entry.key.place(), cat("outputs: ", entry.key.description(),
                                            " found, letters, digits, _, . and - wanted"));
      }
      unit.outputs.emplace(entry.key.text, static_cast<int>(draft.outputs.size()));
      draft.outputs.push_back({entry.key.text, number, {}});
    }
  }
  if (const Node* steps = fields.find("steps")) {
    for (const Entry& entry : steps->entries) {
      if (std::string why = wrong_with_name(entry.key.text); !why.empty()) {
        mistakes.add(entry.key.place(), cat("steps: ", why));
      } else if (unit.inputs.contains(entry.key.text)) {
        mistakes.add(entry.key.place(),
                     cat("steps: \"", entry.key.text, "\" is the name of an input already"));
      }
      read_step(draft, unit, number, entry);
    }
  }
}

void read_included(Draft& draft, Unit& outer, int outer_number, const Entry& entry,
                   const Node& file) {
  Mistakes& mistakes = draft.mistakes;
  Unit unit;
  unit.path = resolved(outer.folder, file.text);
  unit.folder = fs::path(unit.path).parent_path().string();
  unit.file = (fs::path(outer.file).parent_path() / file.shown).lexically_normal().string();
  unit.prefix = cat(outer.prefix, entry.key.text, ".");
  unit.parent = outer_number;
  unit.place = entry.key.place();
  int depth = 0;
  for (const Unit* around = &outer; around != nullptr;
       around = around->parent < 0 ? nullptr
                                   : draft.units[static_cast<size_t>(around->parent)].get()) {
    ++depth;
    if (around->path == unit.path) {
      mistakes.add(file.place(), cat("pipeline: ", file.shown, " would contain itself"));
      return;
    }
  }
  if (depth > kDeepestUnit || draft.units.size() >= kMostUnits) {
    mistakes.add(file.place(), cat("pipeline: more than ", kMostUnits,
                                   " files, or nested deeper than ", kDeepestUnit));
    return;
  }
  auto text = read_document(unit.path);
  if (!text.ok()) {
    mistakes.add(file.place(),
                 cat("pipeline: ", file.description(), ": ", text.status().message()));
    return;
  }
  auto document = parse_document(*text, unit.file, mistakes);
  if (!document) return;
  auto number = static_cast<int>(draft.units.size());
  if (!outer.units.emplace(entry.key.text, number).second) return;  // a key that came twice
  read_unit(draft, std::move(document), std::move(unit));
}

// What a step says that means nothing for what it is.
void refuse(const Node& step, std::initializer_list<std::string_view> keys, std::string_view why,
            Mistakes& mistakes) {
  for (const Entry& entry : step.entries) {
    if (std::find(keys.begin(), keys.end(), entry.key.text) != keys.end()) {
      mistakes.add(entry.key.place(), cat(entry.key.shown, ": ", why));
    }
  }
}

void read_op(Draft& draft, const Unit& unit, const Fields& fields, const Node& name,
             DraftStep& step) {
  Mistakes& mistakes = draft.mistakes;
  step.what_place = name.place();
  refuse(*step.node, {"ports", "runtime", "batch", "pad", "trim"}, "this is for models", mistakes);
  if (const Node* threads = fields.find("threads"); threads && fields.integer("threads") > 1) {
    mistakes.add(threads->place(), "threads: an operator runs on one thread; 1 is wanted");
  }
  // Items too short to be worth a message each go over together.
  step.options.batch_by_time = step.options.process.on;
  if (step.options.process.on) step.options.batch_max = kItemsAtOnce;
  step.spec = find_op(draft, unit, name, step.plugin);
  if (step.spec == nullptr) {
    step.broken = true;
    return;
  }
  for (const PortSpec& port : step.spec->inputs) {
    step.input_names.push_back(port.name);
    step.input_types.push_back(Type::of(port.type));
  }
  for (const PortSpec& port : step.spec->outputs) {
    step.output_names.push_back(port.name);
    step.output_types.push_back(Type::of(port.type));
  }
  auto params = read_params(fields.find("params"), *step.spec, name.place(), unit.folder, mistakes);
  if (params) {
    step.params = *std::move(params);
  } else {
    step.broken = true;
  }
}

int find_port(const std::vector<std::string>& names, const Node& port, std::string_view what,
              Mistakes& mistakes) {
  auto found = std::find(names.begin(), names.end(), port.text);
  if (found != names.end()) return static_cast<int>(found - names.begin());
  mistakes.add(port.place(), cat("the model has no ", what, " ", port.description(), "; it has ",
                                 join_or(names)));
  return -1;
}

// Is there such an axis? An open rank is believed.
bool has_axis(const Type& type, const Fields& fields, std::string_view name, Mistakes& mistakes) {
  auto axis = fields.integer("axis");
  if (type.open || axis < static_cast<int64_t>(type.dims.size())) return true;
  const Node* node = fields.find("axis");
  mistakes.add(node ? node->place() : fields.place(),
               cat("axis: an item of \"", name, "\" is ", type.text(), " and has no axis ", axis));
  return false;
}

void read_padding(const Fields& fields, DraftStep& step, Mistakes& mistakes) {
  const ModelPorts& ports = step.ports;
  if (const Node* node = fields.find("pad")) {
    Fields pad_fields(node, pad_table(), mistakes);
    Fields to(pad_fields.find("to") && pad_fields.find("to")->kind == Node::Kind::kMap
                  ? pad_fields.find("to")
                  : nullptr,
              multiple_table(), mistakes);
    Pad pad{-1,
            static_cast<int>(pad_fields.integer("axis")),
            to.integer("multiple"),
            pad_fields.number("value"),
            -1,
            pad_fields.find("within") ? pad_fields.number("within") : 0};
    if (const Node* port = pad_fields.find("port")) {
      pad.input = find_port(ports.input_names, *port, "input", mistakes);
    }
    if (const Node* lengths = pad_fields.find("lengths")) {
      pad.lengths = find_port(ports.input_names, *lengths, "input", mistakes);
      if (pad.lengths >= 0) {
        const Type& type = ports.inputs[static_cast<size_t>(pad.lengths)];
        if (!(type.allows(DType::kInt64) || type.allows(DType::kInt32)) || !type.dims.empty() ||
            ports.input_axis[static_cast<size_t>(pad.lengths)] < 0) {
          mistakes.add(lengths->place(),
                       cat("lengths: an item of ", lengths->description(), " is ", type.text(),
                           ", INT64 or INT32 with a batch axis wanted"));
          pad.lengths = -1;
        }
      }
    }
    if (pad.input >= 0 && has_axis(ports.inputs[static_cast<size_t>(pad.input)], pad_fields,
                                   ports.input_names[static_cast<size_t>(pad.input)], mistakes)) {
      step.options.pad = pad;
    }
  }
  const Node* trim = fields.find("trim");
  if (trim == nullptr) return;
  if (fields.find("pad") == nullptr) {
    mistakes.add(trim->place(), "trim: there is no `pad` that it could undo");
  }
  auto read_one = [&](const Node& node) {
    Fields trim_fields(&node, trim_table(), mistakes);
    const Node* port = trim_fields.find("port");
    int output = port ? find_port(ports.output_names, *port, "output", mistakes) : -1;
    if (output >= 0 && has_axis(ports.outputs[static_cast<size_t>(output)], trim_fields,
                                ports.output_names[static_cast<size_t>(output)], mistakes)) {
      step.options.trim.push_back(
          {output, static_cast<int>(trim_fields.integer("axis")), trim_fields.number("scale")});
    }
  };
  if (trim->kind == Node::Kind::kList) {
    for (const Node& node : trim->list) read_one(node);
  } else {
    read_one(*trim);
  }
}

void read_model(Draft& draft, const Unit& unit, const Fields& fields, const Node& path,
                DraftStep& step) {
  Mistakes& mistakes = draft.mistakes;
  step.what_place = path.place();
  refuse(*step.node, {"params"}, "this is for operators", mistakes);
  std::string file = resolved(unit.folder, path.text);
  if (file != path.text && path.text != path.shown) mistakes.hide(file, path.shown);
  ModelOptions options;
  options.threads = step.options.threads;
  options.instances = step.options.process.on ? 1 : step.options.instances;
  if (fields.find("runtime")) {
    options.runtime =
        fields.text("runtime") == "openvino" ? Runtime::kOpenVino : Runtime::kOnnxRuntime;
  }
  auto model = [&]() -> Result<std::shared_ptr<Model>> {
    if (!step.options.process.on) return draft.models->get(file, options);
    LEAT_ASSIGN(step.workers,
                draft.models->start(describe_model(step.name, file, options), step.options));
    return model_of(step.workers->signature());
  }();
  if (!model.ok()) {
    mistakes.add(path.place(), cat("model: ", path.description(), ": ", model.status().message()));
    step.broken = true;
    return;
  }
  step.model = *std::move(model);
  step.ports = settle_ports(*step.model, fields, mistakes);
  step.input_names = step.ports.input_names;
  step.output_names = step.ports.output_names;
  step.input_types = step.ports.inputs;
  step.output_types = step.ports.outputs;
  Fields batch(fields.find("batch"), batch_table(), draft.mistakes);
  step.options.batch_max = step.ports.batch_max;
  step.options.batch_delay = batch.duration("delay");
  read_padding(fields, step, mistakes);
  step.model_key = cat(file, "\n", static_cast<int>(options.runtime));
}

// The types as the worker is told them.
PortTexts read_ports(const Fields& signature, std::string_view key, Mistakes& mistakes) {
  PortTexts ports;
  const Node* node = signature.find(key);
  if (!node) return ports;
  for (const Entry& entry : node->entries) {
    if (!entry.value.is_text()) {
      mistakes.add(entry.value.place(),
                   cat(key, ": ", entry.value.description(), " found, a type wanted"));
    } else if (auto type = read_type(entry.value, nullptr, mistakes)) {
      ports.emplace_back(entry.key.text, type->text());
    }
  }
  return ports;
}

void read_python(Draft& draft, const Unit& unit, const Fields& fields, const Node& what,
                 DraftStep& step) {
  Mistakes& mistakes = draft.mistakes;
  step.what_place = what.place();
  refuse(*step.node, {"ports", "runtime", "pad", "trim"}, "this is for models", mistakes);
  if (fields.text("run_in") == "thread" && fields.find("run_in")) {
    mistakes.add(fields.find("run_in")->place(), "run_in: Python runs in a process");
  }
  size_t colon = what.text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == what.text.size()) {
    mistakes.add(what.place(), cat("python: ", what.description(), " found, FILE.py:CLASS wanted"));
    step.broken = true;
    return;
  }
  std::string file = resolved(unit.folder, what.text.substr(0, colon));
  if (what.text != what.shown) mistakes.hide(file, what.shown);
  const Node* params = fields.find("params");
  Fields said(fields.find("signature"), signature_table(), mistakes);
  const PortTexts inputs = read_ports(said, "inputs", mistakes);
  const PortTexts outputs = read_ports(said, "outputs", mistakes);
  auto workers =
      draft.models->start(describe_python(step.name, file, what.text.substr(colon + 1),
                                          params ? json(*params) : "{}", inputs, outputs),
                          step.options);
  if (!workers.ok()) {
    mistakes.add(what.place(),
                 cat("python: ", what.description(), ": ", workers.status().message()));
    step.broken = true;
    return;
  }
  step.workers = *std::move(workers);
  const Signature& signature = step.workers->signature();
  step.options.side_effects = step.options.side_effects || signature.side_effects;
  for (const ModelPort& port : signature.inputs) {
    step.input_names.push_back(port.name);
    step.input_types.push_back(port.type);
  }
  for (const ModelPort& port : signature.outputs) {
    step.output_names.push_back(port.name);
    step.output_types.push_back(port.type);
  }
  Fields batch(fields.find("batch"), batch_table(), mistakes);
  if (const Node* axis = batch.find("axis")) {
    mistakes.add(axis->place(), "axis: the items of Python lie along axis 0");
  }
  step.options.batch_by_time = !batch.find("max");
  step.options.batch_max = batch.find("max") ? batch.integer("max") : kItemsAtOnce;
  step.options.batch_delay = batch.duration("delay");
}

// Equal keys: the same model run in the same way.
std::string model_key(const DraftStep& step) {
  const StepOptions& o = step.options;
  std::string key = cat(step.model_key, "\n", o.instances, " ", o.threads, " ", o.batch_max, " ",
                        o.batch_delay, " ", o.queue_max, " ", static_cast<int>(o.when_full), " ",
                        o.timeout, " ", o.retry, " ", o.side_effects, " ", o.process.on);
  for (int axis : step.ports.input_axis) key += cat(" i", axis);
  for (int axis : step.ports.output_axis) key += cat(" o", axis);
  if (o.pad) {
    key += cat(" pad ", o.pad->input, " ", o.pad->axis, " ", o.pad->multiple, " ", o.pad->value,
               " ", o.pad->lengths, " ", o.pad->within);
  }
  for (const Trim& trim : o.trim)
    key += cat(" trim ", trim.output, " ", trim.axis, " ", trim.scale);
  return key;
}

}  // namespace

void read_step(Draft& draft, Unit& unit, int unit_number, const Entry& entry) {
  Mistakes& mistakes = draft.mistakes;
  Fields fields(&entry.value, step_table(), mistakes);
  auto broken = [&] { unit.broken.push_back(entry.key.text); };
  if (entry.value.kind != Node::Kind::kMap) return broken();
  std::vector<const Entry*> kinds;
  for (const Entry& option : entry.value.entries) {
    for (const char* kind : {"op", "model", "pipeline", "python"}) {
      if (option.key.text == kind) kinds.push_back(&option);
    }
  }
  if (kinds.size() != 1) {
    mistakes.add(kinds.empty() ? entry.key.place() : kinds[1]->key.place(),
                 cat("step \"", entry.key.text,
                     "\": exactly one of op, model, pipeline and python "
                     "is wanted; ",
                     kinds.size(), " found"));
    return broken();
  }
  const Node* what = fields.find(kinds[0]->key.text);
  if (what == nullptr) return broken();
  if (kinds[0]->key.text == "pipeline") {
    for (const Entry& option : entry.value.entries) {
      const auto& key = option.key.text;
      if (key != "pipeline" && key != "inputs" && key != "for_each" && key != "when" &&
          step_table().find(key) != nullptr) {
        mistakes.add(option.key.place(), cat(key,
                                             ": this cannot be said of a pipeline; say it on "
                                             "the steps inside"));
      }
    }
    read_included(draft, unit, unit_number, entry, *what);
    if (!unit.units.contains(entry.key.text)) broken();
    return;
  }
  if (draft.steps.size() == kMostSteps) {
    mistakes.add(entry.key.place(), cat("more than ", kMostSteps, " steps"));
  }
  if (draft.steps.size() >= kMostSteps) return broken();
  auto step = std::make_unique<DraftStep>();
  step->name = unit.prefix + entry.key.text;
  step->unit = unit_number;
  step->place = entry.key.place();
  step->node = &entry.value;
  read_options(fields, unit, *step, mistakes);
  if (kinds[0]->key.text == "op") {
    read_op(draft, unit, fields, *what, *step);
  } else if (kinds[0]->key.text == "python") {
    read_python(draft, unit, fields, *what, *step);
  } else {
    read_model(draft, unit, fields, *what, *step);
    step->model_key = model_key(*step);
  }
  step->inputs.resize(step->input_names.size());
  unit.steps.emplace(entry.key.text, static_cast<int>(draft.steps.size()));
  draft.steps.push_back(std::move(step));
}

void read_units(Draft& draft, std::unique_ptr<Document> document, const std::string& file,
                const std::string& folder, const std::string& path) {
  Unit unit;
  unit.file = file;
  unit.folder = folder;
  unit.path = path;
  read_unit(draft, std::move(document), std::move(unit));
}

}  // namespace leat
