// The scenarios are MLPerf Inference's: SingleStream (the next call when the last has ended),
// Server (arrivals of a Poisson process, latency counted from when the call should have begun),
// Offline (all calls at once, as fast as they go).
#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/text.h"
#include "cli/bench_target.h"
#include "cli/inputs.h"
#include "cli/output_file.h"
#include "cli/verb.h"
#include "serve/protocol/json_writer.h"

namespace leat {

namespace {

struct Outcome {
  std::vector<Nanos> latencies;           // of calls that were answered with success
  std::map<std::string, int64_t> errors;  // by code
  std::string first_error;
  Nanos took = 0;
  Nanos cpu = 0;

  void add(const Status& status, Nanos latency) {
    if (status.ok()) {
      latencies.push_back(latency);
      return;
    }
    ++errors[std::string(code_name(status.code()))];
    if (first_error.empty()) first_error = status.message();
  }
  void merge(Outcome& other) {
    latencies.insert(latencies.end(), other.latencies.begin(), other.latencies.end());
    for (const auto& [code, count] : other.errors) errors[code] += count;
    if (first_error.empty()) first_error = other.first_error;
  }
  // The smallest latency that a share q of the calls did not exceed. Requires sorted latencies.
  double milliseconds(double q) const {
    if (latencies.empty()) return 0;
    auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(latencies.size())));
    return static_cast<double>(latencies[std::max<size_t>(rank, 1) - 1]) / kMillisecond;
  }
};

class Bench final : public Verb {
 public:
  std::string_view name() const override { return "bench"; }
  std::string_view does() const override { return "Measures latency and throughput."; }
  std::string_view example() const override {
    return "leat bench examples/classify/pipeline.yaml --input photo=@photo.jpg --duration 5s\n"
           "leat bench examples/classify/pipeline.yaml --input @photos/ --scenario server "
           "--rate 100 --latency-bound 50ms\n"
           "leat bench --url http://localhost:8000/run/classify --input @photo.jpg --scenario "
           "offline --callers 16\n";
  }
  std::vector<Flag> flags() override {
    return {
        {"PIPELINE", "", &path_, "a pipeline file or a model file, run in this process"},
        {"url", "URL", &url_, "a server in its place: http://HOST:PORT/run/NAME"},
        {"input", "NAME=VALUE", &inputs_,
         "as for `leat run`; @FOLDER/ takes each of its files in turn"},
        {.name = "scenario",
         .takes = "NAME",
         .target = &scenario_,
         .doc = "how calls arrive",
         .choices = {"single-stream", "server", "offline"}},
        {.name = "callers",
         .takes = "N",
         .target = &callers_,
         .doc = "calls at once (offline), or threads that make them (server); 0: as many as suit",
         .min = 0,
         .max = 4096},
        {.name = "rate",
         .takes = "PER_SECOND",
         .target = &rate_,
         .doc = "arrivals a second (server)",
         .min = 0},
        {"latency-bound", "TIME", Duration{&bound_}, "that p99 must hold (server)"},
        {"timeout", "TIME", Duration{&timeout_}, "of each call; 0s: the pipeline's own"},
        {"duration", "TIME", Duration{&duration_}, "how long to measure"},
        {"warm-up", "TIME", Duration{&warm_up_}, "how long to call before"},
        {"json", "FILE", &json_, "also write the figures as JSON"},
    };
  }

  Status run(std::string& out) override {
    if (path_.empty() == url_.empty()) {
      return Status(Code::kBadInput, "leat bench: either PIPELINE or --url is wanted");
    }
    if (scenario_ == "server" && rate_ <= 0) {
      return Status(Code::kBadInput, "leat bench: --scenario server wants --rate");
    }
    LEAT_ASSIGN(auto samples, read_samples());
    LEAT_ASSIGN(target_, url_.empty() ? bench_here(path_, std::move(samples), timeout_)
                                      : bench_url(url_, std::move(samples), timeout_));
    LEAT_TRY(target_->call(0));  // a wrong input is told before anything is measured
    measure(warm_up_);
    Outcome outcome = measure(duration_);
    std::ranges::sort(outcome.latencies);
    report(outcome, out);
    if (!json_.empty()) LEAT_TRY(write_file(json_, as_json(outcome)));
    if (outcome.latencies.empty()) {
      return Status(Code::kBadInput, cat("no call succeeded: ", outcome.first_error));
    }
    return {};
  }

