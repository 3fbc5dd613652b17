// Where the time went, step by step, and how much CPU time it took: read from a pipeline's metrics
// before and after.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leat {

struct StepSums {
  std::string step;
  // Seconds, and how often: until it could begin, in the queue of a batch, running. The whole
  // batch's running time counts once.
  double wait = 0, batch = 0, run = 0;
  double waits = 0, batches = 0, runs = 0;
};

// In the metrics' order; no steps when `text` has none of the pipeline.
std::vector<StepSums> step_sums(std::string_view text, std::string_view pipeline);

// What was added between the two.
std::vector<StepSums> between(const std::vector<StepSums>& before, std::vector<StepSums> after);

// CPU time of the process that these metrics are of.
std::optional<double> cpu_seconds(std::string_view text);

}  // namespace leat
