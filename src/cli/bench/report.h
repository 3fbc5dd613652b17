// What `leat bench` prints, and writes as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/bench/load.h"
#include "cli/bench/step_times.h"

namespace leat {

struct Report {
  std::string scenario;
  Load load;
  Outcome outcome;
  std::vector<StepSums> steps;
  Nanos latency_bound = 0;           // for p99; 0: none
  std::optional<double> server_cpu;  // seconds, of the server behind a URL
  bool remote = false;               // then outcome.cpu is this client's

  // Every call succeeded, and p99 is within the bound.
  bool bound_held() const;
  std::string text() const;
  std::string json() const;
};

}  // namespace leat
