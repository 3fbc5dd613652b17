// What the pipeline of examples/things takes from the system in the steady state: real photos from
// several callers, after a warm-up. Nothing, outside third parties' libraries.
#include <atomic>
#include <barrier>
#include <thread>

#include "bench.h"
#include "counting_allocator.h"
#include "memory/arena.h"
#include "things.h"

using namespace leat;

namespace {

// The warm-up sees more at a time, so that what is measured meets no peak of its own.
constexpr size_t kWarmCallers = 8, kCallers = 4;
constexpr size_t kCalls = 25;  // of each caller

class Signal final : public Completion {
 public:
  void done(Answer& answer) override {
    if (!answer.status.ok()) {
      std::fprintf(stderr, "allocations: %s\n", answer.status.message().c_str());
      std::exit(1);
    }
    rows_ = answer.outputs[0].tensor().shape()[0];
    ended_.store(true, std::memory_order_release);
    ended_.notify_one();
  }
  int64_t wait() {
    ended_.wait(false, std::memory_order_acquire);
    ended_.store(false, std::memory_order_relaxed);
    return rows_;
  }

 private:
  std::atomic<bool> ended_{false};
  int64_t rows_ = 0;
};

// Things found.
int64_t ask(const Pipeline& pipeline, const Tensor& photo, Signal& signal) {
  Request request(pipeline);
  request.set(size_t{0}, photo);
  Ticket ticket = pipeline.submit(std::move(request), signal);
  return signal.wait();
}

}  // namespace

int main() {
  if (!bench::have_assets("allocations")) return 0;
  bench::title("allocations: the pipeline of examples/things in the steady state, in process");
  bench::print_machine();
  auto engine = Engine::make({});
  auto pipeline = bench::load_things(*engine, true);
  const std::vector<Tensor> photos = bench::photos_of_things();
  std::vector<int64_t> things;
  Signal signal;
  for (const Tensor& photo : photos) things.push_back(ask(*pipeline, photo, signal));

  std::barrier phase(kWarmCallers + 1);
  std::vector<std::thread> threads;
  for (size_t caller = 0; caller < kWarmCallers; ++caller) {
    threads.emplace_back([&, caller] {
      Signal mine;
      for (bool measured : {false, true}) {
        for (size_t i = 0; i < (measured && caller >= kCallers ? 0 : kCalls); ++i) {
          const size_t at = (caller + i) % photos.size();
          if (ask(*pipeline, photos[at], mine) == things[at]) continue;
          std::fprintf(stderr, "allocations: photo %zu has another number of things now\n", at);
          std::exit(1);
        }
        phase.arrive_and_wait();  // all have ended
        phase.arrive_and_wait();  // main has looked
      }
    });
  }
  phase.arrive_and_wait();
  const uint64_t reserved = Arena::heap().stats().reserved;
  bench::attribute = true;
  phase.arrive_and_wait();
  phase.arrive_and_wait();
  bench::attribute = false;
  const uint64_t cut = Arena::heap().stats().reserved - reserved;
  const double calls = kCallers * kCalls;
  bench::row("photos", calls, "");
  bench::row("allocations from the system by leat", static_cast<double>(bench::own), "", "0");
  bench::print_places();
  bench::row("  by third parties' libraries, a photo", static_cast<double>(bench::others) / calls,
             "");
  bench::row("blocks cut anew from the pool, in all", static_cast<double>(cut) / 1e6, "MB");
  phase.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  return 0;
}
