// A small client beside one that sends a thousand crops a request: what the small one feels.
#include <atomic>
#include <thread>

#include "bench.h"
#include "busy_op.h"
#include "leat/pipeline.h"

using namespace leat;

namespace {

// Per row 100 us, as a crop and its conversion; the small call has one row, the big one a thousand.
constexpr const char* kText = R"(
leat: 1
name: rows
inputs: { x: "FP32[n]" }
steps:
  first: { op: bench.busy, inputs: { x: x }, params: { us: 2000 } }
  row: { for_each: first.y, op: bench.busy, inputs: { x: first.y }, params: { us: 100 } }
outputs: { y: row.y }
)";

Tensor rows(int64_t count) {
  Tensor tensor = *Tensor::allocate(DType::kFp32, Shape{count});
  std::fill(tensor.mutable_values<float>().begin(), tensor.mutable_values<float>().end(), 1.0f);
  return tensor;
}

double p99_of_small(const Pipeline& pipeline, int calls) {
  Tensor x = rows(1);
  std::vector<double> took;
  for (int i = 0; i < calls; ++i) {
    Request request(pipeline);
    request.set(size_t{0}, x);
    double begin = bench::seconds();
    Answer answer = pipeline.run(std::move(request));
    if (!answer.status.ok() || answer.outputs[0].tensor().shape()[0] != 1) std::exit(1);
    took.push_back(bench::seconds() - begin);
  }
  std::sort(took.begin(), took.end());
  return took[took.size() * 99 / 100];
}

}  // namespace

int main() {
  auto engine = Engine::make({});
  auto loaded = engine->load_text(kText, ".");
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s\n", loaded.status().message().c_str());
    return 1;
  }
  const Pipeline& pipeline = **loaded;
  bench::title("fairness: one row a call beside a thousand rows a call");
  p99_of_small(pipeline, 100);
  std::vector<double> ratios, alone_ms, beside_ms;
  for (int round = 0; round < 5; ++round) {
    double alone = p99_of_small(pipeline, 300);
    std::atomic<bool> stop{false};
    std::atomic<long> big{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        Tensor x = rows(1000);
        while (!stop) {
          Request request(pipeline);
          request.set(size_t{0}, x);
          if (!pipeline.run(std::move(request)).status.ok()) std::exit(1);
          ++big;
        }
      });
    }
    double beside = p99_of_small(pipeline, 300);
    stop = true;
    for (std::thread& thread : threads) thread.join();
    ratios.push_back(beside / alone);
    alone_ms.push_back(alone * 1e3);
    beside_ms.push_back(beside * 1e3);
  }
  bench::row("p99 of the small call, alone", bench::median(alone_ms), "ms");
  bench::row("p99 of the small call, beside", bench::median(beside_ms), "ms");
  bench::row("beside / alone", bench::median(ratios), "", "under 2");
  return 0;
}
