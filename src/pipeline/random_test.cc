// The engine against the naive interpreter: random pipelines, random inputs, many calls at once.
//
// Every seed makes a pipeline, an engine and its calls, and both modes compare all answers exactly:
//   Manual   one thread, a clock that stands still until moved: the same seed runs the same way
//   Threads  what threads do
//   Processes  the same, with some of the steps in processes
// LEAT_RANDOM_PIPELINES=10000 sets how many pipelines each mode tries, LEAT_RANDOM_SEED=N runs the
// one with that seed.
#include <gmock/gmock.h>

#include <condition_variable>
#include <cstdlib>
#include <map>

#include "base/text.h"
#include "memory/arena.h"
#include "pipeline/engine.h"
#include "pipeline/executor.h"
#include "pipeline/step_process.h"
#include "pipeline/testing/interpreter.h"

namespace leat::toy {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr int kPipelines = 200;
#else
constexpr int kPipelines = 1000;
#endif

// What must come up, in calls whose answers are compared.
constexpr std::string_view kFeatures[] = {
    "a row of a nested loop",
    "a loop without rows",
    "a loop over an absent list",
    "zipped lists",
    "ragged rows",
    "a condition that held",
    "a condition that did not",
    "a step without its input",
    "an optional input absent",
    "a later one of first_of",
    "an absent row dropped",
    "an absent row replaced",
    "a failed step skipped",
    "a failed step replaced",
    "a failed step",
    "an absent row gathered",
    "unequal lists",
    "several items in a call",
    "an item that joined a batch",
};

int64_t from_environment(const char* name, int64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::atoll(text) : fallback;
}

// A call and what may become of it.
struct Trial final : Completion {
  std::vector<std::vector<Plain>> inputs;
  Meaning meaning;
  CallOptions options;
  bool cancelled = false;
  Ticket ticket;

  std::mutex mutex;
  std::condition_variable condition;
  int answers = 0;  // guarded by mutex, as is the answer
  Status status;
  std::vector<Plain> outputs;

  void done(Answer& answer) override {
    std::lock_guard lock(mutex);
    ++answers;
    status = answer.status;
    for (const Value& value : answer.outputs) outputs.push_back(plain_of(value));
    condition.notify_all();
  }
  bool answered() {
    std::lock_guard lock(mutex);
    return answers > 0;
  }
  void wait() {
    std::unique_lock lock(mutex);
    condition.wait(lock, [&] { return answers > 0; });
  }
};

class Contest {
 public:
  explicit Contest(int64_t seed) : seed_(seed), dice_(static_cast<uint64_t>(seed)) {}

  // How many calls were answered in which way, so that a test of nothing shows.
  struct Tally {
    int64_t right = 0, failed = 0, cancelled = 0, late = 0, refused = 0;
    // What the interpreter saw in calls that were answered right, the failures that were answered,
    // and what the engine counted of batches.
    std::map<std::string_view, int64_t> seen;
  };

  void manual(Tally& tally) {
    ManualClock clock;
    EngineOptions options;
    options.clock = &clock;
    auto engine = make_engine(options, toy_models(&clock));
    if (!load(*engine)) return;
    make_trials();
    Executor& executor = executor_of(*engine);
    for (auto& trial : trials_) {
      start(*trial);
      if (chance(50)) executor.work(static_cast<int>(dice_() % 8));
      if (chance(10)) clock.advance(static_cast<Nanos>(dice_() % 1500) * kMicrosecond);
    }
    int idle = 0;
    while (idle < 3) {  // three long times without anything to do: whatever waits, waits for ever
      if (chance(10)) cancel_one();
      if (executor.work(static_cast<int>(dice_() % 8) + 1)) {
        idle = 0;
        if (chance(20)) clock.advance(static_cast<Nanos>(dice_() % 500) * kMicrosecond);
        continue;
      }
      ++idle;
      clock.advance(idle == 1 ? kMillisecond : 30 * kSecond);
    }
    end(*engine, tally);
  }

  void threads(Tally& tally) { run(0, tally); }
  void processes(Tally& tally) { run(50, tally); }

