// How near a pipeline comes to the ceiling: the same decode, conversion, ONNX Runtime calls and
// choice of the best, in a bare loop on every core, with no queue, no deadline and no metrics.
//
// Each thread of the bare loop makes batches of 1, 4 or 8 pictures for itself; the best of the
// three counts. The pipeline is called from threads that wait for their answers.
#include <onnxruntime_c_api.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <numeric>
#include <thread>

#include "bench.h"
#include "codec/image/image.h"
#include "leat/pipeline.h"
#include "ops/image/canvas.h"
#include "ops/image/placement.h"
#include "ops/image/resample.h"
#include "photos.h"

using namespace leat;

namespace {

constexpr int kSide = 224;
constexpr size_t kClasses = 1000;
constexpr size_t kTop = 5;
constexpr size_t kItem = size_t{3} * kSide * kSide;
constexpr float kMean[] = {123.675f, 116.28f, 103.53f}, kStd[] = {58.395f, 57.12f, 57.375f};
constexpr double kCrop = 0.875, kOversample = 1.5;  // image.decode's default

// `batch` 0: the model's default.
std::string pipeline_text(int batch) {
  std::string models = std::filesystem::absolute(bench::assets() / "models");
  return "leat: 1\nname: classify\ninputs:\n  photo: BYTES\ntimeout: 10s\nsteps:\n"
         "  decode: { op: image.decode, inputs: { data: photo } }\n"
         "  view:\n    op: image.to_tensor\n    inputs: { image: decode.image }\n"
         "    params: { fit: cover, crop_pct: 0.875, mean: [123.675, 116.28, 103.53], "
         "std: [58.395, 57.12, 57.375] }\n"
         "  classify:\n    model: " +
         models + "/mobilenetv2-12-int8.onnx\n    inputs: { input: view.tensor }\n" +
         (batch > 0 ? "    batch: { max: " + std::to_string(batch) + " }\n" : "") +
         "  label:\n    op: tensor.top_k\n    inputs: { scores: classify.output }\n"
         "    params: { k: 5, softmax: true }\n"
         "outputs:\n  classes: label.indices\n  scores: label.values\n";
}

void require(OrtStatus* status) {
  if (!status) return;
  std::fprintf(stderr, "ceiling: %s\n",
               OrtGetApiBase()->GetApi(ORT_API_VERSION)->GetErrorMessage(status));
  std::exit(1);
}

struct Ranked {
  std::array<int, kTop> classes;
  std::array<float, kTop> scores;
};

// What the pipeline has to be measured with: the work of one picture, and nothing else.
class Bare {
 public:
  explicit Bare(const std::string& model) : ort_(OrtGetApiBase()->GetApi(ORT_API_VERSION)) {
    OrtEnv* env = nullptr;
    OrtSessionOptions* options = nullptr;
    require(ort_->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "bare", &env));
    require(ort_->CreateSessionOptions(&options));
    require(ort_->SetIntraOpNumThreads(options, 1));
    require(ort_->CreateSession(env, model.c_str(), options, &session_));
    require(ort_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_));
  }

  // What one thread works with.
  class Worker final : public image::Canvas {
   public:
    Worker(const Bare& bare, size_t batch) : bare_(bare), in_(batch * kItem) {
      out_.resize(batch * kClasses);
      std::array<int64_t, 4> in{static_cast<int64_t>(batch), 3, kSide, kSide};
      std::array<int64_t, 2> out{static_cast<int64_t>(batch), kClasses};
      const OrtApi* ort = bare.ort_;
      require(ort->CreateTensorWithDataAsOrtValue(bare.memory_, in_.data(), in_.size() * 4,
                                                  in.data(), in.size(),
                                                  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input_));
      require(ort->CreateTensorWithDataAsOrtValue(bare.memory_, out_.data(), out_.size() * 4,
                                                  out.data(), out.size(),
                                                  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &output_));
    }
    ~Worker() override {
      bare_.ort_->ReleaseValue(input_);
      bare_.ort_->ReleaseValue(output_);
    }

    Result<uint8_t*> memory(int width, int height) override {
      size_ = {width, height};
      size_t bytes = size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height);
      if (pixels_.size() < bytes) pixels_.resize(bytes);
      return pixels_.data();
    }

    void prepare(const bench::Photo& photo, size_t slot) {
      const ImageNeed needs[] = {need_of(kSide, kSide, Fit::kCover, kCrop)};
      auto header = image::decode(photo.bytes, {.needs = needs, .oversample = kOversample}, *this);
      if (!header.ok()) {
        std::fprintf(stderr, "ceiling: %s: %s\n", photo.name.c_str(),
                     header.status().message().c_str());
        std::exit(1);
      }
      const Placement to = place(header->size, kSide, kSide, Fit::kCover, kCrop, Align::kTopLeft);
      PixelFormat format{.dtype = DType::kFp32, .planar = true};
      for (int c = 0; c < 3; ++c) {
        format.multiply[c] = 1 / kStd[c];
        format.add[c] = -kMean[c] / kStd[c];
      }
      auto* out = reinterpret_cast<std::byte*>(in_.data() + slot * kItem);
      resample({pixels_.data(), size_.width, size_.height},
               {to.scaled_width, to.scaled_height, to.cut_x, to.cut_y, Filter::kBilinear}, format,
               {out, kSide, kSide, {to.x, to.y, to.width, to.height}});
    }

    void run() {
      static constexpr const char* kIn[] = {"input"};
      static constexpr const char* kOut[] = {"output"};
      require(bare_.ort_->Run(bare_.session_, nullptr, kIn, &input_, 1, kOut, 1, &output_));
    }

    Ranked best(size_t slot) {
      const float* scores = out_.data() + slot * kClasses;
      std::array<int, kClasses> order;
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(order.begin(), order.begin() + kTop, order.end(),
                        [&](int a, int b) { return scores[a] > scores[b]; });
      float sum = 0;
      for (size_t i = 0; i < kClasses; ++i) sum += std::exp(scores[i] - scores[order[0]]);
      Ranked ranked;
      for (size_t i = 0; i < kTop; ++i) {
        ranked.classes[i] = order[i];
        ranked.scores[i] = std::exp(scores[order[i]] - scores[order[0]]) / sum;
      }
      return ranked;
    }

   private:
    const Bare& bare_;
    ImageSize size_;
    std::vector<uint8_t> pixels_;
    std::vector<float> in_, out_;
    OrtValue* input_ = nullptr;
    OrtValue* output_ = nullptr;
  };

 private:
  const OrtApi* ort_;
  OrtSession* session_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
};

