#include <algorithm>
#include <filesystem>

#include "base/cpu.h"
#include "base/text.h"
#include "cli/bench/report.h"
#include "cli/inputs.h"
#include "cli/output_file.h"
#include "cli/verb.h"

namespace leat {

namespace {

const std::vector<std::string> kScenarios = {"single-stream", "server", "offline"};

// Inputs that are folders give a sample for each of their files; of inputs that are said several
// times, each value in turn. Every sample has each input once.
Result<std::vector<Sample>> read_samples(const std::vector<std::string>& inputs) {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> choices;  // by name
  for (const std::string& input : inputs) {
    size_t at = input.starts_with('@') ? 0 : input.find("=@");
    size_t equals = input.starts_with('@') ? std::string::npos : input.find('=');
    std::string name = equals == std::string::npos ? "" : input.substr(0, equals);
    auto known = std::ranges::find(names, name);
    size_t which = static_cast<size_t>(known - names.begin());
    if (known == names.end()) {
      names.push_back(name);
      choices.emplace_back();
    }
    std::string folder = at == std::string::npos ? "" : input.substr(input.find('@') + 1);
    std::error_code error;
    if (folder.empty() || !std::filesystem::is_directory(folder, error)) {
      choices[which].push_back(input);
      continue;
    }
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      if (!entry.is_regular_file()) continue;
      files.push_back(cat(input.substr(0, input.find('@') + 1), entry.path().string()));
    }
    if (files.empty()) return Status(Code::kBadInput, cat(folder, ": no file in this folder"));
    std::ranges::sort(files);
    choices[which].insert(choices[which].end(), files.begin(), files.end());
  }
  size_t count = 1;
  for (const auto& values : choices) count = std::max(count, values.size());
  std::vector<Sample> samples(count);
  for (size_t i = 0; i < count; ++i) {
    for (const auto& values : choices) samples[i].push_back(values[i % values.size()]);
  }
  return samples;
}

class Bench final : public Verb {
 public:
  std::string_view name() const override { return "bench"; }
  std::string_view does() const override { return "Measures latency and throughput."; }
  std::string_view example() const override {
    return "leat bench examples/classify/pipeline.yaml --input @photo.jpg --duration 5s\n"
           "leat bench examples/classify/pipeline.yaml --input @photos/ --scenario server "
           "--rate 100 --latency-bound 50ms\n"
           "leat bench --url http://localhost:8000/run/classify --input @photo.jpg "
           "--scenario offline --callers 16\n";
  }
  std::vector<Flag> flags() override {
    return {
        {"PIPELINE", "", &path_, "a pipeline file or a model file, to run in this process"},
        {"url", "URL", &url_, "a server in its place: http://HOST:PORT/run/NAME"},
        {"metrics-url", "URL", &metrics_url_,
         "where that server tells where the time went; unless set, http://HOST:8002/metrics"},
        {"input", "NAME=VALUE", &inputs_,
         "as for `leat run`; said several times or with @FOLDER, each value in turn"},
        {.name = "scenario",
         .takes = "NAME",
         .target = &scenario_,
         .doc = "how calls come: one after the other, at random times, or as fast as they go",
         .choices = kScenarios},
        {.name = "callers",
         .takes = "N",
         .target = &callers_,
         .doc = "single-stream: how many, each with one call at a time; offline: calls under way; "
                "server, with --url: connections. 0: 1, 8 for each CPU, 256",
         .min = 0,
         .max = 4096},
        {.name = "rate",
         .takes = "PER_SECOND",
         .target = &rate_,
         .doc = "of the server scenario: arrivals a second",
         .min = 0,
         .max = 1e7},
        {"latency-bound", "TIME", Duration{&bound_}, "say whether p99 held it; 0s: none"},
        {"timeout", "TIME", Duration{&timeout_}, "of each call; 0s: the pipeline's own"},
        {"duration", "TIME", Duration{&duration_}, "how long to measure"},
        {"warm-up", "TIME", Duration{&warm_up_}, "how long to call before that"},
        {"json", "FILE", &json_, "also write the figures as JSON"},
    };
  }

  std::string misuse() const override {
    if (path_.empty() == url_.empty()) return "one of PIPELINE and --url is wanted";
    bool server = scenario_ == "server";
    if (server && rate_ <= 0) return "--scenario server wants a --rate above 0";
    if (!server && rate_ > 0) return "--rate is for --scenario server";
    return {};
  }

  Status run(std::string& out) override {
    Load load{.scenario = static_cast<Load::Scenario>(std::ranges::find(kScenarios, scenario_) -
                                                      kScenarios.begin()),
              .callers = callers_,
              .rate = rate_,
              .duration = duration_};
    bool server = load.scenario == Load::Scenario::kServer;
    if (load.callers == 0) {
      bool single = load.scenario == Load::Scenario::kSingleStream;
      load.callers = single ? 1 : server ? 256 : 8 * cpu_budget();
    }
    LEAT_ASSIGN(auto samples, read_samples(inputs_));
    int connections = load.scenario == Load::Scenario::kSingleStream ? 0 : load.callers;
    LEAT_ASSIGN(auto target, url_.empty()
                                 ? target_here(path_, samples, timeout_)
                                 : target_at(url_, metrics_url_, samples, timeout_, connections));
    // A wrong sample is told before anything is measured.
    for (size_t i = 0; i < samples.size(); ++i) {
      CallEnd end = target->call(i);
      if (end.code.empty()) continue;
      return Status(Code::kBadInput,
                    cat(samples[i].empty() ? "a call without inputs" : samples[i][0], ": ",
                        end.code, ": ", end.message, input_hint(samples[i])));
    }
    Load warm_up = load;
    warm_up.duration = warm_up_;
    measure(*target, warm_up);
    std::string before = target->metrics();
    Report report{.scenario = scenario_,
                  .load = load,
                  .outcome = measure(*target, load),
                  .steps = {},
                  .latency_bound = bound_,
                  .server_cpu = {},
                  .remote = !url_.empty()};
    std::string after = target->metrics();
    report.steps = between(step_sums(before, target->name()), step_sums(after, target->name()));
    auto cpu_before = cpu_seconds(before), cpu_after = cpu_seconds(after);
    if (cpu_before && cpu_after) report.server_cpu = *cpu_after - *cpu_before;
    out = report.text();
    if (!json_.empty()) LEAT_TRY(write_file(json_, report.json()));
    if (report.outcome.latencies.empty()) {
      return Status(Code::kBadInput, cat("no call succeeded: ", report.outcome.first_error));
    }
    return {};
  }

 private:
  std::string path_, url_, metrics_url_, json_;
  std::string scenario_ = kScenarios[0];
  std::vector<std::string> inputs_;
  int callers_ = 0;
  double rate_ = 0;
  int64_t bound_ = 0, timeout_ = 0;
  int64_t duration_ = 10 * kSecond, warm_up_ = kSecond;
};

}  // namespace

std::unique_ptr<Verb> make_bench() { return std::make_unique<Bench>(); }

}  // namespace leat
