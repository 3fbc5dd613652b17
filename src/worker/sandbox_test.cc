#include "worker/sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/text.h"
#include "worker/control.h"
#include "worker/testing/await.h"
#include "worker/testing/child.h"

namespace leat {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// --- The children: one that tries what its input says, and a server that dies at once.

Status failed_with(int result) {
  return Status(Code::kStepFailed, result < 0 ? strerror(errno) : "it was let");
}

Status attempt(const WorkerEnd::Batch& batch, WorkerEnd::Made& made) {
  std::string_view what = batch.inputs[0].string();
  if (what == "open") return failed_with(open("/etc/passwd", O_RDONLY));
  if (what == "create") return failed_with(creat("/tmp/leat-sandbox", 0600));
  struct stat found;
  if (what == "stat") return failed_with(stat("/etc/passwd", &found));
  if (what == "affinity") {
    cpu_set_t all;
    std::memset(&all, 0xff, sizeof all);
    return failed_with(sched_setaffinity(0, sizeof all, &all));
  }
  if (what == "outlive") return failed_with(prctl(PR_SET_PDEATHSIG, 0));
  if (what == "receive") {
    msghdr message{};
    return failed_with(static_cast<int>(recvmsg(kControlFd, &message, 0)));
  }
  if (what == "exec") execl("/bin/true", "true", nullptr);
  if (what == "fork") fork();
  if (what == "socket") socket(AF_INET, SOCK_STREAM, 0);
  if (what == "kill") kill(getppid(), SIGKILL);
  if (what == "kill all") kill(-1, SIGKILL);
  if (what == "trace") ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  if (what == "abort") std::abort();
  if (what == "compute") {
    Tensor doubled = *Tensor::allocate(DType::kUint8, Shape{4 * kMiB});
    std::thread other([&] { std::memset(doubled.mutable_data(), 7, doubled.byte_size()); });
    other.join();
    std::vector<char> more(32 * kMiB, 'x');
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::time_t now = std::time(nullptr);
    std::printf("%s", std::asctime(std::localtime(&now)));
    made.outputs.push_back(std::move(doubled));
    return {};
  }
  made.outputs.assign(batch.inputs.begin(), batch.inputs.end());
  return {};
}

WorkerSetup captive() {
  WorkerSetup setup = child("captive");
  setup.sandbox = true;
  setup.log = [](std::string_view) {};
  return setup;
}

Worker::Done ask(Worker& worker, std::initializer_list<Tensor> inputs) {
  Worker::Done done;
  EXPECT_TRUE(worker.send(1, std::span(inputs.begin(), inputs.size())).ok());
  auto any = AwaitWorker(worker).next(done);
  EXPECT_TRUE(any.ok());
  if (!any.ok() || !*any) done.status = Status(Code::kStepFailed, worker.how_it_ended());
  return done;
}
Tensor text(std::string_view of) { return *Tensor::bytes(of); }

[[maybe_unused]] const bool run_child = [] {
  const std::string part = child_part();
  if (part == "captive") {
    auto end = WorkerEnd::attach();
    if (!end.ok()) std::_Exit(9);
    (*end)->serve(attempt);
  }
  if (part == "captor") {
    auto exchange = *Arena::shared("exchange", kMiB);
    auto worker = *Worker::start(captive(), *exchange);
    ask(*worker, {text("setup")});
    std::printf("%d\n", worker->pid());
    std::fflush(stdout);
    kill(getpid(), SIGKILL);
  }
  return false;
}();

// --- The server's side.

std::string status_of(pid_t pid, const std::string& field) {
  std::ifstream status(cat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::string(trim(line.substr(field.size() + 1)));
  }
  return {};
}

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override { restart(); }
  void restart() {
    auto started = Worker::start(captive(), *exchange);
    ASSERT_TRUE(started.ok()) << started.status().message();
    worker = *std::move(started);
    Status status = ask(*worker, {text("open")}).status;  // the setup may
    ASSERT_EQ(status.message(), "it was let");
    status = ask(*worker, {text("open")}).status;  // and its failure leaves it outside
    ASSERT_EQ(status.message(), "it was let");
    status = ask(*worker, {text("from here on inside")}).status;
    ASSERT_TRUE(status.ok()) << status.message();
  }

