#include "worker/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "worker/control.h"
#include "worker/reply.h"
#include "worker/testing/await.h"
#include "worker/testing/child.h"
#include "worker/wire.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

// --- Children beside those of testing/child.h.

// Answers every batch with what cannot be, one kind after another.
[[noreturn]] void lie(const std::string& kind) {
  auto* control = static_cast<ControlMemory*>(
      mmap(nullptr, sizeof(ControlMemory), PROT_READ | PROT_WRITE, MAP_SHARED, kControlFd, 0));
  RingReader in(control->to_worker, kToWorkerFd);
  RingWriter out(control->to_server, kToServerFd);
  Message message;
  while (!*in.look(message)) in.wait(0);
  auto* arena =
      static_cast<std::byte*>(mmap(nullptr, kMiB, PROT_READ | PROT_WRITE, MAP_SHARED, kArenaFd, 0));
  Message answer{.kind = kDone, .id = message.id, .offset = 0, .length = sizeof(Reply)};
  std::mt19937_64 random(std::strtoul(kind.c_str(), nullptr, 10));
  if (kind == "count") {
    control->to_server.written = 100000;
    control->to_server.asleep = 1;
    uint64_t one = 1;
    [[maybe_unused]] ssize_t put = write(kToServerFd, &one, sizeof one);
  } else {
    // Numbers of every size, so that some of them are nearly right.
    auto any = [&] { return random() >> random() % 64; };
    Reply reply{random() % 4 == 0 ? static_cast<uint32_t>(any()) : 0,
                static_cast<uint32_t>(random() % 3), random() % 2 == 0 ? 0 : any()};
    answer.length = sizeof reply + reply.outputs * sizeof(TensorWire) + reply.text;
    if (random() % 4 == 0) answer.length = any();
    if (random() % 4 == 0) answer.offset = any();
    if (random() % 8 == 0) answer.id = any();
    if (random() % 8 == 0) answer.kind = static_cast<uint32_t>(any());
    std::memcpy(arena, &reply, sizeof reply);
    for (size_t i = 0; i < reply.outputs; ++i) {
      TensorWire wire;
      wire.whose = static_cast<Whose>(random() % 4);
      wire.arena = random() % 2 ? 0 : static_cast<uint32_t>(any());
      wire.dtype = static_cast<uint8_t>(random() % 20);
      wire.rank = static_cast<uint8_t>(random() % 10);
      for (int64_t& dim : wire.dims) dim = static_cast<int64_t>(random() % 3 ? any() % 8 : any());
      wire.offset = any();
      wire.base = any();
      wire.length = any();
      Shape shape(std::span(wire.dims, std::min<size_t>(wire.rank, Shape::kMaxRank)));
      if (auto bytes = shape.bytes(static_cast<DType>(wire.dtype % kDTypes)); bytes.ok()) {
        wire.length = *bytes;
      }
      std::memcpy(arena + sizeof reply + i * sizeof wire, &wire, sizeof wire);
    }
    *out.send(answer);
  }
  while (true) pause();
}

// A server that dies at once and leaves its worker behind, having said who that is.
[[noreturn]] void die_as_server() {
  auto exchange = *Arena::shared("exchange", kMiB);
  auto worker = *Worker::start(child("same"), *exchange);
  std::printf("%d\n", worker->pid());
  std::fflush(stdout);
  kill(getpid(), SIGKILL);
  std::abort();
}

[[maybe_unused]] const bool run_child = [] {
  const std::string part = child_part();
  if (part == "server") die_as_server();
  if (part.starts_with("lie:")) lie(part.substr(4));
  return false;
}();

// --- The server's side.

std::unique_ptr<Worker> start(const std::string& part, Arena& exchange,
                              uint64_t arena = 64 * kMiB) {
  auto worker = Worker::start(child(part, arena), exchange);
  EXPECT_TRUE(worker.ok()) << worker.status().message();
  return *std::move(worker);
}

Worker::Done ask(Worker& worker, std::span<const Tensor> inputs, uint64_t id = 1) {
  Worker::Done done;
  Status sent = worker.send(id, inputs);
  EXPECT_TRUE(sent.ok()) << sent.message();
  auto any = AwaitWorker(worker).next(done);
  EXPECT_TRUE(any.ok()) << any.status().message();
  EXPECT_TRUE(*any) << "the worker " << worker.how_it_ended();
  EXPECT_EQ(done.id, id);
  return done;
}

