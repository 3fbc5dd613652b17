#include "cli/bench/step_times.h"

#include <algorithm>
#include <cstdlib>

#include "base/text.h"

namespace leat {

namespace {

struct Series {
  std::string_view name;
  double StepSums::*sum;
};
constexpr Series kSeries[] = {
    {"leat_step_wait_seconds_sum", &StepSums::wait},
    {"leat_step_wait_seconds_count", &StepSums::waits},
    {"leat_step_batch_seconds_sum", &StepSums::batch},
    {"leat_step_batch_seconds_count", &StepSums::batches},
    {"leat_step_run_seconds_sum", &StepSums::run},
    {"leat_step_run_seconds_count", &StepSums::runs},
};

std::string_view label(std::string_view line, std::string_view name) {
  std::string begin = cat(name, "=\"");
  size_t at = line.find(begin);
  if (at == std::string_view::npos) return {};
  at += begin.size();
  return line.substr(at, line.find('"', at) - at);
}

}  // namespace

std::vector<StepSums> step_sums(std::string_view text, std::string_view pipeline) {
  std::vector<StepSums> steps;
  for (std::string_view line : split(text, '\n')) {
    auto series = std::ranges::find(kSeries, line.substr(0, line.find('{')), &Series::name);
    if (series == std::end(kSeries) || label(line, "pipeline") != pipeline) continue;
    std::string_view step = label(line, "step");
    auto known = std::ranges::find(steps, step, &StepSums::step);
    if (known == steps.end()) {
      steps.push_back({.step = std::string(step)});
      known = steps.end() - 1;
    }
    (*known).*(series->sum) += std::atof(std::string(line.substr(line.rfind(' ') + 1)).c_str());
  }
  return steps;
}

std::vector<StepSums> between(const std::vector<StepSums>& before, std::vector<StepSums> after) {
  for (StepSums& step : after) {
    auto old = std::ranges::find(before, step.step, &StepSums::step);
    if (old == before.end()) continue;
    for (const Series& series : kSeries) step.*(series.sum) -= (*old).*(series.sum);
  }
  return after;
}

std::optional<double> cpu_seconds(std::string_view text) {
  constexpr std::string_view kName = "process_cpu_seconds_total ";
  for (std::string_view line : split(text, '\n')) {
    if (line.starts_with(kName)) return std::atof(std::string(line.substr(kName.size())).c_str());
  }
  return std::nullopt;
}

}  // namespace leat