struct Task {
  const std::vector<bench::Photo>& photos;
  std::vector<Tensor> bytes;  // the photos as the pipeline takes them
  const Bare& bare;
};

// Pictures a second, and what one costs. On a machine that others use too the cost stands still.
struct Pace {
  double rate;
  double cpu;  // milliseconds of processor time a picture
};

template <typename Work>
Pace pace(int threads, double seconds, Work work) {
  std::atomic<size_t> next{0}, done{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> all;
  const double begin = bench::seconds();
  const int64_t cpu = process_cpu_nanos();
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&] { work(next, done, stop); });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const double rate = static_cast<double>(done.load()) / (bench::seconds() - begin);
  stop.store(true);
  for (std::thread& thread : all) thread.join();
  return {rate,
          static_cast<double>(process_cpu_nanos() - cpu) / 1e6 / static_cast<double>(done.load())};
}

Pace bare_pace(const Task& task, size_t batch, double seconds) {
  return pace(cpu_budget(), seconds, [&](auto& next, auto& done, auto& stop) {
    Bare::Worker worker(task.bare, batch);
    while (!stop.load(std::memory_order_relaxed)) {
      for (size_t i = 0; i < batch; ++i) {
        worker.prepare(task.photos[next.fetch_add(1) % task.photos.size()], i);
      }
      worker.run();
      for (size_t i = 0; i < batch; ++i) worker.best(i);
      done.fetch_add(batch);
    }
  });
}

