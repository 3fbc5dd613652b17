#include "pipeline/model_ports.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace leat {

namespace {

constexpr int kUnsaid = -2;
constexpr int kNone = -1;

// What the file says of each port's axis.
struct Said {
  std::vector<int> inputs, outputs;
};

Type without_axis(const Type& type, int axis) {
  if (axis < 0) return type;
  Type item = type;
  item.dims.erase(item.dims.begin() + axis);
  return item;
}

// The axis that could be the batch axis of a port.
int candidate(const ModelPort& port, int said) {
  if (said != kUnsaid) return said;
  return port.type.dims.empty() ? kNone : 0;
}

void settle_axes(const Model& model, const Said& said, ModelPorts& out) {
  bool fits_one = true;  // every candidate axis is 1 or open,
  bool has_one = false;  // and at least one is 1
  auto look = [&](const std::vector<ModelPort>& ports, const std::vector<int>& axes) {
    for (size_t i = 0; i < ports.size(); ++i) {
      int axis = candidate(ports[i], axes[i]);
      if (axis == kNone) continue;
      int64_t size = ports[i].type.dims[static_cast<size_t>(axis)].size;
      fits_one &= size == 1 || size < 0;
      has_one |= size == 1;
    }
  };
  look(model.inputs(), said.inputs);
  look(model.outputs(), said.outputs);
  out.fixed_at_one = fits_one && has_one;
  bool any_input = false;
  auto settle = [&](const std::vector<ModelPort>& ports, const std::vector<int>& axes,
                    std::vector<int>& settled, bool input) {
    for (size_t i = 0; i < ports.size(); ++i) {
      int axis = candidate(ports[i], axes[i]);
      if (axis != kNone && axes[i] == kUnsaid && !out.fixed_at_one &&
          ports[i].type.dims[static_cast<size_t>(axis)].size >= 0) {
        axis = kNone;
      }
      // Nothing can be split that was not joined.
      if (!input && !any_input && axes[i] == kUnsaid) axis = kNone;
      any_input |= input && axis != kNone;
      settled.push_back(axis);
    }
  };
  settle(model.inputs(), said.inputs, out.input_axis, true);
  settle(model.outputs(), said.outputs, out.output_axis, false);
  for (size_t i = 0; i < model.inputs().size(); ++i) {
    out.inputs.push_back(without_axis(model.inputs()[i].type, out.input_axis[i]));
  }
  for (size_t i = 0; i < model.outputs().size(); ++i) {
    out.outputs.push_back(without_axis(model.outputs()[i].type, out.output_axis[i]));
  }
}

// Why more than one item cannot run together; empty if they can.
std::string why_one_by_one(const ModelPorts& ports) {
  if (ports.fixed_at_one) return "the model is fixed at batch 1";
  if (std::all_of(ports.input_axis.begin(), ports.input_axis.end(),
                  [](int axis) { return axis == kNone; })) {
    return "no input of the model has a batch axis";
  }
  for (size_t i = 0; i < ports.output_axis.size(); ++i) {
    if (ports.output_axis[i] == kNone) {
      return cat("the model's output \"", ports.output_names[i], "\" has no batch axis");
    }
  }
  return {};
}

void rename(const Fields& step, ModelPorts& out, Mistakes& mistakes) {
  const Node* ports = step.find("ports");
  if (ports == nullptr) return;
  std::vector<std::string*> all;
  for (std::string& name : out.input_names) all.push_back(&name);
  for (std::string& name : out.output_names) all.push_back(&name);
  std::vector<std::string> originals;
  for (const std::string* name : all) originals.push_back(*name);
  for (const Entry& entry : ports->entries) {
    auto found = entry.value.is_text()
                     ? std::find(originals.begin(), originals.end(), entry.value.text)
                     : originals.end();
    if (found == originals.end()) {
      std::string_view near = nearest(entry.value.text, originals);
      mistakes.add(entry.value.place(),
                   cat("ports: the model has no port ", entry.value.description(), "; it has ",
                       join_or(originals), near.empty() ? "" : cat(" (did you mean ", near, "?)")));
      continue;
    }
    bool taken = std::any_of(all.begin(), all.end(),
                             [&](const std::string* name) { return *name == entry.key.text; });
    if (entry.key.text.empty() || taken) {
      mistakes.add(entry.key.place(), cat("ports: the name \"", entry.key.shown, "\" is ",
                                          taken ? "taken by another port" : "empty"));
      continue;
    }
    *all[static_cast<size_t>(found - originals.begin())] = entry.key.text;
  }
}

std::optional<int> read_axis(const Node& node, Mistakes& mistakes) {
  if (node.is_text() && node.text == "none") return kNone;
  auto axis = node.integer();
  if (axis && *axis >= 0 && *axis < Shape::kMaxRank) return static_cast<int>(*axis);
  mistakes.add(node.place(), cat("axis: ", node.description(), " found, 0 to 7 or none wanted"));
  return std::nullopt;
}

// `port` gets the axis if it has it; else why not.
void say_axis(const Node& node, const std::string& name, const ModelPort& port, int axis, int& said,
              Mistakes& mistakes) {
  if (axis != kNone && static_cast<size_t>(axis) >= port.type.dims.size()) {
    mistakes.add(node.place(),
                 cat("axis: port \"", name, "\" is ", port.type.text(), " and has no axis ", axis));
    return;
  }
  if (axis != kNone && port.type.dims[static_cast<size_t>(axis)].size > 1) {
    mistakes.add(node.place(), cat("axis: axis ", axis, " of port \"", name, "\" (",
                                   port.type.text(), ") has a fixed size; a batch axis is open"));
    return;
  }
  said = axis;
}

Said read_axes(const Model& model, const Fields& batch, const ModelPorts& out, Mistakes& mistakes) {
  Said said{std::vector<int>(model.inputs().size(), kUnsaid),
            std::vector<int>(model.outputs().size(), kUnsaid)};
  const Node* axis = batch.find("axis");
  if (axis == nullptr) return said;
  if (axis->kind != Node::Kind::kMap) {
    auto number = read_axis(*axis, mistakes);
    if (!number) return said;
    for (size_t i = 0; i < said.inputs.size(); ++i) {
      say_axis(*axis, out.input_names[i], model.inputs()[i], *number, said.inputs[i], mistakes);
    }
    for (size_t i = 0; i < said.outputs.size(); ++i) {
      say_axis(*axis, out.output_names[i], model.outputs()[i], *number, said.outputs[i], mistakes);
    }
    return said;
  }
  for (const Entry& entry : axis->entries) {
    auto number = read_axis(entry.value, mistakes);
    if (!number) continue;
    auto input = std::find(out.input_names.begin(), out.input_names.end(), entry.key.text);
    auto output = std::find(out.output_names.begin(), out.output_names.end(), entry.key.text);
    if (input != out.input_names.end()) {
      auto i = static_cast<size_t>(input - out.input_names.begin());
      say_axis(entry.value, *input, model.inputs()[i], *number, said.inputs[i], mistakes);
    } else if (output != out.output_names.end()) {
      auto i = static_cast<size_t>(output - out.output_names.begin());
      say_axis(entry.value, *output, model.outputs()[i], *number, said.outputs[i], mistakes);
    } else {
      std::vector<std::string> names = out.input_names;
      names.insert(names.end(), out.output_names.begin(), out.output_names.end());
      mistakes.add(entry.key.place(), cat("axis: the model has no port \"", entry.key.shown,
                                          "\"; it has ", join_or(names)));
    }
  }
  return said;
}

ModelPorts named_ports(const Model& model) {
  ModelPorts out;
  for (const ModelPort& port : model.inputs()) out.input_names.push_back(port.name);
  for (const ModelPort& port : model.outputs()) out.output_names.push_back(port.name);
  return out;
}

}  // namespace