 private:
  Result<std::vector<BenchSample>> read_samples() const {
    std::vector<BenchSample> samples{{}};
    for (const std::string& input : inputs_) {
      size_t at = input.find('@');
      std::string path = at == std::string::npos ? "" : input.substr(at + 1);
      std::vector<std::string> choices;
      std::error_code error;
      if (!path.empty() && std::filesystem::is_directory(path, error)) {
        for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
          if (entry.is_regular_file()) {
            choices.push_back(cat(input.substr(0, at + 1), entry.path().string()));
          }
        }
        std::ranges::sort(choices);
        if (choices.empty()) return Status(Code::kBadInput, cat(path, ": no files in this folder"));
      } else {
        choices.push_back(input);
      }
      // Every sample so far with each of the choices.
      std::vector<BenchSample> all;
      for (const BenchSample& sample : samples) {
        for (const std::string& choice : choices) {
          all.push_back(sample);
          all.back().inputs.push_back(choice);
        }
      }
      samples = std::move(all);
    }
    return samples;
  }

  int caller_count() const {
    if (scenario_ == "single-stream") return 1;
    if (callers_ > 0) return callers_;
    // Enough threads that an open loop is not held back by its own callers.
    return scenario_ == "server" ? 128 : 4 * cpu_budget();
  }

  Outcome measure(Nanos duration) {
    const SteadyClock& clock = SteadyClock::instance();
    std::vector<Nanos> arrivals;
    if (scenario_ == "server") {
      std::mt19937_64 random(7);
      std::exponential_distribution<double> gap(rate_);
      for (double at = gap(random); at * 1e9 < static_cast<double>(duration); at += gap(random)) {
        arrivals.push_back(static_cast<Nanos>(at * 1e9));
      }
    }
    Outcome whole;
    std::mutex mutex;
    std::atomic<size_t> next{0};
    Nanos cpu = process_cpu_nanos();
    Nanos begin = clock.now();
    std::vector<std::thread> threads;
    for (int caller = 0; caller < caller_count(); ++caller) {
      threads.emplace_back([&] {
        Outcome mine;
        while (true) {
          size_t i = next.fetch_add(1);
          Nanos from = clock.now();
          if (scenario_ == "server") {
            if (i >= arrivals.size()) break;
            from = begin + arrivals[i];
            if (Nanos wait = from - clock.now(); wait > 0) {
              std::this_thread::sleep_for(std::chrono::nanoseconds(wait));
            }
          } else if (from - begin >= duration) {
            break;
          }
          Status status = target_->call(i);
          mine.add(status, clock.now() - from);
        }
        std::lock_guard lock(mutex);
        whole.merge(mine);
      });
    }
    for (std::thread& thread : threads) thread.join();
    whole.took = clock.now() - begin;
    whole.cpu = process_cpu_nanos() - cpu;
    return whole;
  }

  static double per_second(const Outcome& outcome) {
    return static_cast<double>(outcome.latencies.size()) * 1e9 /
           static_cast<double>(std::max<Nanos>(1, outcome.took));
  }

  void report(const Outcome& outcome, std::string& out) const {
    auto tenths = [](double value) { return std::round(value * 1000) / 1000; };
    out += cat(scenario_, ", ", caller_count(), caller_count() == 1 ? " caller, " : " callers, ",
               outcome.took / kMillisecond, " ms\n");
    out += cat("  succeeded   ", outcome.latencies.size(), "\n");
    for (const auto& [code, count] : outcome.errors) out += cat("  ", code, "   ", count, "\n");
    if (!outcome.first_error.empty()) out += cat("  first error: ", outcome.first_error, "\n");
    out += cat("  throughput  ", tenths(per_second(outcome)), " a second\n");
    for (auto [label, q] :
         {std::pair{"p50  ", 0.5}, {"p90  ", 0.9}, {"p99  ", 0.99}, {"p99.9", 0.999}}) {
      out += cat("  ", label, "       ", tenths(outcome.milliseconds(q)), " ms\n");
    }
    if (!outcome.latencies.empty()) {
      out += cat("  CPU         ",
                 tenths(static_cast<double>(outcome.cpu) / kMillisecond /
                        static_cast<double>(outcome.latencies.size())),
                 url_.empty() ? " ms a call\n" : " ms a call, the client's own\n");
    }
    if (scenario_ == "server" && bound_ > 0) {
      out +=
          cat("  p99 within ", bound_ / kMillisecond, " ms: ", held(outcome) ? "yes" : "no", "\n");
    }
    steps(out);
  }

  bool held(const Outcome& outcome) const {
    return outcome.errors.empty() &&
           outcome.milliseconds(0.99) <= static_cast<double>(bound_) / kMillisecond;
  }

  // Mean times step by step, from the engine's own histograms (the warm-up is in them).
  void steps(std::string& out) const {
    std::string text = target_->metrics();
    if (text.empty()) return;
    struct Sums {
      double sum[3] = {}, count[3] = {};
    };
    std::map<std::string, Sums> table;
    std::vector<std::string> order;
    static constexpr std::string_view kinds[] = {
        "leat_step_wait_seconds", "leat_step_batch_seconds", "leat_step_run_seconds"};
    for (std::string_view line : split(text, '\n')) {
      for (int kind = 0; kind < 3; ++kind) {
        for (bool sum : {true, false}) {
          std::string prefix = cat(kinds[kind], sum ? "_sum{" : "_count{");
          if (!line.starts_with(prefix)) continue;
          size_t begin = line.find("step=\"") + 6;
          std::string step(line.substr(begin, line.find('"', begin) - begin));
          if (!table.contains(step)) order.push_back(step);
          double value = std::atof(std::string(line.substr(line.rfind(' '))).c_str());
          (sum ? table[step].sum : table[step].count)[kind] = value;
        }
      }
    }
    out += "  mean us of   waiting   in queue    running   step\n";
    for (const std::string& step : order) {
      const Sums& sums = table[step];
      out += "            ";
      for (int kind = 0; kind < 3; ++kind) {
        std::string cell = sums.count[kind] == 0
                               ? "-"
                               : cat(static_cast<int64_t>(sums.sum[kind] / sums.count[kind] * 1e6));
        out += cat(std::string(cell.size() < 10 ? 10 - cell.size() : 0, ' '), cell, " ");
      }
      out += cat("  ", step, "\n");
    }
  }
  std::string as_json(const Outcome& outcome) const {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.member("scenario", scenario_);
    json.member("callers", caller_count());
    json.member("succeeded", outcome.latencies.size());
    json.key("errors").begin_object();
    for (const auto& [code, count] : outcome.errors) json.member(code, count);
    json.end_object();
    json.key("per_second").number(per_second(outcome));
    for (auto [label, q] :
         {std::pair{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"p99.9_ms", 0.999}}) {
      json.key(label).number(outcome.milliseconds(q));
    }
    json.key("cpu_ms").number(static_cast<double>(outcome.cpu) / kMillisecond);
    if (scenario_ == "server" && bound_ > 0) json.member("bound_held", held(outcome));
    json.end_object();
    return text + "\n";
  }

  std::string path_, url_, json_;
  std::string scenario_ = "single-stream";
  std::vector<std::string> inputs_;
  int callers_ = 0;
  double rate_ = 0;
  int64_t bound_ = 0, timeout_ = 0;
  int64_t duration_ = 10 * kSecond, warm_up_ = kSecond;
  std::unique_ptr<BenchTarget> target_;
};

}  // namespace

std::unique_ptr<Verb> make_bench() { return std::make_unique<Bench>(); }

}  // namespace leat
