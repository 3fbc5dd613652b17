// What `leat bench` drives: a pipeline in this process, or one behind a URL.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "leat/pipeline.h"

namespace leat {

// One request's worth of inputs.
struct BenchSample {
  std::vector<std::string> inputs;  // as --input takes them
};

class BenchTarget {
 public:
  virtual ~BenchTarget() = default;
  // One call with sample i (taken modulo their number); waits for the answer. Any thread.
  virtual Status call(size_t i) = 0;
  // Prometheus text of the engine behind it; empty when it cannot be had.
  virtual std::string metrics() = 0;
};

Result<std::unique_ptr<BenchTarget>> bench_here(const std::string& path,
                                                std::vector<BenchSample> samples, int64_t timeout);
// `url`: http://HOST:PORT/run/NAME, posts each sample's first input as the body.
Result<std::unique_ptr<BenchTarget>> bench_url(const std::string& url,
                                               std::vector<BenchSample> samples, int64_t timeout);

}  // namespace leat
