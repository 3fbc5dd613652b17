// A round trip to a worker and back, for 4 bytes and for 4 MB, and a pipeline of three steps in
// processes, against a bare relay: two processes that wake each other by futexes and do nothing
// else. One caller; all take turns.
#include "worker/worker.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "bench.h"
#include "leat/pipeline.h"
#include "worker/control.h"
#include "worker/testing/await.h"
#include "worker/wire.h"
#include "worker/worker_pool.h"

using namespace leat;

namespace {

constexpr int kTrips = 3000;
constexpr int kRounds = 15;

void futex(std::atomic<uint32_t>& word, int what, uint32_t value) {
  syscall(SYS_futex, &word, what, value, nullptr, nullptr, 0);
}

// Two words that are counted up in turn.
struct Relay {
  std::atomic<uint32_t> there, back;

  static void await(std::atomic<uint32_t>& word, uint32_t value) {
    while (word.load() != value) futex(word, FUTEX_WAIT, value - 1);
  }
  static void tell(std::atomic<uint32_t>& word, uint32_t value) {
    word.store(value);
    futex(word, FUTEX_WAKE, 1);
  }
};

double relay_trip(Relay& relay, uint32_t& count) {
  double begin = bench::seconds();
  for (int i = 0; i < kTrips; ++i) {
    Relay::tell(relay.there, ++count);
    Relay::await(relay.back, count);
  }
  return (bench::seconds() - begin) / kTrips * 1e6;
}

void next(AwaitWorker& await, Worker::Done& done) {
  auto any = await.next(done);
  if (any.ok() && *any) return;
  std::fprintf(stderr, "worker: %s\n", any.ok() ? "it has ended" : any.status().message().c_str());
  std::exit(1);
}

double worker_trip(Worker& worker, const Tensor& tensor) {
  AwaitWorker await(worker);
  Worker::Done done;
  double begin = bench::seconds();
  for (int i = 0; i < kTrips; ++i) {
    if (!worker.send(1, {&tensor, 1}).ok()) std::abort();
    next(await, done);
  }
  return (bench::seconds() - begin) / kTrips * 1e6;
}

// Gives back the first four bytes and the whole; the one is the worker's own, the other stays where
// it was.
Status answer(const WorkerEnd::Batch& batch, WorkerEnd::Made& made) {
  const Tensor& input = batch.inputs[0];
  LEAT_ASSIGN(Tensor own, Tensor::of(input.values<uint8_t>().first(4), Shape{4}));
  made.outputs = {std::move(own), input};
  return {};
}

Tensor in(Arena& exchange, int64_t bytes) {
  Tensor tensor = *Tensor::allocate(DType::kUint8, Shape{bytes});
  for (int64_t i = 0; i < bytes; ++i) tensor.mutable_data()[i] = static_cast<std::byte>(i * 7);
  return *copy_into(exchange, tensor);
}

// From the caller to a step, back to the thread that watches, and so on: 7 hops, of which a relay's
// trip has 2.
constexpr double kHops = 7;
constexpr std::string_view kThree = R"(
leat: 1
inputs: { x: "FP32[?]" }
steps:
  a: { op: tensor.softmax, run_in: process, inputs: { x: x }, instances: 1 }
  b: { op: tensor.softmax, run_in: process, inputs: { x: a.y }, instances: 1 }
  c: { op: tensor.softmax, run_in: process, inputs: { x: b.y }, instances: 1 }
outputs: { y: c.y }
)";

double pipeline_trip(const Pipeline& pipeline, const Tensor& one) {
  double begin = bench::seconds();
  for (int i = 0; i < kTrips / 3; ++i) {
    Request request(pipeline);
    request.set(0, one);
    Answer answer = pipeline.run(std::move(request));
    if (!answer.status.ok() || answer.outputs[0].tensor().values<float>()[0] != 1) {
      std::fprintf(stderr, "worker: %s\n", answer.status.message().c_str());
      std::exit(1);
    }
  }
  return (bench::seconds() - begin) / (kTrips / 3) * 1e6;
}