 private:
  // So many of a hundred steps run in processes.
  void run(int in_processes, Tally& tally) {
    EngineOptions options;
    options.threads = static_cast<int>(dice_() % 4) + 1;
    options.worker_program = "/proc/self/exe";
    auto engine = make_engine(options, toy_models(nullptr));
    if (!load(*engine, in_processes)) return;
    make_trials();
    for (auto& trial : trials_) {
      start(*trial);
      if (chance(10)) cancel_one();
    }
    for (auto& trial : trials_) {
      if (trial->cancelled) trial->ticket.cancel();
    }
    bool leave = chance(30);  // the user lets go of the pipeline while its calls are under way
    if (leave) pipeline_.reset();
    for (auto& trial : trials_) trial->wait();
    end(*engine, tally);
  }

  bool chance(int percent) { return static_cast<int>(dice_() % 100) < percent; }

  bool load(Engine& engine, int in_processes = 0) {
    toy_ = random_toy(dice_, cat("toy", seed_));
    for (ToyStep& step : toy_.steps) {
      if (in_processes == 0 || !chance(in_processes)) continue;
      step.options += "    run_in: process\n    worker: { spare: false }\n";
    }
    auto pipeline = engine.load_text(yaml(toy_), "/models");
    if (!pipeline.ok()) {
      ADD_FAILURE() << "does not load: " << pipeline.status().message() << about();
      return false;
    }
    pipeline_ = *std::move(pipeline);
    return true;
  }

  std::string about() const {
    return cat("\nLEAT_RANDOM_SEED=", seed_, " runs this pipeline alone:\n", yaml(toy_));
  }

  void make_trials() {
    auto count = static_cast<int>(dice_() % 16) + 1;
    for (int i = 0; i < count; ++i) {
      auto trial = std::make_unique<Trial>();
      int64_t items = toy_.batched ? static_cast<int64_t>(dice_() % 4) + 1 : 1;
      trial->inputs = random_inputs(toy_, dice_, items);
      trial->meaning = interpret(toy_, trial->inputs);
      trial->options.priority = static_cast<uint32_t>(dice_() % 4);
      trial->options.trace = chance(10);
      if (chance(10)) {
        trial->options.timeout = static_cast<int64_t>(dice_() % 2000 + 1) * kMicrosecond;
      }
      trial->cancelled = chance(10);
      trials_.push_back(std::move(trial));
    }
  }

  void start(Trial& trial) {
    Request request(*pipeline_);
    for (size_t i = 0; i < trial.inputs.size(); ++i) {
      const std::vector<Plain>& items = trial.inputs[i];
      // What is the default for every item is left out and not said.
      auto left_out = [&](const Plain& item) {
        return !item.present() || item == toy_.inputs[i].fallback;
      };
      if (std::ranges::all_of(items, left_out)) continue;
      Plain value = toy_.batched ? stacked(items, toy_.inputs[i].dtype, {}) : items[0];
      request.set(i, tensor_of(value));
    }
    request.options = trial.options;
    trial.ticket = pipeline_->submit(std::move(request), trial);
  }

  void cancel_one() {
    Trial& trial = *trials_[dice_() % trials_.size()];
    if (trial.cancelled) trial.ticket.cancel();
  }

  // Everything must have been answered by now.
  void end(Engine& engine, Tally& tally) {
    for (auto& trial : trials_) {
      if (trial->answered()) continue;
      ADD_FAILURE() << "a call was never answered" << about();
      engine.drain(0);
      break;
    }
    bool drained = engine.drain(600 * kSecond);
    for (auto& trial : trials_) trial->ticket = Ticket();
    EXPECT_TRUE(drained) << "something was left" << about();
    EXPECT_EQ(executor_of(engine).in_flight(), 0) << about();
    if (pipeline_) {
      PipelineStats stats = pipeline_->stats();
      auto joined = static_cast<int64_t>(stats.compute_infer.count - stats.executions);
      tally.seen["an item that joined a batch"] += joined;
    }
    for (size_t i = 0; i < trials_.size(); ++i) {
      Trial& trial = *trials_[i];
      EXPECT_EQ(trial.answers, 1) << about();
      std::string why = compare(trial, tally);
      if (!why.empty()) ADD_FAILURE() << "call " << i << ": " << why << about();
    }
  }

  bool step_in(std::string_view message, bool ToyStep::*property) const {
    for (const ToyStep& step : toy_.steps) {
      if (!(step.*property)) continue;
      if (message.find(cat("step ", step.name, ":")) != std::string_view::npos) return true;
      if (message.find(cat("step ", step.name, ",")) != std::string_view::npos) return true;
    }
    return false;
  }

