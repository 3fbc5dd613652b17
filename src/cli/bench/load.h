// The scenarios of MLPerf Inference, and what came of one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/bench/target.h"

namespace leat {

struct Load {
  enum class Scenario : uint8_t {
    kSingleStream,  // each caller's next call when its last has ended
    kServer,        // arrivals of a Poisson process; a latency counts from the scheduled arrival
    kOffline,       // as fast as they go, `callers` of them under way
  };
  Scenario scenario = Scenario::kSingleStream;
  int callers = 1;
  double rate = 0;  // arrivals a second, of kServer
  Nanos duration = 10 * kSecond;
};

struct Outcome {
  std::vector<Nanos> latencies;           // of calls that succeeded, sorted
  std::map<std::string, int64_t> errors;  // by code
  std::string first_error;
  Nanos took = 0;  // from the beginning to the last answer
  Nanos cpu = 0;   // of this process, in that time
  Nanos late = 0;  // the most that a call of kServer was begun after its arrival

  // The smallest latency that a share q of the successful calls did not exceed; 0 without any.
  Nanos quantile(double q) const;
  double per_second() const;
  int64_t calls() const;
};

// Arrivals in [0, duration) at `rate` a second; the same for the same arguments.
std::vector<Nanos> poisson_arrivals(double rate, Nanos duration);

Outcome measure(Target& target, const Load& load);

}  // namespace leat