ModelPorts settle_ports(const Model& model, const Fields& step, Mistakes& mistakes) {
  ModelPorts out = named_ports(model);
  rename(step, out, mistakes);
  Fields batch(step.find("batch"), batch_table(), mistakes);
  settle_axes(model, read_axes(model, batch, out, mistakes), out);
  std::string why = why_one_by_one(out);
  const Node* max = batch.find("max");
  if (!why.empty() && max != nullptr && batch.integer("max") > 1) {
    mistakes.add(max->place(), cat("max: ", max->shown, " found, but ", why,
                                   ", so that it takes items one by one; 1 is wanted"));
  }
  out.batch_max = why.empty() ? batch.integer("max") : 1;
  return out;
}

ModelPorts bare_ports(const Model& model) {
  ModelPorts out = named_ports(model);
  Said nothing{std::vector<int>(model.inputs().size(), kUnsaid),
               std::vector<int>(model.outputs().size(), kUnsaid)};
  settle_axes(model, nothing, out);
  if (why_one_by_one(out).empty()) {
    out.batch_max = std::stoll(std::string(batch_table().find("max")->fallback));
    return out;
  }
  Said none{std::vector<int>(model.inputs().size(), kNone),
            std::vector<int>(model.outputs().size(), kNone)};
  out = named_ports(model);
  settle_axes(model, none, out);
  return out;
}

}  // namespace leat
