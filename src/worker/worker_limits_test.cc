// Limits that hold for any program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>

#include "base/text.h"
#include "worker/process_use.h"
#include "worker/testing/child.h"
#include "worker/testing/job.h"
#include "worker/worker_pool.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

class WorkerLimitsTest : public ::testing::Test {
 protected:
  // What a shell says under limits, which all hold when it goes on after having stopped itself.
  std::vector<std::string> ask_shell(WorkerSetup setup, const std::string& script) {
    std::vector<std::string> lines;
    setup.program = "/bin/sh";
    setup.arguments = {"-c", "kill -STOP $$; " + script};
    setup.arena_bytes = kMiB;
    setup.log = [&](std::string_view line) { lines.emplace_back(line); };
    auto exchange = *Arena::shared("exchange", kMiB);
    auto shell = Worker::start(setup, *exchange);
    EXPECT_TRUE(shell.ok()) << shell.status().message();
    if (!shell.ok()) return {};
    char state = 0;
    while (state != 'T' && state != 'Z') {
      std::ifstream stat(cat("/proc/", (*shell)->pid(), "/stat"));
      std::string number, name;
      stat >> number >> name >> state;
    }
    kill((*shell)->pid(), SIGCONT);
    EXPECT_EQ((*shell)->how_it_ended(), "exited with status 0");
    shell->reset();
    return lines;
  }
  std::unique_ptr<WorkerPool> obedient(uint64_t memory) {
    WorkerSetup setup = child("obey");
    setup.memory = memory;
    auto pool = WorkerPool::make(
        *host, {.setup = setup, .first = {*Tensor::bytes("hello")}, .spare = false});
    EXPECT_TRUE(pool.ok()) << pool.status().message();
    return *std::move(pool);
  }
  static WorkerOutcome ask(WorkerPool& pool, std::string_view what, int32_t number) {
    Job job;
    EXPECT_TRUE(pool.submit(job, {*Tensor::bytes(what), *Tensor::scalar(number)}).ok());
    return std::move(job.wait());
  }

  std::unique_ptr<WorkerHost> host = *WorkerHost::make(64 * kMiB);
};

TEST_F(WorkerLimitsTest, AllocationsEnd) {
  EXPECT_THAT(ask_shell({.memory = 64 * kMiB}, "ulimit -d"), ElementsAre("131072"));
  EXPECT_THAT(ask_shell({}, "ulimit -d"), ElementsAre("unlimited"));
}

TEST_F(WorkerLimitsTest, CpusAreTheGiven) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) last = CPU_ISSET(cpu, &before) ? cpu : last;
  const char* script =
      "while read name value; do"
      "  [ $name = Cpus_allowed_list: ] && echo $value; true;"
      "done </proc/self/status";
  EXPECT_THAT(ask_shell({.cpus = {last}}, script), ElementsAre(std::to_string(last)));
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
  for (int cpu : {-1, CPU_SETSIZE - 1, 1 << 20}) {
    auto exchange = *Arena::shared("exchange", kMiB);
    auto none = Worker::start({.program = "/bin/true", .cpus = {last, cpu}}, *exchange);
    ASSERT_FALSE(none.ok());
    EXPECT_THAT(none.status().message(), HasSubstr(cat("CPU ", cpu, ",")));
  }
}

TEST_F(WorkerLimitsTest, TheKernelEndsItBeforeTheServer) {
  EXPECT_THAT(ask_shell({}, "read score </proc/self/oom_score_adj; echo $score"),
              ElementsAre("1000"));
}

TEST_F(WorkerLimitsTest, EnvironmentIsAddedAndComesFirst) {
  setenv("LEAT_TEST_A", "of the server", 1);
  setenv("LEAT_TEST_AB", "another", 1);
  EXPECT_THAT(ask_shell({.environment = {"LEAT_TEST_A=its own", "LEAT_TEST_C="}},
                        "env | grep ^LEAT_TEST_ | sort"),
              ElementsAre("LEAT_TEST_A=its own", "LEAT_TEST_AB=another", "LEAT_TEST_C="));
  unsetenv("LEAT_TEST_A");
  unsetenv("LEAT_TEST_AB");
}

TEST_F(WorkerLimitsTest, WhoUsesTooMuchIsEnded) {
  auto pool = obedient(200 * kMiB);
  EXPECT_TRUE(ask(*pool, "eat", 10).status.ok());
  WorkerOutcome hung = ask(*pool, "eat and hang", 250);
  EXPECT_TRUE(hung.died);
  EXPECT_FALSE(hung.from_outside);
  EXPECT_EQ(hung.status.message(), "it used more than its limit of 200 MiB and was ended");
  EXPECT_TRUE(ask(*pool, "eat", 10).status.ok());
  // What is kept from job to job is noticed, too.
  const uint64_t before = pool->stats().restarts;
  while (pool->stats().restarts == before) ask(*pool, "eat", 10);
}

TEST_F(WorkerLimitsTest, UseIsThatOfTheProcess) {
  constexpr size_t kMore = 64 * kMiB;
  const ProcessUse before = process_use(getpid());
  std::vector<char> more(kMore, 'x');
  timespec used{};
  do {
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  } while (used.tv_sec == 0 && used.tv_nsec < 300'000'000);
  const ProcessUse after = process_use(getpid());
  EXPECT_GE(after.anonymous, before.anonymous + kMore * 9 / 10);
  EXPECT_GE(after.resident, after.anonymous);
  EXPECT_GE(after.cpu_seconds, 0.25);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  EXPECT_LE(after.cpu_seconds, static_cast<double>(used.tv_sec + 1));
  EXPECT_EQ(process_use(-1).resident, 0u);
}

}  // namespace
}  // namespace leat