  // Why the answer is none that it may be; empty if it is.
  std::string compare(const Trial& trial, Tally& tally) const {
    const Status& status = trial.status;
    Code code = status.code();
    std::string_view message = status.message();
    if (code == Code::kCancelled && trial.cancelled) {
      ++tally.cancelled;
      return {};
    }
    if (code == Code::kDeadline &&
        (trial.options.timeout > 0 ? message.starts_with("not answered within") ||
                                         step_in(message, &ToyStep::may_time_out)
                                   : step_in(message, &ToyStep::may_time_out))) {
      ++tally.late;
      return {};
    }
    if (code == Code::kOverloaded &&
        ((trial.options.timeout > 0 && message.starts_with("cannot be answered in time")) ||
         (message.find("its queue of ") != std::string_view::npos &&
          step_in(message, &ToyStep::may_overload)))) {
      ++tally.refused;
      return {};
    }
    if (!status.ok()) {
      for (const Failure& failure : trial.meaning.failures) {
        if (failure.code == code && message.starts_with(failure.begins) &&
            message.find(failure.contains) != std::string_view::npos) {
          ++tally.failed;
          ++tally.seen[failure.kind];
          return {};
        }
      }
    } else if (trial.meaning.failures.empty() && trial.outputs == trial.meaning.outputs) {
      ++tally.right;
      for (auto [what, times] : trial.meaning.seen) tally.seen[what] += times;
      if (trial.inputs[0].size() > 1) ++tally.seen["several items in a call"];
      return {};
    }
    std::string out = status.ok() ? "answered" : cat("failed: ", code_name(code), ": ", message);
    for (size_t i = 0; i < trial.outputs.size(); ++i) {
      out += cat("\n  ", toy_.outputs[i].name, " = ", trial.outputs[i].text());
    }
    out += "\n wanted";
    for (const Failure& failure : trial.meaning.failures) {
      out += cat("\n  ", code_name(failure.code), ": ", failure.begins, "...", failure.contains);
    }
    for (size_t i = 0; i < trial.meaning.outputs.size(); ++i) {
      out += cat("\n  ", toy_.outputs[i].name, " = ", trial.meaning.outputs[i].text());
    }
    out += "\n inputs";
    for (size_t i = 0; i < trial.inputs.size(); ++i) {
      out += cat("\n  ", toy_.inputs[i].name, " =");
      for (const Plain& item : trial.inputs[i]) out += cat(" ", item.text());
    }
    return out;
  }

  const int64_t seed_;
  Dice dice_;
  Toy toy_;
  std::shared_ptr<Pipeline> pipeline_;
  std::vector<std::unique_ptr<Trial>> trials_;
};

void contest(void (Contest::*mode)(Contest::Tally&), int64_t pipelines = kPipelines) {
  int64_t alone = from_environment("LEAT_RANDOM_SEED", -1);
  int64_t count = from_environment("LEAT_RANDOM_PIPELINES", pipelines);
  int64_t first = alone >= 0 ? alone : 0;
  int64_t last = alone >= 0 ? alone : count - 1;
  Contest::Tally tally;
  uint64_t before = Arena::heap().stats().in_use;
  for (int64_t seed = first; seed <= last; ++seed) {
    {
      Contest one(seed);
      (one.*mode)(tally);
    }
    ASSERT_EQ(Arena::heap().stats().in_use, before) << "memory was kept, LEAT_RANDOM_SEED=" << seed;
    if (testing::Test::HasFailure()) break;
  }
  std::string said = cat("right ", tally.right, ", failed ", tally.failed, ", cancelled ",
                         tally.cancelled, ", late ", tally.late, ", refused ", tally.refused);
  for (auto [what, times] : tally.seen) said += cat(", ", what, " ", times);
  testing::Test::RecordProperty("answers", said);
  if (alone >= 0 || testing::Test::HasFailure()) return;
  // A generator whose pipelines all fail, or never do, tests little.
  EXPECT_GT(tally.right, count) << said;
  EXPECT_GT(tally.failed, count / 2) << said;
  EXPECT_GT(tally.cancelled, count / 20) << said;
  EXPECT_GE(tally.late, count / 100) << said;
  EXPECT_GE(tally.refused, count / 100) << said;
  for (std::string_view what : kFeatures) EXPECT_GE(tally.seen[what], count / 100) << what;
}

TEST(RandomPipelines, Manual) { contest(&Contest::manual); }
TEST(RandomPipelines, Threads) { contest(&Contest::threads); }
TEST(RandomPipelines, Processes) { contest(&Contest::processes, kPipelines / 20); }

}  // namespace
}  // namespace leat::toy
