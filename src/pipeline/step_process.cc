#include "pipeline/step_process.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/cpu.h"
#include "pipeline/python_end.h"
#include "pipeline/texts.h"
#include "plugin/plugin.h"
#include "worker/sandbox.h"

namespace leat {

namespace fs = std::filesystem;

namespace {

void put_type(TextWriter& to, const Type& type) {
  to.put(type.dtypes);
  to.put(static_cast<int>(type.open));
  to.put(static_cast<int>(type.image));
  to.put(type.dims.size());
  for (const Dim& dim : type.dims) {
    to.put(dim.size);
    to.put(dim.name);
  }
}

void put_params(TextWriter& to, const Params& params) {
  to.put(params.values().size());
  for (const auto& [name, value] : params.values()) {
    to.put(name);
    to.put(value.index());
    if (const auto* integer = std::get_if<int64_t>(&value)) to.put(*integer);
    if (const auto* real = std::get_if<double>(&value)) to.put(*real);
    if (const auto* flag = std::get_if<bool>(&value)) to.put(static_cast<int>(*flag));
    if (const auto* text = std::get_if<std::string>(&value)) to.put(*text);
    if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
      to.put(reals->size());
      for (double real : *reals) to.put(real);
    }
    if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
      to.put(texts->size());
      for (const std::string& text : *texts) to.put(text);
    }
  }
}

Status read_ports(TextReader& from, std::string_view what, std::vector<ModelPort>& ports) {
  size_t count = from.count(2);
  for (size_t i = 0; i < count; ++i) {
    std::string name(from.text());
    std::string_view text = from.text();
    auto type = Type::parse(text);
    if (!type.ok()) {
      return type.status().within(cat(what, " \"", name, "\": \"", text, "\""));
    }
    for (const ModelPort& port : ports) {
      if (port.name == name) {
        return Status(Code::kBadInput, cat(what, " \"", name, "\" is there twice"));
      }
    }
    ports.push_back({std::move(name), *std::move(type)});
  }
  return {};
}

Result<Signature> read_signature(const std::vector<Tensor>& introduction) {
  Signature signature;
  if (introduction.empty()) return signature;
  const Tensor& texts = introduction[0];
  const Status wrong(Code::kStepFailed, "the worker's introduction cannot be read");
  if (!texts || texts.dtype() != DType::kBytes || texts.shape().rank() != 1) return wrong;
  TextReader from(texts);
  LEAT_TRY(read_ports(from, "input", signature.inputs));
  LEAT_TRY(read_ports(from, "output", signature.outputs));
  signature.side_effects = from.number() != 0;
  if (!from.at_end()) {  // a model's
    signature.platform = from.text();
    signature.weight_bytes = from.number<uint64_t>();
  }
  if (!from.ok()) return wrong;
  return signature;
}

// Never waits: what nobody reads is dropped, and a pipe takes so much whole or not at all.
void to_standard_error(std::string_view line) {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (poll(&ready, 1, 0) <= 0) return;
  const std::string whole = cat(line.substr(0, PIPE_BUF - 1), "\n");
  [[maybe_unused]] ssize_t put = write(STDERR_FILENO, whole.data(), whole.size());
}

// What libraries in a worker are told, where this process's own environment says nothing.
std::vector<std::string> environment(const StepOptions& options, bool python) {
  std::vector<std::pair<std::string_view, std::string>> wanted;
  // They would start a thread for every CPU in each process.
  for (std::string_view name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}) {
    wanted.emplace_back(name, cat(options.threads));
  }
  // glibc gives large pieces back at once, and the next picture would pay a page fault for each
  // 4 KiB again: decoding one by OpenCV takes 9 ms so and 5 ms otherwise (bench/steps.py).
  if (python) {
    wanted.emplace_back("MALLOC_MMAP_THRESHOLD_", cat(32 << 20));  // the largest that it takes
    wanted.emplace_back("MALLOC_TRIM_THRESHOLD_", cat(256 << 20));
  }
  std::vector<std::string> out;
  for (const auto& [name, value] : wanted) {
    if (!std::getenv(std::string(name).c_str())) out.push_back(cat(name, "=", value));
  }
  return out;
}

class RemoteModel final : public Model {
 public:
  explicit RemoteModel(const Signature& signature) : signature_(signature) {}
  const std::vector<ModelPort>& inputs() const override { return signature_.inputs; }
  const std::vector<ModelPort>& outputs() const override { return signature_.outputs; }
  std::string_view platform() const override { return signature_.platform; }
  uint64_t weight_bytes() const override { return signature_.weight_bytes; }
  Status run(std::span<const Tensor>, std::span<Tensor>, RunStop*) override {
    return Status(Code::kInternal, "this model runs in a process of its own");
  }

 private:
  const Signature signature_;
};

}  // namespace

