// Batching crops: the pipeline of examples/things, whose crops of different requests share batches
// of the classifier, against the same pipeline where each crop runs alone. In process.
#include <atomic>
#include <thread>

#include "bench.h"
#include "leat/pipeline.h"
#include "photos.h"

using namespace leat;

namespace {

std::shared_ptr<Pipeline> load(Engine& engine, int batch) {
  const std::filesystem::path file = "examples/things/pipeline.yaml";
  std::vector<uint8_t> bytes = bench::read_file(file);
  std::string text(bytes.begin(), bytes.end());
  const std::string batches = "batch: { max: 16, delay: 1ms }", timeout = "timeout: 500ms";
  for (const std::string& part : {batches, timeout}) {
    if (text.find(part) == std::string::npos) {
      std::fprintf(stderr, "crops: %s has no \"%s\"\n", file.c_str(), part.c_str());
      std::exit(1);
    }
  }
  if (batch == 1) text.replace(text.find(batches), batches.size(), "batch: { max: 1 }");
  text.replace(text.find(timeout), timeout.size(), "timeout: 60s");  // nothing is to be refused
  setenv("LEAT_MODELS", std::filesystem::absolute(bench::assets() / "models").c_str(), 1);
  auto pipeline = engine.load_text(text, file.parent_path());
  if (!pipeline.ok()) {
    std::fprintf(stderr, "crops: %s\n", pipeline.status().message().c_str());
    std::exit(1);
  }
  return *pipeline;
}

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
};

Pace pace(const Pipeline& pipeline, const std::vector<Tensor>& photos, int callers) {
  constexpr double kFor = 2;
  std::atomic<size_t> next{0}, done{0};
  std::vector<std::thread> threads;
  const double begin = bench::seconds();
  const int64_t cpu = process_cpu_nanos();
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      while (bench::seconds() - begin < kFor) {
        ask(pipeline, photos[next.fetch_add(1) % photos.size()]);
        done.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double count = static_cast<double>(done.load());
  return {count / (bench::seconds() - begin),
          static_cast<double>(process_cpu_nanos() - cpu) / 1e6 / count};
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
  auto batched = load(*engine, 16), alone = load(*engine, 1);
  std::vector<Tensor> photos;
  for (const char* name : {"ovms_people2.jpeg", "ovms_people3.jpeg", "ovms_road1.jpg",
                           "burn_dog_bike_man.jpg", "onnxtut_cat.jpg", "triton_vulture.jpeg"}) {
    std::vector<uint8_t> bytes = bench::read_file(bench::assets() / "images/photo" / name);
    photos.push_back(*Tensor::bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  }
  double things = 0;
  if (!same_answers(*batched, *alone, photos, things)) {
    std::fprintf(stderr, "crops: the labels depend on the batch\n");
    return 1;
  }
  bench::row("things in a photo, on average", things, "");
  for (int callers : {1, 8, 32}) {
    std::vector<double> rate[2], cpu[2];
    for (int round = 0; round < 7; ++round) {
      for (int i : {0, 1}) {
        Pace measured = pace(i == 0 ? *alone : *batched, photos, callers);
        rate[i].push_back(measured.rate);
        cpu[i].push_back(measured.cpu);
      }
    }
    const std::string who = std::to_string(callers) + (callers == 1 ? " caller" : " callers");
    bench::row(who + ", each crop alone", bench::median(rate[0]), "photo/s");
    bench::row(who + ", batch: { max: 16, delay: 1ms }", bench::median(rate[1]), "photo/s");
    bench::row("  batched of alone", bench::ratio(rate[1], rate[0]), "");
    bench::row("  processor time a photo, batched of alone", bench::ratio(cpu[1], cpu[0]), "");
  }
  return 0;
}
