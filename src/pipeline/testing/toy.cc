#include "pipeline/testing/toy.h"

#include "base/text.h"

namespace leat::toy {

int home(const Toy& toy, const Ref& ref) {
  switch (ref.kind) {
    case Ref::Kind::kStep:
      return toy.steps[static_cast<size_t>(ref.at)].scope;
    case Ref::Kind::kGather:
    case Ref::Kind::kRows: {
      int inner = home(toy, toy.gathers[static_cast<size_t>(ref.at)].inner);
      return toy.scopes[static_cast<size_t>(inner)].parent;
    }
    default:
      return 0;
  }
}

namespace {

const Part& part_of(const ToyStep& step) { return parts()[static_cast<size_t>(step.part)]; }

std::string constant_text(const Plain& plain) {
  auto one = [&](int64_t number) {
    return plain.dtype == DType::kBytes ? cat("t", number) : cat(number);
  };
  if (plain.dims.empty()) return one(plain.numbers[0]);
  std::string out = "[";
  for (size_t i = 0; i < plain.numbers.size(); ++i) {
    if (i > 0) out += ", ";
    out += one(plain.numbers[i]);
  }
  return out + "]";
}

// As it stands in expressions, in rows(), and where a bare name is enough.
std::string name_of(const Toy& toy, const Ref& ref) {
  auto at = static_cast<size_t>(ref.at);
  switch (ref.kind) {
    case Ref::Kind::kInput:
      return toy.inputs[at].name;
    case Ref::Kind::kStep: {
      const ToyStep& step = toy.steps[at];
      return cat(step.name, ".", part_of(step).outputs[static_cast<size_t>(ref.port)].name);
    }
    case Ref::Kind::kRows:
      return cat("rows(", name_of(toy, toy.gathers[at].inner), ")");
    case Ref::Kind::kIndex:
      return "index";
    default:
      std::abort();
  }
}

std::string value_of(const Toy& toy, const Ref& ref) {
  auto at = static_cast<size_t>(ref.at);
  if (ref.kind == Ref::Kind::kConstant) {
    return cat("{ value: ", constant_text(toy.constants[at]), " }");
  }
  if (ref.kind != Ref::Kind::kGather) return name_of(toy, ref);
  const Collected& gather = toy.gathers[at];
  std::string out = cat("{ gather: ", value_of(toy, gather.inner));
  if (gather.absent == Collected::Absent::kDrop) out += ", absent: drop";
  if (gather.absent == Collected::Absent::kUse) {
    out += cat(", absent: { use: ", constant_text(gather.use), " }");
  }
  return out + " }";
}

std::string first_of(const Toy& toy, const std::vector<Ref>& alternatives) {
  if (alternatives.size() == 1) return value_of(toy, alternatives[0]);
  std::string out = "{ first_of: [";
  for (size_t i = 0; i < alternatives.size(); ++i) {
    out += cat(i > 0 ? ", " : "", value_of(toy, alternatives[i]));
  }
  return out + "] }";
}

std::string condition_text(const Toy& toy, const Condition& condition) {
  std::string ref = name_of(toy, condition.ref);
  int64_t n = condition.number;
  switch (condition.form) {
    case Condition::Form::kEven:
      return cat(ref, " % 2 == 0");
    case Condition::Form::kLess:
      return cat(ref, " < ", n);
    case Condition::Form::kLong:
      return cat("size(", ref, ") > ", n);
    case Condition::Form::kPresent:
      return cat("present(", ref, ")");
    case Condition::Form::kAbsent:
      return cat("not present(", ref, ")");
    case Condition::Form::kLargest:
      return cat("max(", ref, ") >= ", n);
    case Condition::Form::kElement:
      return cat(ref, "[", n, "] > 0");
    case Condition::Form::kBothIndex:
      return cat("present(", ref, ") and index < ", n);
  }
  return {};
}

std::string step_text(const Toy& toy, const ToyStep& step) {
  const Part& part = part_of(step);
  std::string out = cat("  ", step.name, ":\n");
  out += part.model ? cat("    model: ", part.name, "-", step.n, "\n")
                    : cat("    op: toy.", part.name, "\n    params: { n: ", step.n, " }\n");
  out += "    inputs:\n";
  for (size_t port = 0; port < step.inputs.size(); ++port) {
    if (step.inputs[port].empty()) continue;
    std::string text;
    for (const Choice& choice : step.inputs[port]) {
      std::string one = first_of(toy, choice.alternatives);
      if (choice.optional) one = cat("{ optional: ", one, " }");
      text += cat(text.empty() ? "" : ", ", one);
    }
    if (part.inputs[port].many) text = cat("[", text, "]");
    out += cat("      ", part.inputs[port].name, ": ", text, "\n");
  }
  if (!step.for_each.empty()) {
    std::string lists;
    for (const Ref& list : step.for_each) {
      lists += cat(lists.empty() ? "" : ", ", value_of(toy, list));
    }
    bool bare = step.for_each.size() == 1 && step.for_each[0].kind != Ref::Kind::kGather;
    out += cat("    for_each: ", bare ? lists : cat("[", lists, "]"), "\n");
  }
  for (const Condition& condition : step.when) {
    out += cat("    when: ", condition_text(toy, condition), "\n");
  }
  if (step.on_error == Trouble::kSkip) out += "    on_error: skip\n";
  if (step.on_error == Trouble::kUse) {
    std::string use;
    for (size_t port = 0; port < step.use.size(); ++port) {
      if (!step.use[port].present()) continue;
      use += cat(use.empty() ? "" : ", ", part.outputs[port].name, ": ",
                 constant_text(step.use[port]));
    }
    out += cat("    on_error: { use: { ", use, " } }\n");
  }
  return out + step.options;
}

}  // namespace

std::string yaml(const Toy& toy) {
  std::string out = cat("leat: 1\nname: ", toy.name, "\n");
  if (toy.batched) out += "batched: true\n";
  out += "inputs:\n";
  for (const ToyInput& input : toy.inputs) {
    std::string shape;
    for (int64_t dim : input.dims) {
      shape += cat(shape.empty() ? "" : ",", dim < 0 ? "?" : cat(dim));
    }
    out += cat("  ", input.name, ": { type: \"", dtype_name(input.dtype),
               shape.empty() ? "" : cat("[", shape, "]"), "\"");
    if (input.optional) out += ", optional: true";
    if (input.fallback.present()) out += cat(", default: ", constant_text(input.fallback));
    out += " }\n";
  }
  out += "steps:\n";
  for (int s : toy.order) out += step_text(toy, toy.steps[static_cast<size_t>(s)]);
  out += "outputs:\n";
  for (const ToyOutput& output : toy.outputs) {
    out += cat("  ", output.name, ": ", first_of(toy, output.alternatives), "\n");
  }
  return out;
}

}  // namespace leat::toy