Tensor text(std::string_view of) { return *Tensor::bytes(of); }

class WorkerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Arena> exchange = *Arena::shared("exchange", 64 * kMiB);
};

TEST_F(WorkerTest, AnswersWithTensorsOfItsOwn) {
  auto worker = start("twice", *exchange);
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const Tensor inputs[] = {*Tensor::of(std::span<const float>(values), Shape{10, 100}),
                           *Tensor::scalar(-1.5f)};
  Worker::Done done = ask(*worker, inputs, 77);
  ASSERT_TRUE(done.status.ok());
  ASSERT_EQ(done.outputs.size(), 2u);
  EXPECT_EQ(done.outputs[0].shape(), (Shape{10, 100}));
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(done.outputs[0].values<float>()[i], 2 * values[i]);
  }
  EXPECT_EQ(done.outputs[1].values<float>()[0], -3);
  // Outputs outlive the worker.
  worker.reset();
  EXPECT_EQ(done.outputs[0].values<float>()[999], 1998);
}

TEST_F(WorkerTest, WhatIsGivenBackStaysWhereItIs) {
  auto worker = start("same", *exchange);
  Tensor own = *copy_into(*exchange, *Tensor::of(std::span<const int32_t>({1, 2, 3, 4}), Shape{4}));
  Tensor row = own.rows(1, 3);
  const Tensor inputs[] = {own, row, Tensor(), text("a photo")};
  Worker::Done done = ask(*worker, inputs);
  ASSERT_TRUE(done.status.ok()) << done.status.message();
  ASSERT_EQ(done.outputs.size(), 4u);
  EXPECT_EQ(done.outputs[0].data(), own.data());
  EXPECT_EQ(done.outputs[1].data(), row.data());
  EXPECT_EQ(done.outputs[1].shape(), Shape{2});
  EXPECT_FALSE(done.outputs[2]);
  EXPECT_EQ(done.outputs[3].string(), "a photo");
}

TEST_F(WorkerTest, ANoteGoesWithAnAnswer) {
  auto worker = start("same", *exchange);
  ASSERT_TRUE(worker->send(1, {}, 7).ok());
  Worker::Done done;
  ASSERT_TRUE(*AwaitWorker(*worker).next(done));
  EXPECT_EQ(done.note, "7 items");
}

TEST_F(WorkerTest, TextsAndPicturesKeepWhatTheyAre) {
  auto worker = start("obey", *exchange);
  Tensor picture = *Tensor::allocate(DType::kUint8, Shape{2, 3, 3});
  std::memset(picture.mutable_data(), 7, picture.byte_size());
  picture.set_full_size({30, 20});
  const Tensor inputs[] = {text("echo"), picture};
  Worker::Done done = ask(*worker, inputs);
  ASSERT_EQ(done.outputs.size(), 2u) << done.status.message();
  EXPECT_EQ(done.outputs[1].full_size().width, 30);
  EXPECT_EQ(done.outputs[1].full_size().height, 20);
  const Tensor wanted[] = {text("texts")};
  done = ask(*worker, wanted);
  ASSERT_EQ(done.outputs.size(), 1u) << done.status.message();
  EXPECT_EQ(done.outputs[0].string(0), "a");
  EXPECT_EQ(done.outputs[0].string(1), "");
  EXPECT_EQ(done.outputs[0].string(2), "three");
}

TEST_F(WorkerTest, PartsOfInputsAreViews) {
  auto worker = start("obey", *exchange);
  const std::string_view texts[] = {"first", "", "the third", "4"};
  const int32_t numbers[] = {1, 2, 3, 4};
  const Tensor of_texts = *copy_into(*exchange, *Tensor::strings(texts));
  const Tensor of_numbers =
      *copy_into(*exchange, *Tensor::of(std::span<const int32_t>(numbers), Shape{4}));
  for (const Tensor& whole : {of_texts, of_numbers}) {
    const Tensor inputs[] = {text("parts"), whole};
    Worker::Done done = ask(*worker, inputs);
    ASSERT_EQ(done.outputs.size(), 4u) << done.status.message();
    const Tensor wanted[] = {whole.rows(1, 3), whole.rows(4, 4), whole.row(2), whole};
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(done.outputs[i].dtype(), wanted[i].dtype());
      EXPECT_EQ(done.outputs[i].shape(), wanted[i].shape());
      EXPECT_EQ(done.outputs[i].data(), wanted[i].data()) << i;
    }
    if (whole.dtype() != DType::kBytes) continue;
    EXPECT_EQ(done.outputs[0].string(1), "the third");
    EXPECT_EQ(done.outputs[2].string(), "the third");
  }
}