Answer ask(const Pipeline& pipeline, const Tensor& photo) {
  Request request(pipeline);
  request.set(size_t{0}, photo);
  Answer answer = pipeline.run(std::move(request));
  if (!answer.status.ok()) {
    std::fprintf(stderr, "ceiling: %s\n", answer.status.message().c_str());
    std::exit(1);
  }
  return answer;
}

Pace pipeline_pace(const Task& task, const Pipeline& pipeline, int callers, double seconds) {
  return pace(callers, seconds, [&](auto& next, auto& done, auto& stop) {
    while (!stop.load(std::memory_order_relaxed)) {
      ask(pipeline, task.bytes[next.fetch_add(1) % task.bytes.size()]);
      done.fetch_add(1);
    }
  });
}

// Milliseconds for one picture, of the clock and of processor time.
struct Latency {
  std::vector<double> clock, cpu;

  template <typename Call>
  void time(Call call) {
    const double begin = bench::seconds();
    const int64_t work = process_cpu_nanos();
    call();
    clock.push_back((bench::seconds() - begin) * 1e3);
    cpu.push_back(static_cast<double>(process_cpu_nanos() - work) / 1e6);
  }
};

// Bare, and through each pipeline; each is first in turn, since whoever follows the bare loop finds
// this thread's share of a busy processor used up.
std::vector<Latency> latencies(const Task& task, const std::vector<const Pipeline*>& pipelines,
                               size_t rounds) {
  Bare::Worker worker(task.bare, 1);
  std::vector<Latency> all(pipelines.size() + 1);
  for (size_t round = 0; round < rounds; ++round) {
    const size_t at = round / all.size() % task.photos.size();
    for (size_t turn = 0; turn < all.size(); ++turn) {
      const size_t who = (turn + round) % all.size();
      all[who].time([&] {
        if (who > 0) {
          ask(*pipelines[who - 1], task.bytes[at]);
          return;
        }
        worker.prepare(task.photos[at], 0);
        worker.run();
        worker.best(0);
      });
    }
  }
  return all;
}

