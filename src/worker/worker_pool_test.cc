#include "worker/worker_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <optional>
#include <random>
#include <set>

#include "worker/testing/child.h"
#include "worker/testing/job.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

Tensor text(std::string_view of) { return *Tensor::bytes(of); }

class WorkerPoolTest : public ::testing::Test {
 protected:
  std::unique_ptr<WorkerPool> obedient(int workers, bool spare, Nanos limit = kNever) {
    auto pool = WorkerPool::make(*host, {.setup = child("obey"),
                                         .first = {text("hello")},
                                         .workers = workers,
                                         .spare = spare,
                                         .time_limit = limit});
    EXPECT_TRUE(pool.ok()) << pool.status().message();
    return *std::move(pool);
  }
  WorkerOutcome ask(WorkerPool& pool, std::string_view what) {
    Job job;
    Status status = pool.submit(job, {text(what)});
    EXPECT_TRUE(status.ok()) << status.message();
    return std::move(job.wait());
  }

  std::unique_ptr<WorkerHost> host = *WorkerHost::make(64 * kMiB);
};

TEST_F(WorkerPoolTest, AnswersManyJobsInTurn) {
  auto made = WorkerPool::make(
      *host, {.setup = child("twice"), .first = {*Tensor::scalar(1.0f)}, .workers = 2});
  ASSERT_TRUE(made.ok()) << made.status().message();
  std::deque<Job> jobs(500);
  for (size_t i = 0; i < jobs.size(); ++i) {
    ASSERT_TRUE((*made)->submit(jobs[i], {*Tensor::scalar(static_cast<float>(i))}).ok());
  }
  for (size_t i = 0; i < jobs.size(); ++i) {
    WorkerOutcome& outcome = jobs[i].wait();
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    EXPECT_EQ(outcome.outputs[0].values<float>()[0], 2.0f * static_cast<float>(i));
  }
  EXPECT_EQ((*made)->stats().restarts, 0u);
}

TEST_F(WorkerPoolTest, AStepsFailureIsNoDeath) {
  auto pool = obedient(1, false);
  WorkerOutcome failed = ask(*pool, "fail");
  EXPECT_EQ(failed.status.code(), Code::kBadMedia);
  EXPECT_FALSE(failed.died);
  EXPECT_TRUE(ask(*pool, "fine").status.ok());
  EXPECT_EQ(pool->stats().restarts, 0u);
}

TEST_F(WorkerPoolTest, ADeadWorkerIsReplaced) {
  for (bool spare : {false, true}) {
    auto pool = obedient(1, spare);
    for (auto [what, how] :
         {std::pair("abort", "killed by signal 6"), std::pair("exit", "status 3")}) {
      WorkerOutcome died = ask(*pool, what);
      EXPECT_TRUE(died.died);
      EXPECT_FALSE(died.from_outside);
      EXPECT_THAT(died.status.message(), HasSubstr(how));
      EXPECT_TRUE(ask(*pool, "fine").status.ok());
    }
    EXPECT_GE(pool->stats().restarts, 1u);
  }
}

TEST_F(WorkerPoolTest, ADeathFromOutsideIsTold) {
  auto pool = obedient(1, true);
  EXPECT_TRUE(ask(*pool, "term").from_outside);
  EXPECT_TRUE(ask(*pool, "fine").status.ok());
}

TEST_F(WorkerPoolTest, WithoutItsDescriptorsAWorkerEnds) {
  auto pool = obedient(1, true);
  // By chance it is heard before it ends, and then the next job may meet its end.
  while (!ask(*pool, "close").died) {
  }
  EXPECT_TRUE(ask(*pool, "fine").status.ok());
}

TEST_F(WorkerPoolTest, AHungStepIsEnded) {
  auto pool = obedient(1, true, 50 * kMillisecond);
  WorkerOutcome hung = ask(*pool, "hang");
  EXPECT_TRUE(hung.died);
  EXPECT_FALSE(hung.from_outside);
  EXPECT_THAT(hung.status.message(), HasSubstr("longer than its limit of 50 ms"));
  EXPECT_TRUE(ask(*pool, "fine").status.ok());
}

TEST_F(WorkerPoolTest, AFirstBatchThatFailsIsTheReason) {
  for (auto [first, why] :
       {std::pair("fail", "not a picture"), std::pair("exit", "exited with status 3")}) {
    auto pool = WorkerPool::make(*host, {.setup = child("obey"), .first = {text(first)}});
    ASSERT_FALSE(pool.ok());
    EXPECT_THAT(pool.status().message(), HasSubstr(why));
  }
  auto pool = WorkerPool::make(*host, {.setup = {.program = "/nowhere", .arguments = {}}});
  ASSERT_FALSE(pool.ok());
  EXPECT_THAT(pool.status().message(), HasSubstr("/nowhere"));
}

TEST_F(WorkerPoolTest, WhatOnePoolMadeIsNotCopiedForTheNext) {
  auto first = obedient(1, false), second = obedient(1, false);
  Job making, using_it;
  Tensor large = *Tensor::allocate(DType::kUint8, Shape{kMiB});
  std::memset(large.mutable_data(), 3, large.byte_size());
  ASSERT_TRUE(first->submit(making, {text("copy"), large}).ok());
  Tensor made = making.wait().outputs.at(1);
  EXPECT_TRUE(Worker::reachable(made));
  ASSERT_TRUE(second->submit(using_it, {text("same"), made}).ok());
  EXPECT_EQ(using_it.wait().outputs.at(1).data(), made.data());
  first.reset();
  EXPECT_EQ(made.values<uint8_t>()[kMiB - 1], 3);
}