TEST_F(WorkerTest, ThreeAxesNeedBeNoPicture) {
  auto worker = start("same", *exchange);
  const Shape large{1, (int64_t{1} << 24) + 1, 1};
  const Tensor inputs[] = {*Tensor::allocate(DType::kUint8, large)};
  std::memset(inputs[0].block()->payload, 1, inputs[0].byte_size());
  Worker::Done done = ask(*worker, inputs);
  ASSERT_EQ(done.outputs.size(), 1u) << done.status.message();
  EXPECT_EQ(done.outputs[0].shape(), large);
}

TEST_F(WorkerTest, AFailureIsTheBatchsOwn) {
  auto worker = start("obey", *exchange);
  const Tensor bad[] = {text("fail")}, good[] = {text("fine")};
  Worker::Done done = ask(*worker, bad);
  EXPECT_EQ(done.status.code(), Code::kBadMedia);
  EXPECT_EQ(done.status.message(), "line 3: not a picture");
  EXPECT_TRUE(ask(*worker, good).status.ok());
}

TEST_F(WorkerTest, MemoryGoesRound) {
  auto worker = start("twice", *exchange, 16 * kMiB);
  Tensor four_mib = *Tensor::allocate(DType::kFp32, Shape{kMiB});
  std::memset(four_mib.mutable_data(), 0, four_mib.byte_size());
  Tensor kept;
  for (int i = 0; i < 100; ++i) {
    Worker::Done done = ask(*worker, {&four_mib, 1});
    ASSERT_TRUE(done.status.ok()) << i << ": " << done.status.message();
    kept = done.outputs[0];  // so that one is always in use
  }
  EXPECT_LE(exchange->stats().in_use, 0u);
}

TEST_F(WorkerTest, ManyBatchesUnderWay) {
  auto worker = start("twice", *exchange);
  std::vector<float> values(8);
  uint64_t sent = 0, answered = 0;
  const uint64_t all = 5000;
  std::map<uint64_t, float> wanted;
  while (answered < all) {
    while (sent < all && sent - answered < 100) {
      values.assign(8, static_cast<float>(sent));
      Tensor x = *Tensor::of(std::span<const float>(values), Shape{8});
      ASSERT_TRUE(worker->send(sent, {&x, 1}).ok());
      wanted[sent] = 2 * values[0];
      ++sent;
    }
    Worker::Done done;
    ASSERT_TRUE(*AwaitWorker(*worker).next(done));
    EXPECT_EQ(done.outputs[0].values<float>()[7], wanted[done.id]);
    wanted.erase(done.id);
    ++answered;
  }
  EXPECT_TRUE(worker->under_way().empty());
}

TEST_F(WorkerTest, ADeathLeavesItsBatches) {
  for (auto [what, how] : {std::pair("abort", "was killed by signal 6 (Aborted)"),
                           std::pair("exit", "exited with status 3")}) {
    auto worker = start("obey", *exchange);
    const Tensor inputs[] = {text(what)};
    ASSERT_TRUE(worker->send(5, inputs).ok());
    Worker::Done done;
    auto any = AwaitWorker(*worker).next(done);
    ASSERT_TRUE(any.ok());
    EXPECT_FALSE(*any);
    EXPECT_THAT(worker->under_way(), ElementsAre(5));
    EXPECT_EQ(worker->how_it_ended(), how);
    EXPECT_EQ(worker->send(6, inputs).code(), Code::kStepFailed);
  }
  auto hung = start("obey", *exchange);
  const Tensor inputs[] = {text("hang")};
  ASSERT_TRUE(hung->send(8, inputs).ok());
  hung->kill();
  EXPECT_EQ(hung->how_it_ended(), "was killed by signal 9 (Killed)");
}

