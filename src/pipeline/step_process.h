// Steps in processes of their own: the server's side.
//
// A worker runs one step. Its first batch is a list of texts that says which (step_worker.cc reads
// it), and its answer to that is what it says of itself. Batches after it are of items: see
// item_note.h. Models get theirs joined already, as one item.
//
// Threads: any.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "leat/op.h"
#include "leat/pipeline.h"
#include "pipeline/plan.h"
#include "worker/worker_pool.h"

namespace leat {

class Plugin;

// What a worker says of the step that it runs.
struct Signature {
  std::vector<ModelPort> inputs, outputs;
  bool side_effects = false;
  std::string platform;  // of a model, as is the next
  uint64_t weight_bytes = 0;
};

// The first batch. `plugin`: that brought the operator; null: it is built in.
std::vector<std::string> describe_op(const std::string& step, const OpSpec& spec,
                                     const Plugin* plugin, const OpSetup& setup,
                                     const std::vector<size_t>& references);
std::vector<std::string> describe_model(const std::string& step, const std::string& path,
                                        const ModelOptions& options);
// Name and type of each port.
using PortTexts = std::vector<std::pair<std::string, std::string>>;
// `params`: JSON, an object. `inputs`, `outputs`: empty where the class says them.
std::vector<std::string> describe_python(const std::string& step, const std::string& file,
                                         const std::string& name, const std::string& params,
                                         const PortTexts& inputs, const PortTexts& outputs);

// The workers of one step, which live as long as this; those who started them live longer.
class StepWorkers {
 public:
  StepWorkers(WorkerHost& host, std::unique_ptr<WorkerPool> pool, Signature signature)
      : host_(host), pool_(std::move(pool)), signature_(std::move(signature)) {}

  WorkerPool& pool() { return *pool_; }
  Arena& exchange() { return host_.exchange(); }
  const Signature& signature() const { return signature_; }

 private:
  WorkerHost& host_;
  const std::unique_ptr<WorkerPool> pool_;
  const Signature signature_;
};

// Starts workers; the first call makes the thread that watches them, which ends with this.
class StepProcesses {
 public:
  explicit StepProcesses(const EngineOptions& options) : options_(options) {}

  // Returns when the workers are ready. `first`: of describe_*().
  Result<std::shared_ptr<StepWorkers>> start(const std::vector<std::string>& first,
                                             const StepOptions& options);

 private:
  Result<WorkerHost*> host();
  Result<std::string> program() const;
  std::string python(const ProcessOptions& process) const;

  const EngineOptions options_;
  std::mutex mutex_;
  std::unique_ptr<WorkerHost> host_;  // guarded by mutex_
};

// What a worker does with its batches, the first of which says which step it is. `models` lives
// longer.
WorkerEnd::Run step_runner(ModelSource& models);

// worker_main(), with models from elsewhere.
int run_worker(ModelSource& models);

// A model that runs elsewhere: its ports, for whoever joins its batches.
std::shared_ptr<Model> model_of(const Signature& signature);

}  // namespace leat
