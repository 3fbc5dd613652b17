// The engine that users hold: executor, loaded models and queues, and the pipelines on them.
#include "pipeline/engine.h"

#include <filesystem>
#include <map>
#include <set>

#include "base/text.h"
#include "base/timers.h"
#include "memory/arena.h"
#include "pipeline/compile.h"
#include "pipeline/executor.h"
#include "pipeline/graph.h"
#include "pipeline/step_process.h"

namespace leat {

namespace {

// Sessions, one for each file and options, for as long as a pipeline uses them.
class Models final : public ModelSource {
 public:
  explicit Models(bool warm) : warm_(warm) {}

  Result<std::shared_ptr<Model>> get(const std::string& path,
                                     const ModelOptions& options) override {
    std::lock_guard lock(mutex_);
    std::error_code error;
    auto changed = std::filesystem::last_write_time(path, error).time_since_epoch().count();
    std::weak_ptr<Model>& known = models_[cat(session_key(path, options), "\n", changed)];
    if (auto model = known.lock()) return model;
    LEAT_ASSIGN(std::shared_ptr<Model> model, load_model(path, options));
    // Some models cannot run on zeros; they are none the worse for it.
    if (warm_) (void)!warm_up(*model).ok();
    known = model;
    return model;
  }

 private:
  const bool warm_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Model>> models_;  // guarded by mutex_
};

// Models, and processes for steps.
class Sources final : public ModelSource {
 public:
  Sources(std::shared_ptr<ModelSource> models, const EngineOptions& options)
      : models_(std::move(models)), manual_(options.clock != nullptr), processes_(options) {}

  Result<std::shared_ptr<Model>> get(const std::string& path,
                                     const ModelOptions& options) override {
    return models_->get(path, options);
  }
  Result<std::shared_ptr<StepWorkers>> start(const std::vector<std::string>& first,
                                             const StepOptions& options) override {
    // Workers do not wait for a hand that moves the clock.
    if (manual_) return models_->start(first, options);
    return processes_.start(first, options);
  }

 private:
  const std::shared_ptr<ModelSource> models_;
  const bool manual_;
  StepProcesses processes_;
};

class LoadedPipeline final : public Pipeline {
 public:
  LoadedPipeline(std::shared_ptr<Engine> engine, std::shared_ptr<CallSite> site)
      : engine_(std::move(engine)), site_(std::move(site)) {
    for (const PlanInput& input : plan().inputs) inputs_.push_back(input.port);
    for (const PlanOutput& output : plan().outputs) {
      outputs_.push_back({output.name, output.type, output.may_be_absent});
    }
  }

  const std::string& name() const override { return plan().name; }
  const std::string& description() const override { return plan().description; }
  const std::vector<Port>& inputs() const override { return inputs_; }
  const std::vector<Port>& outputs() const override { return outputs_; }
  bool batched() const override { return plan().batched; }
  int64_t max_items() const override { return batched() ? kMostItems : 0; }
  std::string_view platform() const override { return plan().platform; }
  PipelineStats stats() const override { return site_->metrics.stats(); }
  Result<std::string> graph(std::string_view format) const override {
    return draw(*site_->linked, format);
  }

  Status admit(const CallOptions& options) const override {
    Executor& executor = *site_->executor;
    Nanos now = executor.clock().now();
    Nanos patience = plan().timeout;
    if (options.timeout > 0) patience = std::min(patience, options.timeout);
    Status status = executor.admission().check(site_->admission, now,
                                               patience == kNever ? kNever : now + patience);
    if (!status.ok()) site_->metrics.refused_deadline.add();
    return status;
  }

