// Steps in processes of their own: the worker's side.
#include <cstdio>
#include <map>

#include "base/text.h"
#include "leat/op.h"
#include "model/model.h"
#include "pipeline/item_note.h"
#include "pipeline/step_process.h"
#include "pipeline/texts.h"
#include "plugin/plugin.h"
#include "worker/control.h"
#include "worker/worker.h"

namespace leat {

namespace {

// What this process runs, once it has been told.
class WorkerStep {
 public:
  virtual ~WorkerStep() = default;
  virtual Status run(const WorkerEnd::Batch& batch, WorkerEnd::Made& made) = 0;
};

Type read_type(TextReader& from) {
  Type type;
  type.dtypes = from.number<uint16_t>();
  type.open = from.number() != 0;
  type.image = from.number() != 0;
  size_t rank = from.count(2);
  for (size_t i = 0; i < rank; ++i) {
    auto size = from.number();
    type.dims.push_back({size, std::string(from.text())});
  }
  return type;
}

ParamValue read_value(TextReader& from) {
  switch (from.number()) {
    case 1:
      return from.number();
    case 2:
      return from.number<double>();
    case 3:
      return from.number() != 0;
    case 4:
      return std::string(from.text());
    case 5: {
      std::vector<double> reals(from.count());
      for (double& real : reals) real = from.number<double>();
      return reals;
    }
    case 6: {
      std::vector<std::string> texts(from.count());
      for (std::string& text : texts) text = from.text();
      return texts;
    }
    default:
      return {};
  }
}

class OpStep final : public WorkerStep {
 public:
  static Result<std::unique_ptr<WorkerStep>> make(TextReader& from) {
    std::string name(from.text());
    std::string library(from.text());
    std::string stamp(from.text());
    LEAT_ASSIGN(const OpSpec* spec, library.empty() ? built_in(name) : of(library, stamp, name));
    Params params;
    size_t count = from.count(2);
    for (size_t i = 0; i < count; ++i) {
      std::string param(from.text());
      params.set(param, read_value(from));
    }
    std::vector<size_t> references;
    OpSetup setup{params, {}, {}, {}, {}};
    for (size_t port = 0; port < spec->inputs.size(); ++port) {
      references.push_back(from.number<size_t>());
      const bool connected = from.number() != 0;
      setup.inputs.push_back(connected ? std::optional(read_type(from)) : std::nullopt);
    }
    for (size_t port = 0; port < spec->outputs.size(); ++port) {
      setup.wanted.push_back(read_type(from));
      setup.outputs.push_back(read_type(from));
      std::vector<ImageNeed>& needs = setup.needs.emplace_back(from.count(5));
      for (ImageNeed& need : needs) {
        need.width = from.number<int>();
        need.height = from.number<int>();
        need.fit = static_cast<Fit>(from.number<uint8_t>());
        need.crop = from.number<double>();
        if (from.number() == 0) continue;
        ImageBox& box = need.box.emplace();
        for (double* side : {&box.left, &box.top, &box.right, &box.bottom}) {
          *side = from.number<double>();
        }
      }
      setup.used.push_back(from.number() != 0);
    }
    if (!from.ok()) return Status(Code::kInternal, "the description of the step is wrong");
    LEAT_ASSIGN(std::unique_ptr<Op> op, spec->make(setup));
    return std::unique_ptr<WorkerStep>(new OpStep(*spec, std::move(op), std::move(references)));
  }

  Status run(const WorkerEnd::Batch& batch, WorkerEnd::Made& made) override {
    const size_t outputs = spec_.outputs.size();
    ItemNote note;
    note.whole.assign(outputs, false);
    made.outputs.resize(outputs * batch.items);
    const Tensor* inputs = batch.inputs.data();
    for (size_t item = 0; item < batch.items; ++item) {
      OneItem call(*this, inputs, {made.outputs, item, batch.items});
      Status status = op_->run(call);
      if (!status.ok()) {
        note.statuses.resize(batch.items);
        note.statuses[item] = std::move(status);
        for (size_t port = 0; port < outputs; ++port) {
          made.outputs[port * batch.items + item].reset();
        }
      }
      inputs += total_;
    }
    made.note = write_note(note);
    return {};
  }

 private:
  static Result<const OpSpec*> built_in(const std::string& name) {
    if (const OpSpec* spec = OpCatalogue::find(name)) return spec;
    return Status(Code::kUnsupported,
                  cat("the worker's program has no operator ", name,
                      "; EngineOptions::worker_program must be one that has it"));
  }

  static Result<const OpSpec*> of(const std::string& library, const std::string& stamp,
                                  const std::string& name) {
    auto plugin = Plugin::load(library);
    if (!plugin.ok()) return plugin.status().within(cat("plugin ", library));
    auto spec = (*plugin)->ops().find(name);
    if ((*plugin)->stamp() != stamp || spec == (*plugin)->ops().end()) {
      return Status(Code::kUnsupported, cat("plugin ", library,
                                            ": it has changed since the server loaded it; start "
                                            "the server again"));
    }
    return &spec->second;
  }

