// What the calls of bench/module.py cost in C++: nanoseconds of CPU time a call, the floor that the
// Python module stands on. bench/module.py runs it in turn with itself; alone it prints one round.
#include <time.h>

#include <cstdlib>

#include "bench.h"
#include "leat/pipeline.h"
#include "memory/lone_op.h"

namespace {

using namespace leat;  // NOLINT

constexpr int kCalls = 50000;

template <typename T>
T must(Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "module_floor: %s\n", result.status().message().c_str());
  std::exit(1);
}

void measure(const char* name, const std::function<bool()>& call) {
  auto now = [] {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  };
  bool good = true;
  for (int i = 0; i < kCalls / 10; ++i) good = call() && good;
  double begin = now();
  for (int i = 0; i < kCalls; ++i) good = call() && good;
  double spent = now() - begin;
  if (!good) {
    std::fprintf(stderr, "module_floor: %s failed\n", name);
    std::exit(1);
  }
  std::printf("%s %.1f\n", name, spent / kCalls);
}

void measure_op(const char* label, const char* name,
                const std::map<std::string, ParamValue>& params, const Tensor& input) {
  auto op = must(LoneOp::make(*OpCatalogue::find(name), params, 1));
  measure(label, [&] {
    const Tensor* pointer = &input;
    std::span<const Tensor* const> port(&pointer, 1);
    std::vector<Tensor> outputs(op->spec().outputs.size());
    std::vector<std::span<const Tensor* const>> ports(op->spec().inputs.size());
    ports[0] = port;
    return op->run(ports, outputs).ok();
  });
}

}  // namespace

int main() {
  float values[] = {1, 2, 3, 4};
  Tensor x = must(Tensor::of<float>(values, Shape{4}));
  Tensor image = must(Tensor::allocate(DType::kUint8, Shape{4, 4, 3}));
  std::fill_n(image.mutable_data(), image.byte_size(), std::byte{7});
  measure_op("softmax", "tensor.softmax", {}, x);
  measure_op("flip", "image.flip", {}, image);
  measure_op("to_tensor", "image.to_tensor",
             {{"width", int64_t{4}},
              {"height", int64_t{4}},
              {"mean", std::vector<double>{1, 2, 3}},
              {"std", std::vector<double>{4, 5, 6}}},
             image);
  auto engine = Engine::make({});
  auto pipeline = must(engine->load_text(
      "{leat: 1, inputs: {x: 'FP32[?]'}, steps: {s: {op: tensor.softmax, inputs: {x: x}}}, "
      "outputs: {y: s.y}}",
      "."));
  measure("pipeline", [&] {
    Request request(*pipeline);
    request.set(0, x);
    return pipeline->run(std::move(request)).status.ok();
  });
}
