// Every run of every operator's tests, once more in a process of its own: the same answer, bit by
// bit, or the same error. (The tests of src/ops are part of this program.)
//
// Each operator gets a process; where only its setup differs from the run before, the process is
// told the new one, since a process for every setup would take minutes. Of an operator whose tests
// go through thousands of cases, the first kAll are run again, of the rest one in kEvery, and all
// that fail.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "memory/testing/op_fixture.h"
#include "pipeline/item_note.h"
#include "pipeline/step_process.h"
#include "pipeline/texts.h"
#include "worker/testing/job.h"

namespace leat {
namespace {

void expect_same(const Tensor& here, const Tensor& there, const std::string& port) {
  ASSERT_EQ(static_cast<bool>(here), static_cast<bool>(there)) << port;
  if (!here) return;
  ASSERT_EQ(here.dtype(), there.dtype()) << port;
  ASSERT_EQ(here.shape(), there.shape()) << port;
  if (here.shape().rank() == 3) {
    EXPECT_EQ(here.full_size().width, there.full_size().width) << port;
    EXPECT_EQ(here.full_size().height, there.full_size().height) << port;
  }
  if (here.dtype() == DType::kBytes) {
    for (int64_t i = 0; i < here.shape().elements(); ++i) {
      EXPECT_EQ(here.string(i), there.string(i)) << port;
    }
  } else if (here.byte_size() > 0) {
    EXPECT_EQ(std::memcmp(here.data(), there.data(), here.byte_size()), 0) << port;
  }
}

constexpr std::string_view kAnother = "what follows says another step";

class NoModels final : public ModelSource {
  Result<std::shared_ptr<Model>> get(const std::string& path, const ModelOptions&) override {
    return Status(Code::kUnsupported, path);
  }
};

// A worker, but for a batch that begins with kAnother: after it, it is as if it were new.
[[noreturn]] void work() {
  auto end = WorkerEnd::attach();
  if (!end.ok()) std::_Exit(1);
  NoModels models;
  WorkerEnd::Run step = step_runner(models);
  (*end)->serve([&](const WorkerEnd::Batch& batch, WorkerEnd::Made& made) {
    const Tensor* first = batch.inputs.empty() ? nullptr : batch.inputs.data();
    if (first && *first && first->dtype() == DType::kBytes && first->shape() == Shape{} &&
        first->string() == kAnother) {
      step = step_runner(models);
      return step({batch.inputs.subspan(1), batch.items}, made);
    }
    return step(batch, made);
  });
}

class InProcesses final : public testing::Environment {
 public:
  void SetUp() override {
    if (is_worker()) work();
    OpFixture::watcher = [this](const OpFixture::Ran& ran) { run_again(ran); };
  }
  void TearDown() override {
    OpFixture::watcher = nullptr;
    workers_ = nullptr;
    // A catalogue that grows without tests through OpFixture would not be seen.
    for (const auto& [name, spec] : OpCatalogue::all()) {
      // Those of src/codec: tests/same_answer_test.py.
      const bool codec = name.starts_with("image.decode") || name == "image.encode";
      if (testing::GTEST_FLAG(filter) == "*" && !codec) {
        EXPECT_TRUE(seen_.contains(name)) << name << " was not run";
      }
    }
  }

 private:
  void run_again(const OpFixture::Ran& ran) {
    const int run = seen_[ran.spec.name]++;
    if (run >= kAll && run % kEvery != 0 && ran.status.ok()) return;
    std::vector<size_t> references;
    std::vector<Tensor> inputs;
    for (const auto& of_port : ran.inputs) {
      references.push_back(of_port.size());
      inputs.insert(inputs.end(), of_port.begin(), of_port.end());
    }
    auto first = describe_op("step", ran.spec, nullptr, ran.setup, references);
    if (ran.spec.name != name_) {
      StepOptions options;
      options.instances = 1;
      options.process.spare = false;
      auto workers = processes_.start(first, options);
      ASSERT_TRUE(workers.ok()) << workers.status().message();
      workers_ = *std::move(workers);
    } else if (first != first_) {
      Job job;
      Status status =
          workers_->pool().submit(job, {*Tensor::bytes(kAnother), *texts_tensor(first)});
      name_.clear();  // as long as it has not been understood
      ASSERT_TRUE(status.ok()) << status.message();
      Status told = job.wait().status;
      ASSERT_TRUE(told.ok()) << told.message();
    }
    name_ = ran.spec.name;
    first_ = std::move(first);
    Job job;
    Status status = workers_->pool().submit(job, inputs);
    ASSERT_TRUE(status.ok()) << status.message();
    WorkerOutcome& outcome = job.wait();
    if (!outcome.status.ok()) name_.clear();  // what comes after it has another process
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    auto note = read_note(outcome.note, ran.outputs.size(), 1);
    ASSERT_TRUE(note.ok()) << note.status().message();
    Status there = note->statuses.empty() ? Status() : note->statuses[0];
    EXPECT_EQ(ran.status.code(), there.code());
    EXPECT_EQ(ran.status.message(), there.message());
    if (!ran.status.ok() || !there.ok()) return;
    ASSERT_EQ(outcome.outputs.size(), ran.outputs.size());
    for (size_t i = 0; i < ran.outputs.size(); ++i) {
      expect_same(ran.outputs[i], outcome.outputs[i], ran.spec.outputs[i].name);
    }
  }

  static EngineOptions options() {
    EngineOptions options;
    options.worker_program = "/proc/self/exe";
    return options;
  }
  static constexpr int kAll = 200, kEvery = 20;
  StepProcesses processes_{options()};
  std::shared_ptr<StepWorkers> workers_;
  std::string name_;                 // of the operator that they run
  std::vector<std::string> first_;   // how that was told
  std::map<std::string, int> seen_;  // runs, by operator
};

// A worker is no test: it says nothing.
[[maybe_unused]] const bool silent = is_worker() && std::freopen("/dev/null", "w", stdout);
[[maybe_unused]] const auto* in_processes =
    testing::AddGlobalTestEnvironment(new InProcesses);  // gtest owns it

}  // namespace
}  // namespace leat