std::vector<std::string> describe_op(const std::string& step, const OpSpec& spec,
                                     const Plugin* plugin, const OpSetup& setup,
                                     const std::vector<size_t>& references) {
  TextWriter to;
  to.put("op");
  to.put(step);
  to.put(spec.name);
  to.put(plugin ? plugin->path() : "");
  to.put(plugin ? plugin->stamp() : "");
  put_params(to, setup.params);
  for (size_t port = 0; port < setup.inputs.size(); ++port) {
    to.put(references[port]);
    to.put(static_cast<int>(setup.inputs[port].has_value()));
    if (setup.inputs[port]) put_type(to, *setup.inputs[port]);
  }
  for (size_t port = 0; port < setup.outputs.size(); ++port) {
    put_type(to, setup.wanted[port]);
    put_type(to, setup.outputs[port]);
    to.put(setup.needs[port].size());
    for (const ImageNeed& need : setup.needs[port]) {
      to.put(need.width);
      to.put(need.height);
      to.put(static_cast<int>(need.fit));
      to.put(need.crop);
      to.put(static_cast<int>(need.box.has_value()));
      if (!need.box) continue;
      for (double side : {need.box->left, need.box->top, need.box->right, need.box->bottom}) {
        to.put(side);
      }
    }
    to.put(static_cast<int>(setup.used[port]));
  }
  return std::move(to.texts());
}

std::vector<std::string> describe_model(const std::string& step, const std::string& path,
                                        const ModelOptions& options) {
  return {"model",
          step,
          path,
          cat(options.threads),
          cat(static_cast<int>(options.runtime)),
          cat(options.instances)};
}

std::vector<std::string> describe_python(const std::string& step, const std::string& file,
                                         const std::string& name, const std::string& params,
                                         const PortTexts& inputs, const PortTexts& outputs) {
  std::vector<std::string> texts = {"python", step, file, name, params};
  for (const PortTexts* ports : {&inputs, &outputs}) {
    texts.push_back(std::to_string(ports->size()));
    for (const auto& [port, type] : *ports) {
      texts.push_back(port);
      texts.push_back(type);
    }
  }
  return texts;
}

std::shared_ptr<Model> model_of(const Signature& signature) {
  return std::make_shared<RemoteModel>(signature);
}

Result<std::string> StepProcesses::program() const {
  if (!options_.worker_program.empty()) return options_.worker_program;
  std::error_code error;
  fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "leat";
  if (access(beside.c_str(), X_OK) == 0) return beside.string();
  const char* path = std::getenv("PATH");
  for (std::string_view folder : split(path ? path : "", ':')) {
    fs::path here = fs::path(folder) / "leat";
    if (!folder.empty() && access(here.c_str(), X_OK) == 0) return here.string();
  }
  return Status(Code::kUnsupported,
                "the program leat, which runs steps in processes, is neither beside this program "
                "nor on PATH; EngineOptions::worker_program names it");
}

std::string StepProcesses::python(const ProcessOptions& process) const {
  if (!process.python.empty()) return process.python;
  if (!options_.python.empty()) return options_.python;
  const char* variable = std::getenv("LEAT_PYTHON");
  return variable && *variable ? variable : "python3";
}

Result<WorkerHost*> StepProcesses::host() {
  std::lock_guard lock(mutex_);
  // A bound on what is under way to workers; pages that are not used take no memory.
  if (!host_) {
    LEAT_ASSIGN(host_, WorkerHost::make(memory_limit() / 2));
  }
  return host_.get();
}

Result<std::shared_ptr<StepWorkers>> StepProcesses::start(const std::vector<std::string>& first,
                                                          const StepOptions& options) {
  if (is_worker()) {
    return Status(Code::kInternal,
                  "a worker cannot start workers: main() must begin with leat::worker_main()");
  }
  const ProcessOptions& process = options.process;
  WorkerPoolOptions pool;
  if (first[0] == "python") {
    LEAT_ASSIGN(pool.setup.program, find_python(python(process)));
    LEAT_ASSIGN(pool.setup.arguments, python_arguments());
  } else {
    LEAT_ASSIGN(pool.setup.program, program());
    pool.setup.arguments = {"worker"};
  }
  pool.setup.arguments.push_back(first[1]);
  pool.setup.log = [log = options_.log, name = cat(first[1], ": ")](std::string_view line) {
    const std::string whole = cat(name, line);
    log ? log(whole) : to_standard_error(whole);
  };
  pool.setup.environment = environment(options, first[0] == "python");
  pool.setup.memory = process.memory;
  pool.setup.cpus = process.cpus;
  pool.setup.sandbox = process.sandbox;
  std::vector<std::string> said = first;
  if (process.sandbox && first[0] == "python") said.push_back(sandbox_filter());
  LEAT_ASSIGN(Tensor texts, texts_tensor(said));
  pool.first = {std::move(texts)};
  pool.workers = std::max(1, options.instances);
  if (options.instances == 0) pool.most_workers = cpu_budget();
  pool.spare = process.spare;
  pool.time_limit = std::min(process.time_limit, options.timeout);
  LEAT_ASSIGN(WorkerHost * watch, host());
  LEAT_ASSIGN(auto workers, WorkerPool::make(*watch, std::move(pool)));
  LEAT_ASSIGN(Signature signature, read_signature(workers->introduction()));
  return std::make_shared<StepWorkers>(*watch, std::move(workers), std::move(signature));
}

}  // namespace leat
