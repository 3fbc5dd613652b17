// What the engine itself costs: chains of steps that do nothing, with a deadline and metrics on.
// `overhead STEPS CALLS` only makes the calls, for bench/instructions.sh.
#include <atomic>
#include <thread>

#include "bench.h"
#include "counting_allocator.h"
#include "leat/op.h"
#include "leat/pipeline.h"

using namespace leat;

namespace {

class Nothing final : public Op {
  Status run(OpCall& call) const override {
    call.give(0, call.input(0));
    return {};
  }
};

LEAT_OP(({.name = "bench.nothing",
          .doc = "Gives what it gets.",
          .inputs = {{"x", "FP32[16]", "a value"}},
          .outputs = {{"y", "FP32[16]", "the same"}},
          .params = {},
          .make = [](OpSetup&) -> Result<std::unique_ptr<Op>> {
            return std::make_unique<Nothing>();
          }}));

std::string chain(int steps) {
  std::string text = "leat: 1\nname: chain\ninputs:\n  x: FP32[16]\ntimeout: 1s\nsteps:\n";
  std::string from = "x";
  for (int i = 0; i < steps; ++i) {
    std::string name = "s" + std::to_string(i);
    text += "  " + name + ":\n    op: bench.nothing\n    inputs: { x: " + from + " }\n";
    from = name + ".y";
  }
  return text + "outputs:\n  y: " + from + "\n";
}

class Signal final : public Completion {
 public:
  void done(Answer& answer) override {
    if (!answer.status.ok() || answer.outputs[0].tensor().values<float>()[3] != 3.5f) {
      std::fprintf(stderr, "wrong answer: %s\n", answer.status.message().c_str());
      std::exit(1);
    }
    ended_.store(true, std::memory_order_release);
    ended_.notify_one();
  }
  void wait() {
    ended_.wait(false, std::memory_order_acquire);
    ended_.store(false, std::memory_order_relaxed);
  }

 private:
  std::atomic<bool> ended_{false};
};

void call(const Pipeline& pipeline, const Tensor& x, Signal& signal) {
  Request request(pipeline);
  request.set(size_t{0}, x);
  Ticket ticket = pipeline.submit(std::move(request), signal);
  signal.wait();
}

double nanos_per_call(const Pipeline& pipeline, const Tensor& x, int calls) {
  Signal signal;
  double begin = bench::seconds();
  for (int i = 0; i < calls; ++i) call(pipeline, x, signal);
  return (bench::seconds() - begin) / calls * 1e9;
}

double calls_per_second(const Pipeline& pipeline, const Tensor& x, int callers) {
  std::atomic<long> calls{0};
  std::vector<std::thread> threads;
  double begin = bench::seconds();
  constexpr double kFor = 0.5;
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      Signal signal;
      long mine = 0;
      while (bench::seconds() - begin < kFor) {
        call(pipeline, x, signal);
        ++mine;
      }
      calls += mine;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(calls) / (bench::seconds() - begin);
}

}  // namespace

int main(int count, char** arguments) {
  auto engine = Engine::make({});
  auto load = [&](int steps) {
    auto pipeline = engine->load_text(chain(steps), ".");
    if (!pipeline.ok()) {
      std::fprintf(stderr, "%s\n", pipeline.status().message().c_str());
      std::exit(1);
    }
    return *pipeline;
  };
  float values[16] = {0, 1, 2, 3.5f};
  Tensor x = *Tensor::of(std::span<const float>(values), Shape{16});
  if (count == 3) {
    nanos_per_call(*load(std::atoi(arguments[1])), x, std::atoi(arguments[2]));
    return 0;
  }
  auto one = load(1);
  auto ten = load(10);

  bench::title("engine overhead: chains of steps that do nothing, in process");
  nanos_per_call(*one, x, 20000);
  nanos_per_call(*ten, x, 20000);
  auto figures = bench::interleave(15, {[&] { return nanos_per_call(*one, x, 20000); },
                                        [&] { return nanos_per_call(*ten, x, 20000); }});
  double first = bench::median(figures[0]), tenth = bench::median(figures[1]);
  bench::row("one step, a call", first, "ns");
  bench::row("ten steps, a call", tenth, "ns");
  bench::row("a step: (ten - one) / 9", (tenth - first) / 9, "ns", "at most 1000");
  for (int callers : {1, 4, 64}) {
    bench::row("ten steps, " + std::to_string(callers) + " callers",
               calls_per_second(*ten, x, callers), "calls/s");
  }
  long before = bench::allocations.load();
  nanos_per_call(*ten, x, 100000);
  bench::row("allocations from the system in 100,000 calls",
             static_cast<double>(bench::allocations.load() - before), "", "0");
  return 0;
}