TEST_F(WorkerPoolTest, AnAnswerOutlivesTheHost) {
  auto pool = obedient(1, false);
  std::optional<Job> job(std::in_place);
  Tensor large = *Tensor::allocate(DType::kUint8, Shape{kMiB});
  std::memset(large.mutable_data(), 3, large.byte_size());
  ASSERT_TRUE(pool->submit(*job, {text("same"), large}).ok());
  Tensor answer = job->wait().outputs.at(1);
  EXPECT_NE(answer.data(), large.data());  // it lies in the host's exchange
  job.reset();
  pool.reset();
  host.reset();
  EXPECT_EQ(answer.values<uint8_t>()[kMiB - 1], 3);
  answer = {};
  for (int i = 0; i < 3; ++i) host = *WorkerHost::make(64 * kMiB);  // what is left is given back
  EXPECT_EQ(std::ranges::count(Arena::all_stats(), "exchange", &ArenaStats::name), 1);
}

TEST_F(WorkerPoolTest, WhatIsCounted) {
  auto pool = obedient(1, true);
  const Nanos before = SteadyClock::instance().now();
  std::deque<Job> jobs(3);
  for (Job& job : jobs) {
    ASSERT_TRUE(pool->submit(job, {text("copy"), *Tensor::scalar(1.0f)}).ok());
  }
  for (Job& job : jobs) job.wait();
  EXPECT_TRUE(ask(*pool, "texts").status.ok());
  EXPECT_TRUE(ask(*pool, "abort").died);
  EXPECT_TRUE(ask(*pool, "work").status.ok());
  WorkerPoolStats stats = pool->stats();
  EXPECT_EQ(stats.jobs, 5u);
  EXPECT_EQ(stats.deaths, 1u);
  EXPECT_EQ(stats.given, 3 * (4 + 4) + 5 + 5 + 4u);
  EXPECT_EQ(stats.taken, 3 * (4 + 4) + 3 * sizeof(ByteSpan) + 6 + 4);
  EXPECT_GE(stats.cpu_seconds, 0.19);
  EXPECT_GE(stats.ran, 200 * kMillisecond);
  EXPECT_LE(stats.ran, SteadyClock::instance().now() - before);  // one at a time
  EXPECT_GT(stats.waited, 0);
  uint64_t done = 0;
  for (const WorkerStats& worker : stats.workers) {
    done += worker.jobs;
    EXPECT_GT(worker.use.resident, kMiB);
    EXPECT_THAT(pool->processes(), ::testing::Contains(worker.pid));
  }
  EXPECT_GE(done, 1u);  // the last job is one of theirs
  EXPECT_LE(done, stats.jobs);
  // What the dead have used stays counted.
  ask(*pool, "abort");
  EXPECT_TRUE(ask(*pool, "fine").status.ok());
  EXPECT_GE(pool->stats().cpu_seconds, stats.cpu_seconds);
}

// Every job is tried again until it is answered, whatever happens to the workers.
TEST_F(WorkerPoolTest, KilledAgainAndAgain) {
  const char* wanted = std::getenv("LEAT_WORKER_KILLS");
  const int kills = wanted ? std::atoi(wanted) : 40;
  auto made = WorkerPool::make(
      *host, {.setup = child("twice"), .first = {*Tensor::scalar(1.0f)}, .workers = 2});
  ASSERT_TRUE(made.ok()) << made.status().message();
  WorkerPool& pool = **made;
  std::atomic<bool> over{false};
  std::atomic<uint64_t> answered{0}, deaths{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (float x = static_cast<float>(caller); !over; x += 4) {
        while (true) {
          Job job;
          Status status = pool.submit(job, {*Tensor::scalar(x)});
          if (!status.ok()) {  // none can be started for the moment
            std::this_thread::yield();
            continue;
          }
          WorkerOutcome& outcome = job.wait();
          if (outcome.died) {
            ++deaths;
            continue;
          }
          if (!outcome.status.ok()) continue;
          ASSERT_EQ(outcome.outputs[0].values<float>()[0], 2 * x);
          break;
        }
        ++answered;
      }
    });
  }
  std::mt19937 random(3);
  std::set<pid_t> killed;
  while (static_cast<int>(killed.size()) < kills) {
    std::vector<pid_t> all = pool.processes();
    pid_t victim = all.empty() ? 0 : all[random() % all.size()];
    if (victim == 0 || killed.contains(victim) || kill(victim, SIGKILL) != 0) continue;
    killed.insert(victim);
    uint64_t before = answered, wait = random() % 20;
    while (answered < before + wait) std::this_thread::yield();
  }
  over = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_GE(pool.stats().restarts + 3, static_cast<uint64_t>(kills));  // the last may be under way
  EXPECT_GT(answered, static_cast<uint64_t>(kills));
  std::printf("%d kills: %lu answered, %lu jobs died on the way\n", kills, answered.load(),
              deaths.load());
}

}  // namespace
}  // namespace leat
