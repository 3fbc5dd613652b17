#include <time.h>

#include <condition_variable>
#include <cstring>
#include <fstream>
#include <mutex>

#include "bench.h"
#include "memory/arena.h"
#include "worker/python.h"
#include "worker/worker_pool.h"
using namespace leat;
struct Job final : WorkerJob {
  void done(WorkerOutcome& o) override {
    std::lock_guard l(m);
    out = std::move(o);
    d = true;
    c.notify_all();
  }
  WorkerOutcome& wait() {
    std::unique_lock l(m);
    c.wait(l, [&] { return d; });
    d = false;
    return out;
  }
  std::mutex m;
  std::condition_variable c;
  bool d = false;
  WorkerOutcome out;
};
double cpu(pid_t pid) {
  clockid_t id;
  clock_getcpuclockid(pid, &id);
  timespec t;
  clock_gettime(id, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}
int main(int argc, char** argv) {
  const char* calls[] = {"return {'y': batch['x']}",
                         "y = leat_step.empty((n, 16), 'f4'); return {'y': y}",
                         "return {'y': batch['x'] + 1}", "return {'y': list(batch['x'] + 1)}"};
  for (const char* call : calls)
    for (int items : {1, 16}) {
      std::ofstream("/tmp/pyhop_step.py")
          << "import leat_step\nclass Step:\n  inputs, outputs = {'x': 'FP32[16]'}, {'y': "
             "'FP32[16]'}\n  def __call__(self, batch):\n    n = len(batch['x'])\n    "
          << call << "\n";
      auto host = *WorkerHost::make(256 << 20);
      std::string_view setup[] = {"python", "bench", "/tmp/pyhop_step.py", "Step", "{}", "0", "0"};
      auto made = WorkerPool::make(
          *host, {.setup = {.program = argc > 1 ? argv[1] : "build/deps/venv/bin/python",
                            .arguments = python_words()},
                  .first = {*Tensor::strings(setup)},
                  .workers = 1,
                  .spare = false});
      if (!made.ok()) {
        std::printf("%s\n", made.status().message().c_str());
        return 1;
      }
      auto pool = *std::move(made);
      for (int depth : {1, 8}) {
        std::vector<Job> jobs(depth);
        Block* block = *host->exchange().allocate(64 * items);
        Tensor all =
            Tensor::view(block, DType::kFp32, Shape{items, 16}, block->payload, 64 * items);
        std::vector<Tensor> in;
        for (int i = 0; i < items; ++i) in.push_back(all.row(i));
        const int count = 20000;
        auto go = [&](int n) {
          for (auto& j : jobs) (void)pool->submit(j, in, items);
          for (int i = 0; i < n; ++i) {
            auto& j = jobs[i % depth];
            if (!j.wait().status.ok()) std::abort();
            j.out.outputs.clear();
            (void)pool->submit(j, in, items);
          }
          for (auto& j : jobs) j.wait();
        };
        go(2000);
        double t = bench::seconds(), c = cpu(pool->processes()[0]);
        go(count);
        double wall = (bench::seconds() - t) / count,
               used = (cpu(pool->processes()[0]) - c) / count;
        std::printf("%-50s items %2d depth %d: %7.0f /s  %.1f us, python CPU %.1f us\n", call,
                    items, depth, 1 / wall, wall * 1e6, used * 1e6);
      }
    }
}
