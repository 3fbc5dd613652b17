#include "worker/printed.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "worker/testing/child.h"
#include "worker/testing/job.h"
#include "worker/worker_pool.h"

namespace leat {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class PrintedTest : public ::testing::Test {
 protected:
  PrintedTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    writing = Descriptor(ends[1]);
    printed =
        Printed(Descriptor(ends[0]), [this](std::string_view line) { lines.emplace_back(line); });
  }
  void print(std::string_view text) {
    ASSERT_EQ(write(writing.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  std::vector<std::string> lines;
  Descriptor writing;
  Printed printed;
  Nanos now = kSecond;
};

TEST_F(PrintedTest, LinesAreToldWhenTheyEnd) {
  print("one\n\ntwo, which");
  printed.read(now);
  EXPECT_THAT(lines, ElementsAre("one", ""));
  print(" goes on\nthree");
  printed.read(now);
  EXPECT_THAT(lines, ElementsAre("one", "", "two, which goes on"));
  print(" is not ended");
  printed.finish(now);
  EXPECT_THAT(lines, ElementsAre("one", "", "two, which goes on", "three is not ended"));
}

TEST_F(PrintedTest, ALongLineIsCut) {
  for (size_t length : {Printed::kLongestLine, Printed::kLongestLine + 1, 3 * Printed::kAtOnce}) {
    lines.clear();
    for (size_t left = length; left > 0;) {
      size_t part = std::min<size_t>(left, 1000);
      print(std::string(part, 'x'));
      printed.read(now);
      left -= part;
    }
    print("\nshort\n");
    printed.read(now);
    ASSERT_THAT(lines, SizeIs(2));
    EXPECT_EQ(lines[0].size(), Printed::kLongestLine + (length > Printed::kLongestLine ? 4 : 0));
    EXPECT_EQ(lines[1], "short");
  }
}

TEST_F(PrintedTest, SoManyLinesASecond) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "again\n";
  print(text);
  printed.read(now);
  EXPECT_THAT(lines, SizeIs(Printed::kMostLines));
  EXPECT_EQ(printed.due(), now + kSecond);
  print(text);
  printed.read(now + kSecond - 1);
  EXPECT_THAT(lines, SizeIs(Printed::kMostLines));
  printed.read(printed.due());  // nothing new
  EXPECT_THAT(lines, SizeIs(Printed::kMostLines + 1));
  EXPECT_EQ(lines.back(), "(400 lines more were left out)");
  EXPECT_EQ(printed.due(), kNever);
  print("later\n");
  printed.read(now + 3 * kSecond);
  EXPECT_EQ(lines.back(), "later");
  print(text);
  printed.finish(now + 3 * kSecond);
  EXPECT_EQ(lines.back(), "(101 lines more were left out)");
}

TEST_F(PrintedTest, OneReadTakesSoMuch) {
  fcntl(writing.get(), F_SETPIPE_SZ, 4 * Printed::kAtOnce);
  print(std::string(2 * Printed::kAtOnce - 1, 'x') + "\n");
  printed.read(now);
  EXPECT_THAT(lines, SizeIs(0));
  printed.read(now);
  EXPECT_THAT(lines, SizeIs(1));
}

TEST_F(PrintedTest, NothingIsWatchedAfterTheEnd) {
  print("last");
  writing = Descriptor();
  printed.read(now);
  EXPECT_GE(printed.descriptor(), 0);
  printed.read(now);
  EXPECT_EQ(printed.descriptor(), -1);
  printed.finish(now);
  EXPECT_THAT(lines, ElementsAre("last"));
}

// Of workers: the log's lines, which come on the host's thread.
class Lines {
 public:
  std::function<void(std::string_view)> log() {
    return [this](std::string_view line) {
      std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
      changed_.notify_all();
    };
  }
  std::vector<std::string> now() {
    std::lock_guard lock(mutex_);
    return lines_;
  }
  std::string await() {  // the first
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !lines_.empty(); });
    return lines_[0];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class PrintingWorkerTest : public ::testing::Test {
 protected:
  std::unique_ptr<WorkerPool> pool(Lines& lines) {
    WorkerSetup setup = child("obey");
    setup.log = lines.log();
    auto pool = WorkerPool::make(
        *host, {.setup = setup, .first = {*Tensor::bytes("hello")}, .spare = false});
    EXPECT_TRUE(pool.ok()) << pool.status().message();
    return *std::move(pool);
  }
  static WorkerOutcome ask(WorkerPool& pool, std::string_view what, Tensor with = {}) {
    Job job;
    EXPECT_TRUE(pool.submit(job, {*Tensor::bytes(what), std::move(with)}).ok());
    return std::move(job.wait());
  }

  std::unique_ptr<WorkerHost> host = *WorkerHost::make(64 << 20);
};

TEST_F(PrintingWorkerTest, ALineIsTold) {
  Lines lines;
  auto printer = pool(lines);
  EXPECT_TRUE(ask(*printer, "print", *Tensor::bytes("a line\n")).status.ok());
  EXPECT_EQ(lines.await(), "a line");
}

TEST_F(PrintingWorkerTest, TheLastWordsComeBeforeTheEndIsTold) {
  Lines lines;
  auto printer = pool(lines);
  WorkerOutcome died = ask(*printer, "print and exit", *Tensor::bytes("it\nis\nover"));
  EXPECT_THAT(lines.now(), ElementsAre("it", "is", "over"));
  EXPECT_TRUE(died.died);
}

TEST_F(PrintingWorkerTest, WhatAClosedPoolHasPrintedIsTold) {
  Lines lines;
  ask(*pool(lines), "print", *Tensor::bytes("a line\n"));
  EXPECT_THAT(lines.now(), ElementsAre("a line"));
}

TEST_F(PrintingWorkerTest, AFloodHoldsNobodyUp) {
  const char* wanted = std::getenv("LEAT_WORKER_FLOOD");
  const int32_t mebibytes = wanted ? std::atoi(wanted) : 64;
  Lines flood, quiet;
  auto printer = pool(flood), other = pool(quiet);
  Job job;
  ASSERT_TRUE(printer->submit(job, {*Tensor::bytes("flood"), *Tensor::scalar(mebibytes)}).ok());
  int answered = 0;
  while (!job.ended()) {
    ASSERT_TRUE(ask(*other, "fine").status.ok());
    ++answered;
  }
  EXPECT_GT(answered, mebibytes / 8);
  printer.reset();
  auto lines = flood.now();
  EXPECT_THAT(lines.back(), HasSubstr("lines more were left out)"));
  EXPECT_THAT(quiet.now(), SizeIs(0));
  std::printf("%d MiB printed, %zu lines told, %d others answered\n", mebibytes, lines.size(),
              answered);
}

}  // namespace
}  // namespace leat