  Ticket submit(Request request, Completion& completion, bool admitted) const override {
    auto refuse = [&](Status status) {
      Answer answer;
      answer.status = std::move(status);
      completion.done(answer);
      return Ticket();
    };
    std::vector<Value>& values = inputs_of(request);
    int64_t items = 1;
    if (Status status = check(values, items); !status.ok()) return refuse(std::move(status));
    if (!admitted) {
      if (Status status = admit(request.options); !status.ok()) return refuse(std::move(status));
    }
    Executor& executor = *site_->executor;
    if (Status status = executor.enter(); !status.ok()) {
      (status.code() == Code::kUnavailable ? site_->metrics.refused_closed
                                           : site_->metrics.refused_limit)
          .add();
      return refuse(std::move(status));
    }
    Call* call = Call::make(site_);
    Ticket ticket(call);
    call->start(values, items, request.options, completion);
    return ticket;
  }
  using Pipeline::submit;

  const CallSite& site() const { return *site_; }

 private:
  const Plan& plan() const { return site_->plan(); }

  // Fills defaults in; how many items there are.
  Status check(std::vector<Value>& values, int64_t& items) const {
    bool counted = false;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Port& port = inputs_[i];
      Value& value = values[i];
      auto wrong = [&](std::string_view why) {
        return Status(Code::kBadInput, cat("input ", port.name, ": ", why));
      };
      if (!value.present()) {
        int fallback = plan().inputs[i].fallback;
        if (fallback < 0) {
          if (port.optional) continue;
          return wrong("is missing");
        }
        const Value& standard = plan().constants[static_cast<size_t>(fallback)];
        if (!plan().batched) value = standard;
        continue;
      }
      if (value.is_list()) return wrong("rows of different shapes cannot be sent");
      const Tensor& tensor = value.tensor();
      Shape shape = tensor.shape();
      if (plan().batched) {
        if (shape.rank() == 0) return wrong("a leading axis of items is wanted");
        if (counted && shape[0] != items) {
          return wrong(cat(shape[0], " items, the inputs before it have ", items));
        }
        items = shape[0];
        counted = true;
        if (items < 1) return wrong("no items");
        shape = shape.without(0);
      }
      std::string why = port.type.mismatch(tensor.dtype(), shape);
      if (!why.empty()) return wrong(why);
    }
    if (items > kMostItems) {
      return Status(Code::kTooLarge,
                    cat(items, " items in one call, at most ", kMostItems, " are allowed"));
    }
    if (!plan().batched) return {};
    for (size_t i = 0; i < inputs_.size(); ++i) {
      int fallback = plan().inputs[i].fallback;
      if (values[i].present() || fallback < 0) continue;
      std::vector<Value> copies(static_cast<size_t>(items),
                                plan().constants[static_cast<size_t>(fallback)]);
      LEAT_ASSIGN(values[i], stack_rows(copies));
    }
    return {};
  }

  static constexpr int64_t kMostItems = 1 << 16;

  const std::shared_ptr<Engine> engine_;  // outlives the site's runners
  const std::shared_ptr<CallSite> site_;
  std::vector<Port> inputs_, outputs_;
};

class LocalEngine final : public Engine, public std::enable_shared_from_this<LocalEngine> {
 public:
  LocalEngine(const EngineOptions& options, std::shared_ptr<ModelSource> models)
      : executor_(options),
        sources_(std::move(models), options),
        housekeeping_(executor_.timers(), executor_.clock()) {}

  Result<std::shared_ptr<Pipeline>> load(const std::string& path,
                                         const LoadOptions& options) override {
    bool is_file = path.ends_with(".yaml") || path.ends_with(".yml");
    auto plan = is_file ? compile_file(path, sources_) : compile_model(path, sources_);
    if (!plan.ok()) return plan.status();
    if (!options.name.empty()) (*plan)->name = options.name;
    (*plan)->version = options.version;
    return build(*std::move(plan));
  }

  Result<std::shared_ptr<Pipeline>> load_text(std::string_view text,
                                              const std::string& folder) override {
    LEAT_ASSIGN(auto plan, compile_text(text, "pipeline", folder, sources_));
    return build(std::move(plan));
  }