  // Outputs lie port by port.
  struct Outputs {
    std::span<Tensor> all;
    size_t item, items;
    Tensor& at(size_t port) const { return all[port * items + item]; }
  };

  class OneItem final : public OpCall {
   public:
    OneItem(OpStep& step, const Tensor* inputs, Outputs outputs) : outputs_(outputs) {
      const Tensor** at = step.present_.data();
      for (size_t port = 0; port < step.references_.size(); ++port) {
        const Tensor** begin = at;
        for (size_t i = 0; i < step.references_[port]; ++i, ++inputs) {
          if (*inputs) *at++ = inputs;
        }
        step.ports_[port] = {begin, static_cast<size_t>(at - begin)};
      }
      inputs_ = step.ports_;
    }
    Result<Tensor*> output(size_t port, DType type, const Shape& shape) override {
      LEAT_ASSIGN(outputs_.at(port), Tensor::allocate(type, shape));
      return &outputs_.at(port);
    }
    void give(size_t port, Tensor value) override { outputs_.at(port) = std::move(value); }
    bool abandoned() const override { return false; }

   private:
    const Outputs outputs_;
  };

  OpStep(const OpSpec& spec, std::unique_ptr<Op> op, std::vector<size_t> references)
      : spec_(spec), op_(std::move(op)), references_(std::move(references)) {
    for (size_t of_port : references_) total_ += of_port;
    present_.resize(total_);
    ports_.resize(references_.size());
  }

  const OpSpec& spec_;
  const std::unique_ptr<Op> op_;
  const std::vector<size_t> references_;  // by port
  size_t total_ = 0;
  // Of the item that runs.
  std::vector<const Tensor*> present_;
  std::vector<std::span<const Tensor* const>> ports_;
};

// Names of dimensions come from the model's file, and may be such as no type has.
Type sayable(Type type) {
  if (Type::parse(type.text()).ok()) return type;
  for (Dim& dim : type.dims) dim.name.clear();
  return type;
}

class ModelStep final : public WorkerStep {
 public:
  explicit ModelStep(std::shared_ptr<Model> model) : model_(std::move(model)) {}

  static Result<std::unique_ptr<WorkerStep>> make(TextReader& from, ModelSource& models,
                                                  TextWriter& introduction) {
    std::string path(from.text());
    ModelOptions options;
    options.threads = from.number<int>();
    options.runtime = static_cast<Runtime>(from.number<int>());
    options.instances = from.number<int>();
    LEAT_ASSIGN(std::shared_ptr<Model> model, models.get(path, options));
    for (const auto& ports : {model->inputs(), model->outputs()}) {
      introduction.put(ports.size());
      for (const ModelPort& port : ports) {
        introduction.put(port.name);
        introduction.put(sayable(port.type).text());
      }
    }
    introduction.put("0");
    introduction.put(model->platform());
    introduction.put(model->weight_bytes());
    return std::unique_ptr<WorkerStep>(new ModelStep(std::move(model)));
  }

  Status run(const WorkerEnd::Batch& batch, WorkerEnd::Made& made) override {
    made.outputs.resize(model_->outputs().size());
    return model_->run(batch.inputs, made.outputs, nullptr);
  }

 private:
  const std::shared_ptr<Model> model_;
};

class LoadedModels final : public ModelSource {
 public:
  Result<std::shared_ptr<Model>> get(const std::string& path,
                                     const ModelOptions& options) override {
    LEAT_ASSIGN(std::shared_ptr<Model> model, load_model(path, options));
    (void)!warm_up(*model).ok();  // some models cannot run on zeros
    return model;
  }
};

Status set_up(const WorkerEnd::Batch& batch, ModelSource& models, std::shared_ptr<WorkerStep>& step,
              WorkerEnd::Made& made) {
  TextReader from(batch.inputs[0]);
  std::string_view kind = from.text();
  from.text();  // the step's name
  TextWriter introduction;
  if (kind == "op") {
    LEAT_ASSIGN(step, OpStep::make(from));
  } else if (kind == "model") {
    LEAT_ASSIGN(step, ModelStep::make(from, models, introduction));
  } else {
    return Status(Code::kInternal, cat("this program cannot run a step of the kind ", kind));
  }
  if (introduction.texts().empty()) return {};
  LEAT_ASSIGN(Tensor texts, texts_tensor(introduction.texts()));
  made.outputs = {std::move(texts)};
  return {};
}

}  // namespace

bool is_worker() { return std::getenv(kWorkerVariable) != nullptr; }

int worker_main() {
  LoadedModels models;
  return run_worker(models);
}

WorkerEnd::Run step_runner(ModelSource& models) {
  return [&models, step = std::shared_ptr<WorkerStep>()](const WorkerEnd::Batch& batch,
                                                         WorkerEnd::Made& made) mutable {
    return step ? step->run(batch, made) : set_up(batch, models, step, made);
  };
}

int run_worker(ModelSource& models) {
  auto end = WorkerEnd::attach();
  if (!end.ok()) {
    std::fprintf(stderr, "leat worker: %s\n", end.status().message().c_str());
    return 1;
  }
  (*end)->serve(step_runner(models));
}

}  // namespace leat
