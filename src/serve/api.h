// What clients call: the Open Inference Protocol with Triton's extensions, /run/NAME and the page.
#pragma once

#include <memory>

#include "leat/server.h"
#include "serve/access_log.h"
#include "serve/catalogue.h"
#include "serve/http/counters.h"
#include "serve/http/exchange.h"

namespace leat {

class Api final : public Site {
 public:
  // All of these outlive this; `log` may be null.
  Api(const Catalogue& catalogue, const ServerOptions& options, HttpCounters& counters,
      AccessLog* log);
  std::unique_ptr<Service> connect() override;

 private:
  class Visit;
  const Catalogue& catalogue_;
  const ServerOptions& options_;
  HttpCounters& counters_;
  AccessLog* const log_;
  const Clock& clock_;
};

}  // namespace leat