  std::unique_ptr<Arena> exchange = *Arena::shared("exchange", 16 * kMiB);
  std::unique_ptr<Worker> worker;
};

TEST_F(SandboxTest, WhatAStepNeedsIsThere) {
  Worker::Done done = ask(*worker, {text("compute")});
  ASSERT_TRUE(done.status.ok()) << done.status.message();
  EXPECT_EQ(done.outputs[0].values<uint8_t>()[4 * kMiB - 1], 7);
  // What another worker has made can be mapped.
  auto other = *Worker::start(child("twice"), *exchange);
  Tensor made = ask(*other, {*Tensor::scalar(21.0f)}).outputs[0];
  done = ask(*worker, {text("same"), made});
  ASSERT_TRUE(done.status.ok()) << done.status.message();
  EXPECT_EQ(done.outputs[1].data(), made.data());
}

TEST_F(SandboxTest, WhatFails) {
  for (auto [what, how] : {std::pair("open", EACCES),
                           {"create", EACCES},
                           {"stat", EACCES},
                           {"affinity", EPERM},
                           {"outlive", EACCES},
                           {"receive", EACCES}}) {
    EXPECT_EQ(ask(*worker, {text(what)}).status.message(), strerror(how)) << what;
  }
  EXPECT_TRUE(ask(*worker, {text("and it goes on")}).status.ok());
}

TEST_F(SandboxTest, WhatEndsIt) {
  for (const char* what : {"exec", "fork", "socket", "kill", "kill all", "trace"}) {
    EXPECT_EQ(ask(*worker, {text(what)}).status.message(),
              "was killed by signal 31 (Bad system call)")
        << what;
    restart();
  }
  EXPECT_EQ(ask(*worker, {text("abort")}).status.message(), "was killed by signal 6 (Aborted)");
}

TEST_F(SandboxTest, ItIsNobody) {
  for (const auto& task :
       std::filesystem::directory_iterator(cat("/proc/", worker->pid(), "/task"))) {
    const pid_t thread = std::stoi(task.path().filename());
    EXPECT_EQ(status_of(thread, "NoNewPrivs"), "1");
    EXPECT_EQ(status_of(thread, "Seccomp"), "2");
    if (geteuid() != 0) continue;
    EXPECT_EQ(status_of(thread, "Uid"), "65534\t65534\t65534\t65534");
    EXPECT_EQ(status_of(thread, "Gid"), "65534\t65534\t65534\t65534");
    EXPECT_EQ(status_of(thread, "Groups"), "");
    EXPECT_EQ(status_of(thread, "CapEff"), "0000000000000000");
  }
}

TEST_F(SandboxTest, EndsWithItsServer) {
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  FILE* server = popen((self + " part=captor").c_str(), "r");
  int pid = 0;
  ASSERT_EQ(std::fscanf(server, "%d", &pid), 1);
  pclose(server);
  while (!status_of(pid, "State").empty() && status_of(pid, "State")[0] != 'Z') {
    std::this_thread::yield();
  }
}

// For who fills in the number later.
TEST(SandboxFilter, BeginsWithTheProcess) {
  std::string mine = sandbox_filter(0x01020304), open = sandbox_filter();
  EXPECT_EQ(mine.size() % sizeof(sock_filter), 0u);
  EXPECT_EQ(mine.substr(4, 4), "\x04\x03\x02\x01");
  EXPECT_EQ(open.substr(4, 4), std::string(4, '\0'));
  EXPECT_EQ(open.replace(4, 4, "\x04\x03\x02\x01"), mine);
}

}  // namespace
}  // namespace leat
