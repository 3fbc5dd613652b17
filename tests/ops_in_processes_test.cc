// Every run of every operator's tests, once more in a process of its own: the same answer, bit by
// bit, or the same error. (The tests of src/ops are part of this program.)
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "memory/testing/op_fixture.h"
#include "pipeline/item_note.h"
#include "pipeline/step_process.h"
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

class InProcesses final : public testing::Environment {
 public:
  void SetUp() override {
    if (is_worker()) std::_Exit(worker_main());
    OpFixture::watcher = [this](const OpFixture::Ran& ran) { run_again(ran); };
  }
  void TearDown() override {
    OpFixture::watcher = nullptr;
    workers_ = nullptr;
    // A catalogue that grows without tests through OpFixture would not be seen.
    for (const auto& [name, spec] : OpCatalogue::all()) {
      const bool codec =
          name == "image.decode" || name == "image.encode";  // tests/same_answer_test.py
      if (testing::GTEST_FLAG(filter) == "*" && !codec) {
        EXPECT_TRUE(seen_.contains(name)) << name << " was not run";
      }
    }
  }

 private:
  void run_again(const OpFixture::Ran& ran) {
    seen_.insert(ran.spec.name);
    std::vector<size_t> references;
    std::vector<Tensor> inputs;
    for (const auto& of_port : ran.inputs) {
      references.push_back(of_port.size());
      inputs.insert(inputs.end(), of_port.begin(), of_port.end());
    }
    auto first = describe_op("step", ran.spec, nullptr, ran.setup, references);
    if (first != first_) {
      StepOptions options;
      options.instances = 1;
      options.process.spare = false;
      auto workers = processes_.start(first, options);
      ASSERT_TRUE(workers.ok()) << workers.status().message();
      workers_ = *std::move(workers);
      first_ = std::move(first);
    }
    Job job;
    Status status = workers_->pool().submit(job, inputs);
    ASSERT_TRUE(status.ok()) << status.message();
    WorkerOutcome& outcome = job.wait();
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
  StepProcesses processes_{options()};
  std::vector<std::string> first_;        // of workers_
  std::shared_ptr<StepWorkers> workers_;  // of the last operator that ran
  std::set<std::string> seen_;
};

// A worker is no test: it says nothing.
[[maybe_unused]] const bool silent = is_worker() && std::freopen("/dev/null", "w", stdout);
[[maybe_unused]] const auto* in_processes =
    testing::AddGlobalTestEnvironment(new InProcesses);  // gtest owns it

}  // namespace
}  // namespace leat