TEST_F(WorkerTest, AnEndThatSomebodyElseHasSeen) {
  auto worker = start("obey", *exchange);
  const Tensor inputs[] = {text("exit")};
  ASSERT_TRUE(worker->send(1, inputs).ok());
  int status = 0;
  ASSERT_EQ(waitpid(worker->pid(), &status, 0), worker->pid());
  Worker::Done done;
  EXPECT_FALSE(*AwaitWorker(*worker).next(done));
  worker->kill();
  EXPECT_THAT(worker->how_it_ended(), HasSubstr("another part of this program"));
}

TEST_F(WorkerTest, AProgramThatIsNotThere) {
  auto worker = Worker::start({.program = "/nowhere/leat", .arguments = {}}, *exchange);
  ASSERT_FALSE(worker.ok());
  EXPECT_THAT(worker.status().message(), HasSubstr("/nowhere/leat"));
}

TEST_F(WorkerTest, ALieHarmsNobody) {
  const Tensor inputs[] = {text("question")};
  int refused = 0;
  for (int i = 0; i < 40; ++i) {
    auto worker = start("lie:" + (i == 0 ? "count" : std::to_string(i)), *exchange, kMiB);
    ASSERT_TRUE(worker->send(1, inputs).ok());
    Worker::Done done;
    auto any = AwaitWorker(*worker).next(done);
    if (!any.ok()) {
      ++refused;
      EXPECT_EQ(any.status().code(), Code::kStepFailed);
      EXPECT_THAT(worker->under_way(), ElementsAre(1));
    } else if (done.status.ok()) {
      // By chance it made sense: then every byte can be read.
      for (const Tensor& output : done.outputs) {
        for (size_t b = 0; output && b < output.byte_size(); ++b) {
          [[maybe_unused]] volatile std::byte seen = output.data()[b];
        }
      }
    }
  }
  EXPECT_GT(refused, 20);
}

TEST_F(WorkerTest, EndsWithItsServer) {
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  FILE* server = popen((self + " part=server").c_str(), "r");
  int pid = 0;
  ASSERT_EQ(std::fscanf(server, "%d", &pid), 1);
  pclose(server);
  // Gone, or dead and not yet buried by whoever inherits orphans here.
  auto lives = [&] {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(stat, line);
    size_t name_end = line.rfind(')');
    return name_end != line.npos && line[name_end + 2] != 'Z' && line[name_end + 2] != 'X';
  };
  while (lives()) std::this_thread::yield();
}

// Under load, killed at any moment: what was answered is right, and the rest is told of.
TEST_F(WorkerTest, KilledAtAnyMoment) {
  constexpr uint64_t kBatches = 64;
  uint64_t answered = 0, lost = 0;
  for (uint64_t after = 0; after < kBatches; ++after) {
    auto worker = start("twice", *exchange);
    std::atomic<uint64_t> here{0};
    std::thread killer([&] {
      while (here < after) std::this_thread::yield();
      worker->kill();
    });
    AwaitWorker await(*worker);
    Worker::Done done;
    uint64_t sent = 0;
    while (sent < kBatches) {
      Tensor x = *Tensor::scalar(static_cast<float>(sent));
      if (!worker->send(sent, {&x, 1}).ok()) break;
      ++sent;
    }
    while (true) {
      auto any = await.next(done);
      ASSERT_TRUE(any.ok()) << any.status().message();
      if (!*any) break;
      ASSERT_EQ(done.outputs[0].values<float>()[0], 2.0f * static_cast<float>(done.id));
      ++here;
    }
    killer.join();
    // What it had written before it died has been received; no batch is both or neither.
    while (*worker->receive(done)) ++here;
    EXPECT_EQ(worker->under_way().size(), sent - here);
    answered += here;
    lost += sent - here;
  }
  EXPECT_GE(answered, kBatches * (kBatches - 1) / 2);
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(exchange->stats().in_use, 0u);
}

TEST_F(WorkerTest, NothingIsLeft) {
  auto descriptors = [] {
    auto all = std::filesystem::directory_iterator("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  auto before = descriptors();
  for (int i = 0; i < 20; ++i) {
    auto worker = start("twice", *exchange);
    Tensor x = *Tensor::scalar(1.0f);
    ASSERT_TRUE(worker->send(1, {&x, 1}).ok());
    Worker::Done done;
    if (i % 2 == 0) *AwaitWorker(*worker).next(done);
  }
  EXPECT_EQ(descriptors(), before);
  EXPECT_EQ(exchange->stats().in_use, 0u);
}

}  // namespace
}  // namespace leat
