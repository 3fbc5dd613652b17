// GET /metrics on the metrics port, in Prometheus' text format.
#pragma once

#include <memory>

#include "serve/catalogue.h"
#include "serve/http/counters.h"
#include "serve/http/exchange.h"

namespace leat {

class MetricsSite final : public Site {
 public:
  // `engine` may be null; the others outlive this.
  MetricsSite(std::shared_ptr<const Engine> engine, const Catalogue& catalogue,
              const HttpCounters& counters)
      : engine_(std::move(engine)), catalogue_(catalogue), counters_(counters) {}
  std::unique_ptr<Service> connect() override;

  // The engine's own, the server's, and Triton's nv_inference_* of what is served.
  std::string text() const;

 private:
  const std::shared_ptr<const Engine> engine_;
  const Catalogue& catalogue_;
  const HttpCounters& counters_;
};

}  // namespace leat