// A job that is handed in again when its worker dies.
class Job final : public WorkerJob {
 public:
  Job(WorkerPool& pool, const Tensor& input) : pool_(pool), input_(input) { submit(); }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }

 private:
  void submit() {
    if (!pool_.submit(*this, {input_}).ok()) std::abort();
  }
  void done(WorkerOutcome& outcome) override {
    if (outcome.died) return submit();
    if (!outcome.status.ok()) std::abort();
    std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  WorkerPool& pool_;
  const Tensor& input_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

// From the death of the only worker to the next answer, in ms.
double restart(WorkerPool& pool, const Tensor& input, size_t processes) {
  while (pool.processes().size() < processes || pool.stats().ready < static_cast<int>(processes)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  kill(pool.processes().front(), SIGKILL);
  double begin = bench::seconds();
  Job(pool, input).wait();
  return (bench::seconds() - begin) * 1e3;
}

bool right(Worker& worker, const Tensor& tensor) {
  Worker::Done done;
  if (!worker.send(1, {&tensor, 1}).ok()) return false;
  AwaitWorker await(worker);
  next(await, done);
  return done.status.ok() && done.outputs.size() == 2 && done.outputs[1].data() == tensor.data() &&
         std::memcmp(done.outputs[0].data(), tensor.data(), 4) == 0;
}

}  // namespace

int main() {
  if (std::getenv(kWorkerVariable)) {
    auto end = WorkerEnd::attach();
    if (!end.ok()) return 1;
    (*end)->serve(answer);
  }
  // The pipeline's workers are the program leat.
  auto engine = Engine::make({.worker_program = "build/release/bin/leat"});
  auto pipeline = engine->load_text(kThree, ".");
  if (!pipeline.ok()) {
    std::fprintf(stderr, "worker: %s\n", pipeline.status().message().c_str());
    return 1;
  }
  const Tensor one = *Tensor::of(std::span<const float>({1}), Shape{1});
  bench::title("a round trip to a process and back, one caller");
  auto* relay = static_cast<Relay*>(
      mmap(nullptr, sizeof(Relay), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (uint32_t count = 1;; ++count) {
      Relay::await(relay->there, count);
      Relay::tell(relay->back, count);
    }
  }
  auto exchange = *Arena::shared("exchange", 64 << 20);
  auto worker = Worker::start({.program = "/proc/self/exe", .arguments = {}}, *exchange);
  if (!worker.ok()) {
    std::fprintf(stderr, "worker: %s\n", worker.status().message().c_str());
    return 1;
  }
  const Tensor small = in(*exchange, 4), large = in(*exchange, 4 << 20);
  if (!right(**worker, small) || !right(**worker, large)) {
    std::fputs("worker: a wrong answer\n", stderr);
    return 1;
  }
  uint32_t count = 0;
  auto times = bench::interleave(kRounds, {[&] { return relay_trip(*relay, count); },
                                           [&] { return worker_trip(**worker, small); },
                                           [&] { return worker_trip(**worker, large); },
                                           [&] { return pipeline_trip(**pipeline, one); }});
  bench::row("bare futex relay", bench::median(times[0]), "us");
  bench::row("a worker, 4 bytes", bench::median(times[1]), "us");
  bench::row("  of the relay", bench::ratio(times[1], times[0]), "", "at most 1.5");
  bench::row("a worker, 4 MB", bench::median(times[2]), "us");
  bench::row("  of 4 bytes", bench::ratio(times[2], times[1]), "", "at most 1.2");
  bench::row("three steps of a pipeline", bench::median(times[3]), "us");
  bench::row("  of as many hops of the relay", bench::ratio(times[3], times[0]) * 2 / kHops, "",
             "at most 1.5");
  auto host = *WorkerHost::make(64 << 20);
  const WorkerPoolOptions own{.setup = {.program = "/proc/self/exe"}, .first = {small}};
  WorkerPoolOptions lonely = own;
  lonely.spare = false;
  auto two = *WorkerPool::make(*host, own), one_only = *WorkerPool::make(*host, lonely);
  times = bench::interleave(kRounds, {[&] { return restart(*two, small, 2); },
                                      [&] { return restart(*one_only, small, 1); }});
  bench::row("from a death to the next answer, with a spare", bench::median(times[0]), "ms");
  bench::row("  without", bench::median(times[1]), "ms");
  return 0;
}
