#include "leat/server.h"

#include "base/text.h"
#include "serve/access_log.h"
#include "serve/api.h"
#include "serve/catalogue.h"
#include "serve/http/front.h"
#include "serve/loader.h"
#include "serve/metrics_site.h"

namespace leat {

namespace {

constexpr int64_t kWatchInterval = 1'000'000'000;

class HttpServer final : public Server {
 public:
  HttpServer(const ServerOptions& options, std::shared_ptr<Engine> engine,
             std::unique_ptr<AccessLog> log)
      : front_(options),
        log_(std::move(log)),
        api_(catalogue_, front_.options(), *front_.counters(), log_.get()),
        metrics_(engine, catalogue_, *front_.counters()),
        loader_(std::move(engine), catalogue_) {}
  ~HttpServer() override { front_.stop(0); }

  Status open() {
    const ServerOptions& options = front_.options();
    LEAT_ASSIGN(http_port_, front_.listen(options.host, options.http_port, api_));
    if (options.metrics_port >= 0) {
      auto port = front_.listen(options.host, options.metrics_port, metrics_);
      if (!port.ok()) return port.status().within("metrics");
      metrics_port_ = *port;
    }
    front_.begin();
    return {};
  }

  Status load(const std::vector<std::string>& paths) override {
    Status status = loader_.load(paths);
    if (front_.options().watch) loader_.watch(kWatchInterval);
    return status;
  }

  void serve(const std::string& name, const std::string& version,
             std::shared_ptr<Pipeline> pipeline) override {
    catalogue_.set({name, version, Served::State::kReady, "", std::move(pipeline)});
  }

  int http_port() const override { return http_port_; }
  int metrics_port() const override { return metrics_port_; }

  std::string banner() const override {
    std::string names;
    for (const auto& served : catalogue_.all()) {
      if (served->state != Served::State::kReady) continue;
      names += cat(names.empty() ? "" : ", ", served->name);
      if (served->version != "1") names += cat(" (", served->version, ")");
    }
    const std::string& host = front_.options().host;
    return cat("leat serves ", names.empty() ? "nothing yet" : names, " on http://", host, ":",
               http_port_, metrics_port_ >= 0 ? cat(", metrics on :", metrics_port_) : "");
  }

  bool stop(int64_t nanos) override { return front_.stop(nanos); }

 private:
  Front front_;
  std::unique_ptr<AccessLog> log_;
  Catalogue catalogue_;
  Api api_;
  MetricsSite metrics_;
  Loader loader_;
  int http_port_ = -1;
  int metrics_port_ = -1;
};

Status check(const ServerOptions& options) {
  struct Bound {
    std::string_view name;
    int64_t value, least, most;
  };
  constexpr int64_t kMost = INT64_MAX;
  for (const Bound& bound : {Bound{"http_port", options.http_port, 0, 65535},
                             Bound{"metrics_port", options.metrics_port, -1, 65535},
                             Bound{"io_threads", options.io_threads, 0, 1024},
                             Bound{"header_bytes", options.header_bytes, 256, 16 << 20},
                             Bound{"body_bytes", options.body_bytes, 1, int64_t{1} << 31},
                             Bound{"json_bytes", options.json_bytes, 1, int64_t{1} << 30},
                             Bound{"header_time", options.header_time, 1, kMost},
                             Bound{"body_grace", options.body_grace, 1, kMost},
                             Bound{"least_rate", options.least_rate, 1, kMost},
                             Bound{"idle_time", options.idle_time, 1, kMost},
                             Bound{"connections", options.connections, 1, 1 << 20},
                             Bound{"bytes_in_flight", options.bytes_in_flight, 0, kMost}}) {
    if (bound.value < bound.least || bound.value > bound.most) {
      return Status(Code::kBadInput, cat(bound.name, " is ", bound.value,
                                         "; allowed: ", bound.least, " to ", bound.most));
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options,
                                              std::shared_ptr<Engine> engine) {
  LEAT_TRY(check(options));
  std::unique_ptr<AccessLog> log;
  if (!options.access_log.empty()) {
    LEAT_ASSIGN(log, AccessLog::open(options.access_log, options.access_log_json));
  }
  auto server = std::make_unique<HttpServer>(options, std::move(engine), std::move(log));
  LEAT_TRY(server->open());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace leat
