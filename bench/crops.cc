// Batching crops: the pipeline of examples/things, whose crops of different requests share batches
// of the classifier, against the same pipeline where each crop runs alone. In process.
#include <atomic>
#include <thread>

#include "bench.h"
#include "leat/pipeline.h"
#include "things.h"

using namespace leat;

namespace {

Answer ask(const Pipeline& pipeline, const Tensor& photo) {
  Request request(pipeline);
  request.set(size_t{0}, photo);
  Answer answer = pipeline.run(std::move(request));
  if (!answer.status.ok()) {
    std::fprintf(stderr, "crops: %s\n", answer.status.message().c_str());
    std::exit(1);
  }
  return answer;
}

struct Pace {
  double rate;  // photos a second
  double cpu;   // milliseconds of processor time a photo
  double runs;  // of the classifier a photo
};

// The same `calls` each time: photos differ in how many things they show.
Pace pace(const Pipeline& pipeline, const std::vector<Tensor>& photos, int callers, size_t calls) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  const uint64_t runs = pipeline.stats().executions;
  const double begin = bench::seconds();
  const int64_t cpu = process_cpu_nanos();
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      for (size_t at; (at = next.fetch_add(1)) < calls;) ask(pipeline, photos[at % photos.size()]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double count = static_cast<double>(calls);
  return {count / (bench::seconds() - begin),
          static_cast<double>(process_cpu_nanos() - cpu) / 1e6 / count,
          static_cast<double>(pipeline.stats().executions - runs) / count - 1};  // the detector's
}

// The boxes, and one label for each; the same from both.
bool same_answers(const Pipeline& a, const Pipeline& b, const std::vector<Tensor>& photos,
                  double& things) {
  for (const Tensor& photo : photos) {
    const Answer first = ask(a, photo), second = ask(b, photo);
    const Tensor& boxes = first.outputs[0].tensor();
    const Tensor& labels = first.outputs[1].tensor();
    const Tensor& others = second.outputs[1].tensor();
    const int64_t count = boxes.shape()[0];
    things += static_cast<double>(count) / static_cast<double>(photos.size());
    bool same = labels.shape() == others.shape() && labels.shape()[0] == count;
    for (int64_t i = 0; same && i < count; ++i) same = labels.string(i) == others.string(i);
    if (!same) return false;
  }
  return true;
}

}  // namespace

int main() {
  if (!bench::have_assets("crops")) return 0;
  bench::title("batching crops: the pipeline of examples/things, in process");
  bench::print_machine();
  auto engine = Engine::make({});
  auto batched = bench::load_things(*engine, true), alone = bench::load_things(*engine, false);
  const std::vector<Tensor> photos = bench::photos_of_things();
  double things = 0;
  if (!same_answers(*batched, *alone, photos, things)) {
    std::fprintf(stderr, "crops: the labels depend on the batch\n");
    return 1;
  }
  bench::row("things in a photo, on average", things, "");
  for (int callers : {1, 8, 16}) {
    const size_t calls = photos.size() * static_cast<size_t>(std::max(2, callers));
    std::vector<double> rate[2], cpu[2], size[2];
    for (int round = 0; round < 3; ++round) {
      for (int i : {0, 1}) {
        Pace measured = pace(i == 0 ? *alone : *batched, photos, callers, calls);
        rate[i].push_back(measured.rate);
        cpu[i].push_back(measured.cpu);
        size[i].push_back(things / measured.runs);
      }
    }
    const std::string who = std::to_string(callers) + (callers == 1 ? " caller" : " callers");
    bench::row(who + ", each crop alone", bench::median(rate[0]), "photo/s");
    bench::row(who + ", batch: { max: 16, delay: 1ms }", bench::median(rate[1]), "photo/s");
    bench::row("  crops in a run of the classifier", bench::median(size[1]), "");
    bench::row("  batched of alone", bench::ratio(rate[1], rate[0]), "");
    bench::row("  processor time a photo, batched of alone", bench::ratio(cpu[1], cpu[0]), "");
  }
  return 0;
}