bool same_answers(const Task& task, const Pipeline& pipeline) {
  Bare::Worker worker(task.bare, 1);
  for (size_t i = 0; i < task.photos.size(); ++i) {
    worker.prepare(task.photos[i], 0);
    worker.run();
    const Ranked want = worker.best(0);
    Answer answer = ask(pipeline, task.bytes[i]);
    const float score = answer.outputs[1].tensor().values<float>()[0];
    const int64_t found = answer.outputs[0].tensor().values<int64_t>()[0];
    if (found != want.classes[0] || std::abs(score - want.scores[0]) > 1e-3f) {
      std::fprintf(stderr, "ceiling: %s is %d (%f) in the loop and %d (%f) in the pipeline\n",
                   task.photos[i].name.c_str(), want.classes[0],
                   static_cast<double>(want.scores[0]), static_cast<int>(found),
                   static_cast<double>(score));
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (!bench::have_assets("ceiling")) return 0;
  const std::string only = count > 1 ? arguments[1] : "";  // one candidate, for a profiler
  bench::title("against the ceiling: photo to top 5 of MobileNetV2, in process");
  bench::print_machine();
  const std::vector<bench::Photo> photos = bench::photos({"photo", "exif", "face"});
  const Bare bare(bench::assets() / "models/mobilenetv2-12-int8.onnx");
  Task task{photos, {}, bare};
  for (const bench::Photo& photo : photos) {
    task.bytes.push_back(
        *Tensor::bytes({reinterpret_cast<const char*>(photo.bytes.data()), photo.bytes.size()}));
  }
  auto engine = Engine::make({});
  auto load = [&](int batch) {
    auto pipeline = engine->load_text(pipeline_text(batch), ".");
    if (!pipeline.ok()) {
      std::fprintf(stderr, "ceiling: %s\n", pipeline.status().message().c_str());
      std::exit(1);
    }
    return *pipeline;
  };
  auto plain = load(0), one = load(1), eight = load(8);
  for (const Pipeline* pipeline : {plain.get(), one.get(), eight.get()}) {
    if (!same_answers(task, *pipeline)) return 1;
  }
  const int many = 4 * cpu_budget();
  auto through = [&](const Pipeline& pipeline, double seconds) {
    return pipeline_pace(task, pipeline, many, seconds);
  };
  if (!only.empty()) {
    constexpr double kLong = 10;
    Pace alone = only == "plain"   ? through(*plain, kLong)
                 : only == "one"   ? through(*one, kLong)
                 : only == "eight" ? through(*eight, kLong)
                                   : bare_pace(task, std::stoul(only), kLong);
    bench::row(only, alone.rate, "photo/s");
    return 0;
  }

  constexpr double kFor = 1;
  constexpr int kRounds = 15;
  const std::function<Pace()> candidates[] = {
      [&] { return bare_pace(task, 1, kFor); }, [&] { return through(*plain, kFor); },
      [&] { return bare_pace(task, 4, kFor); }, [&] { return through(*one, kFor); },
      [&] { return bare_pace(task, 8, kFor); }, [&] { return through(*eight, kFor); }};
  std::vector<double> rate[6], cpu[6];
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < 6; ++i) {
      Pace measured = candidates[i]();
      rate[i].push_back(measured.rate);
      cpu[i].push_back(measured.cpu);
    }
  }
  // The bare loop's best batch is the one with the best median: the best of each round would be
  // whichever had a quiet moment.
  auto worse = [&](size_t a, size_t b) { return bench::median(rate[a]) < bench::median(rate[b]); };
  const size_t ceiling = std::max({size_t{0}, size_t{2}, size_t{4}}, worse);
  const std::vector<double>& best = rate[ceiling];
  for (size_t i : {0, 2, 4}) {
    const std::string name = "bare loop, batch " + std::to_string(std::max<size_t>(1, i * 2));
    bench::row(name, bench::median(rate[i]), "photo/s");
    bench::row("  processor time a photo", bench::median(cpu[i]), "ms");
  }
  bench::row("noise: the bare loop's slowest round over its fastest",
             *std::ranges::min_element(best) / *std::ranges::max_element(best), "");
  const char* batches[] = {"as the model says", "max: 1", "max: 8"};
  for (size_t i : {1, 3, 5}) {
    const char* target = i == 1 ? "at least 0.95" : "";
    bench::row(
        std::string("pipeline, ") + std::to_string(many) + " callers, batch " + batches[i / 2],
        bench::median(rate[i]), "photo/s");
    bench::row("  of the best bare loop", bench::ratio(rate[i], best), "", target);
    bench::row("  processor time a photo, of its", bench::ratio(cpu[i], cpu[ceiling]), "");
  }

  const size_t calls = photos.size() * 21;
  auto times = latencies(task, {plain.get(), one.get()}, calls);
  bench::row("bare, one picture at a time", bench::median(times[0].clock), "ms");
  bench::row("pipeline, one caller", bench::median(times[1].clock), "ms");
  for (size_t i : {1, 2}) {
    bench::row(i == 1 ? "  of the bare loop" : "  with batch: { max: 1 }",
               bench::ratio(times[i].clock, times[0].clock), "", i == 1 ? "under 1.03" : "");
    bench::row("  processor time, of the bare loop's", bench::ratio(times[i].cpu, times[0].cpu),
               "");
  }
  return 0;
}
