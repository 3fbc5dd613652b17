// read: the options of a step.
#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "pipeline/draft.h"

namespace leat {

namespace fs = std::filesystem;

namespace {

// A duration, size or list that has been read; what is wrong is noted.
template <typename T>
T parsed(const Fields& fields, std::string_view key, Result<T> (*parse)(std::string_view),
         Mistakes& mistakes) {
  const Node* node = fields.find(key);
  if (!node) return {};
  auto value = parse(node->text);
  if (value.ok()) return *std::move(value);
  mistakes.add(node->place(),
               cat(key, ": ", node->description(), " found, ", value.status().message()));
  return {};
}

void read_process(const Fields& fields, const Unit& unit, DraftStep& step, Mistakes& mistakes) {
  ProcessOptions& process = step.options.process;
  const bool python = fields.find("python") != nullptr;
  process.on = python || fields.text("run_in") == "process";
  const Node* node = fields.find("worker");
  if (node && !process.on) {
    mistakes.add(node->place(), "worker: this is for steps with `run_in: process`");
  }
  Fields worker(node, worker_table(), mistakes);
  process.time_limit = worker.duration("time_limit");
  process.memory = parsed(worker, "memory", parse_size, mistakes);
  process.cpus = parsed(worker, "cpus", parse_cpus, mistakes);
  process.sandbox = worker.flag("sandbox");
  process.spare = worker.flag("spare");
  const Node* env = fields.find("python_env");
  if (env && !python) {
    mistakes.add(env->place(), "python_env: this is for steps with `python`");
  }
  if (const Node* signature = fields.find("signature"); signature && !python) {
    mistakes.add(signature->place(), "signature: this is for steps with `python`");
  }
  if (!env) env = unit.document->root.find("python_env");
  // A name without a folder is looked for on PATH.
  if (env && python && env->is_text()) {
    bool path = env->text.find('/') != std::string::npos;
    process.python =
        path ? (fs::path(unit.folder) / env->text).lexically_normal().string() : env->text;
  }
}

}  // namespace

void read_options(const Fields& fields, const Unit& unit, DraftStep& step, Mistakes& mistakes) {
  StepOptions& options = step.options;
  options.instances = static_cast<int>(fields.integer("instances"));
  options.threads = static_cast<int>(fields.integer("threads"));
  options.timeout = std::min(fields.duration("timeout"), unit.parent < 0 ? kNever : unit.timeout);
  if (const Node* device = fields.find("device"); device && device->text != "cpu") {
    mistakes.add(device->place(), cat("device: ", device->description(),
                                      " found, cpu or cuda:N "
                                      "wanted"));
  }
  options.retry = static_cast<int>(fields.integer("retry"));
  options.side_effects = fields.flag("side_effects");
  if (const Node* retry = fields.find("retry"); retry && options.side_effects) {
    mistakes.add(retry->place(), "retry: a step with side effects is never run again");
  }
  read_process(fields, unit, step, mistakes);
  Fields queue(fields.find("queue"), queue_table(), mistakes);
  options.queue_max = queue.integer("max");
  std::string when_full = queue.text("when_full");
  options.when_full = when_full == "wait"          ? WhenFull::kWait
                      : when_full == "drop_oldest" ? WhenFull::kDropOldest
                                                   : WhenFull::kReject;
  const Node* on_error = fields.find("on_error");
  if (on_error && on_error->kind == Node::Kind::kMap) {
    Fields use(on_error, use_table(), mistakes);
    step.use = use.find("use");
    options.on_error = OnError::kUse;
  } else if (on_error && on_error->text == "skip") {
    options.on_error = OnError::kSkip;
  }
}

}  // namespace leat
