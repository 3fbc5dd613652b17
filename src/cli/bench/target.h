// What `leat bench` drives: a pipeline in this process, or one behind a URL.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "leat/status.h"

namespace leat {

// How a call ended: "" with success, else the stable code, and a message for people.
struct CallEnd {
  std::string code;
  std::string message;
};

// One call's inputs, as --input takes them.
using Sample = std::vector<std::string>;

class Target {
 public:
  virtual ~Target() = default;
  // A call with sample i, modulo their number; waits for the answer. From any thread.
  virtual CallEnd call(size_t i) = 0;
  // The same without waiting. `done` is told once, maybe before this returns, maybe on another
  // thread; the target outlives it.
  virtual void start(size_t i, std::function<void(const CallEnd&)> done) = 0;
  // Prometheus text about the pipeline's steps since it was loaded; empty: it cannot be had.
  virtual std::string metrics() = 0;
  // The label `pipeline` in it.
  virtual std::string name() const = 0;
};

// `timeout` of a call in nanoseconds; 0: the pipeline's own.
Result<std::unique_ptr<Target>> target_here(const std::string& path,
                                            const std::vector<Sample>& samples, Nanos timeout);

// `url`: http://HOST:PORT/run/NAME. start() uses up to `connections` at once, and queues more.
// `metrics_url`: empty: http://HOST:8002/metrics.
Result<std::unique_ptr<Target>> target_at(const std::string& url, const std::string& metrics_url,
                                          const std::vector<Sample>& samples, Nanos timeout,
                                          int connections);

}  // namespace leat
