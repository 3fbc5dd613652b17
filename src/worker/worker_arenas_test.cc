// What one worker made is another's input where it lies: which memories are mapped, and until when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "worker/ring.h"
#include "worker/testing/await.h"
#include "worker/testing/child.h"
#include "worker/wire.h"
#include "worker/worker_pool.h"

namespace leat {
namespace {

constexpr uint64_t kMiB = 1 << 20;

std::unique_ptr<Worker> start(const std::string& part, Arena& exchange) {
  auto worker = Worker::start(child(part), exchange);
  EXPECT_TRUE(worker.ok()) << worker.status().message();
  return *std::move(worker);
}

Worker::Done next(Worker& worker) {
  Worker::Done done;
  auto any = AwaitWorker(worker).next(done);
  EXPECT_TRUE(any.ok()) << any.status().message();
  EXPECT_TRUE(*any) << "the worker " << worker.how_it_ended();
  EXPECT_TRUE(done.status.ok()) << done.status.message();
  return done;
}

Tensor ask(Worker& worker, const Tensor& input) {
  Status sent = worker.send(1, {&input, 1});
  EXPECT_TRUE(sent.ok()) << sent.message();
  return next(worker).outputs[0];
}

// How many workers' arenas a process has mapped: its own, and others'.
int arenas_in(pid_t pid) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) {
    count += line.find("memfd:leat-worker") != line.npos;
  }
  return count;
}

auto entries(const std::string& folder) {
  auto all = std::filesystem::directory_iterator(folder);
  return std::distance(begin(all), end(all));
}

class WorkerArenasTest : public ::testing::Test {
 protected:
  static Tensor numbers(size_t count) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
    return *Tensor::of(std::span<const float>(values), Shape{static_cast<int64_t>(count)});
  }
  static void expect_times(float factor, const Tensor& tensor, size_t count) {
    ASSERT_EQ(tensor.values<float>().size(), count);
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(tensor.values<float>()[i], factor * static_cast<float>(i));
    }
  }

  std::unique_ptr<Arena> exchange = *Arena::shared("exchange", 64 * kMiB);
};

constexpr size_t kCount = kMiB / sizeof(float);

TEST_F(WorkerArenasTest, AnOutputIsAnInputWhereItLies) {
  auto first = start("twice", *exchange), second = start("twice", *exchange),
       third = start("same", *exchange);
  Tensor doubled = ask(*first, numbers(kCount));
  EXPECT_TRUE(Worker::reachable(doubled));
  ASSERT_TRUE(second->send(1, {&doubled, 1}).ok());
  EXPECT_LT(exchange->stats().in_use, kMiB);  // no copy
  expect_times(4, next(*second).outputs[0], kCount);
  EXPECT_EQ(arenas_in(second->pid()), 2);
  // What is given back stays where it is, and so does a part of it.
  EXPECT_EQ(ask(*third, doubled).data(), doubled.data());
  Tensor part = doubled.rows(10, 20);
  Tensor again = ask(*third, part);
  EXPECT_EQ(again.data(), part.data());
  EXPECT_EQ(again.shape(), Shape{10});
  // Back to the one that made it.
  expect_times(4, ask(*first, again.rows(0, 0)), 0);
  expect_times(4, ask(*first, doubled), kCount);
  // One mapping, however often.
  for (int i = 0; i < 300; ++i) expect_times(4, ask(*second, doubled.rows(0, 9)), 9);
  EXPECT_EQ(arenas_in(second->pid()), 2);
}

TEST_F(WorkerArenasTest, TextsAreCopied) {
  auto first = start("obey", *exchange), second = start("same", *exchange);
  Tensor texts = ask(*first, *Tensor::bytes("texts"));
  EXPECT_FALSE(Worker::reachable(texts));
  EXPECT_EQ(ask(*second, *Tensor::bytes("one text")).string(), "one text");
  Tensor one = ask(*first, *Tensor::bytes("a text"));
  EXPECT_EQ(ask(*second, one).string(), "a text");
}

TEST_F(WorkerArenasTest, AMakersDeathHarmsNobody) {
  auto first = start("twice", *exchange), second = start("twice", *exchange);
  Tensor doubled = ask(*first, numbers(kCount));
  expect_times(4, ask(*second, doubled), kCount);
  kill(second->pid(), SIGSTOP);
  ASSERT_TRUE(second->send(1, {&doubled, 1}).ok());
  doubled.reset();
  first.reset();  // dead, and its memory in use by the other only
  kill(second->pid(), SIGCONT);
  expect_times(4, next(*second).outputs[0], kCount);
  // Once that is answered nobody has it, and the next batch finds it unmapped.
  ask(*second, numbers(1));
  EXPECT_EQ(arenas_in(second->pid()), 1);
  EXPECT_EQ(arenas_in(getpid()), 1);
}

TEST_F(WorkerArenasTest, WithoutRoomToTellItIsCopied) {
  auto first = start("twice", *exchange), second = start("twice", *exchange);
  Tensor doubled = ask(*first, numbers(10));
  std::vector<Tensor> kept;
  for (uint32_t i = 0; i < RingMemory::kSlots; ++i) kept.push_back(ask(*second, numbers(1)));
  kill(second->pid(), SIGSTOP);
  kept.clear();  // more messages than the ring takes
  ASSERT_TRUE(second->send(1, {&doubled, 1}).ok());
  kill(second->pid(), SIGCONT);
  expect_times(4, next(*second).outputs[0], 10);
  EXPECT_EQ(arenas_in(second->pid()), 1);
  while (arenas_in(second->pid()) < 2) expect_times(4, ask(*second, doubled), 10);
}

TEST_F(WorkerArenasTest, NothingIsLeftOfManyMakers) {
  auto second = start("twice", *exchange);
  ask(*second, numbers(1));  // from here on it has started
  const std::string its = "/proc/" + std::to_string(second->pid()) + "/fd";
  const auto descriptors = entries("/proc/self/fd"), its_descriptors = entries(its);
  for (int i = 0; i < 100; ++i) {
    auto first = start("twice", *exchange);
    Tensor doubled = ask(*first, numbers(1000));
    if (i % 3 == 0) first.reset();
    if (i % 2 == 0) {
      expect_times(4, ask(*second, doubled), 1000);
    } else {
      ASSERT_TRUE(second->send(1, {&doubled, 1}).ok());
      first.reset();
      next(*second);
    }
  }
  ask(*second, numbers(1));
  EXPECT_EQ(entries("/proc/self/fd"), descriptors);
  EXPECT_EQ(entries(its), its_descriptors);
  for (const auto& file : std::filesystem::directory_iterator("/dev/shm")) {
    EXPECT_EQ(file.path().string().find("leat"), std::string::npos) << file.path();
  }
  EXPECT_EQ(arenas_in(second->pid()), 1);
  EXPECT_EQ(arenas_in(getpid()), 1);
  EXPECT_EQ(exchange->stats().in_use, 0u);
}

}  // namespace
}  // namespace leat