  std::string metrics() const override {
    MetricsText text;
    {
      std::lock_guard lock(mutex_);
      // One that was replaced may live on for the calls that have it.
      std::set<std::pair<std::string, std::string>> written;
      for (auto weak = sites_.rbegin(); weak != sites_.rend(); ++weak) {
        auto site = weak->lock();
        if (!site || !written.emplace(site->plan().name, site->plan().version).second) continue;
        site->metrics.write(text, *site->linked);
      }
    }
    text.sample("leat_copied_bytes_total", "counter", "Bytes copied to join batches and rows.", "",
                static_cast<double>(copied_bytes().total()));
    for (const ArenaStats& arena : Arena::all_stats()) {
      std::string label = MetricsText::label("arena", arena.name);
      text.sample("leat_memory_bytes", "gauge", "Bytes of the arena in use.", label,
                  static_cast<double>(arena.in_use));
      text.sample("leat_memory_reserved_bytes", "gauge", "Bytes cut from the arena, free or not.",
                  label, static_cast<double>(arena.reserved));
    }
    return text.text();
  }

  bool drain(int64_t nanos) override { return executor_.drain(nanos); }

  Executor& executor() { return executor_; }

 private:
  // Gives what bursts left behind back to the system now and then.
  class Housekeeping final : private Timer {
   public:
    Housekeeping(Timers& timers, const Clock& clock) : timers_(timers), clock_(clock) {
      timers_.arm(*this, clock_.now() + kPeriod);
    }
    ~Housekeeping() {
      // fire() arms again: cancel until it is idle for good.
      stopping_.store(true);
      timers_.cancel(*this);
      timers_.cancel(*this);
    }

   private:
    static constexpr Nanos kPeriod = 10 * kSecond;
    void fire() override {
      Arena::heap().trim();
      if (!stopping_.load()) timers_.arm(*this, clock_.now() + kPeriod);
    }
    Timers& timers_;
    const Clock& clock_;
    std::atomic<bool> stopping_{false};
  };

  std::shared_ptr<Pipeline> build(std::unique_ptr<Plan> plan) {
    std::vector<std::shared_ptr<Runner>> runners;
    for (const Step& step : plan->steps) runners.push_back(runner_of(step));
    auto site = std::make_shared<CallSite>(executor_, link(std::move(plan), runners));
    {
      std::lock_guard lock(mutex_);
      std::erase_if(sites_, [](const auto& weak) { return weak.expired(); });
      sites_.push_back(site);
    }
    return std::make_shared<LoadedPipeline>(shared_from_this(), std::move(site));
  }

  std::shared_ptr<Runner> runner_of(const Step& step) {
    bool queued =
        step.model || step.workers || step.options.instances > 0 || step.options.queue_max > 0;
    if (!queued) return nullptr;
    if (step.model_key.empty()) return std::make_shared<Runner>(executor_, step);
    std::lock_guard lock(mutex_);
    // A model that was loaded anew (its file changed) has a queue of its own.
    std::string key = cat(step.model_key, "\n", reinterpret_cast<uintptr_t>(step.model.get()), "\n",
                          reinterpret_cast<uintptr_t>(step.workers.get()));
    std::weak_ptr<Runner>& known = runners_[key];
    if (auto runner = known.lock()) return runner;
    auto runner = std::make_shared<Runner>(executor_, step);
    known = runner;
    return runner;
  }

  Executor executor_;
  Sources sources_;
  Housekeeping housekeeping_;
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<CallSite>> sites_;            // guarded by mutex_
  std::map<std::string, std::weak_ptr<Runner>> runners_;  // guarded by mutex_
};

}  // namespace

std::shared_ptr<Engine> Engine::make(const EngineOptions& options) {
  return make_engine(options, std::make_shared<Models>(options.warm_up));
}

std::shared_ptr<Engine> make_engine(const EngineOptions& options,
                                    std::shared_ptr<ModelSource> models) {
  return std::make_shared<LocalEngine>(options, std::move(models));
}

Executor& executor_of(Engine& engine) { return static_cast<LocalEngine&>(engine).executor(); }

}  // namespace leat
