#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/text.h"
#include "cli/verb.h"
#include "leat/server.h"

namespace leat {

namespace {

class Serve final : public Verb {
 public:
  std::string_view name() const override { return "serve"; }
  std::string_view does() const override {
    return "Serves pipelines, models, or a repository of models.";
  }
  std::string_view example() const override {
    return "leat serve examples/classify/pipeline.yaml\n"
           "leat serve model.onnx --http 9000 --access-log -\n";
  }
  bool has_settings() const override { return true; }

  std::vector<Flag> flags() override {
    return {
        {.name = "PATH",
         .takes = "",
         .target = &paths_,
         .doc = "pipeline files, model files, or repository directories",
         .required = true},
        {"host", "ADDRESS", &server_.host, "address to listen on"},
        {.name = "http",
         .takes = "PORT",
         .target = &server_.http_port,
         .doc = "port of HTTP; 0: any free one",
         .min = 0,
         .max = 65535},
        {.name = "metrics",
         .takes = "PORT",
         .target = &server_.metrics_port,
         .doc = "port of /metrics; 0: any free one, -1: none",
         .min = -1,
         .max = 65535},
        {.name = "threads",
         .takes = "N",
         .target = &engine_.threads,
         .doc = "threads that run steps; 0: the CPU budget",
         .min = 0,
         .max = 4096},
        {.name = "io-threads",
         .takes = "N",
         .target = &server_.io_threads,
         .doc = "threads for connections; 0: half of the CPU budget",
         .min = 0,
         .max = 1024},
        {.name = "max-in-flight",
         .takes = "N",
         .target = &engine_.max_in_flight,
         .doc = "calls at once; more are answered 429",
         .min = 1,
         .max = 1e9},
        {.name = "connections",
         .takes = "N",
         .target = &server_.connections,
         .doc = "connections at once; more are answered 503",
         .min = 1,
         .max = 1e9},
        {"python", "PATH", &engine_.python,
         "interpreter, or virtual environment, of Python steps that name none"},
        {"body-limit", "SIZE", Bytes{&server_.body_bytes}, "largest body, also after inflating"},
        {"json-limit", "SIZE", Bytes{&server_.json_bytes}, "largest JSON document"},
        {"header-limit", "SIZE", Bytes{&server_.header_bytes}, "largest head of a request"},
        {"bytes-in-flight", "SIZE", Bytes{&server_.bytes_in_flight},
         "of bodies over all connections; more are answered 429. 0: a quarter of the memory"},
        {"header-time", "TIME", Duration{&server_.header_time}, "for the head of a request"},
        {"body-grace", "TIME", Duration{&server_.body_grace},
         "before a body or the reading of an answer must keep up the least rate"},
        {"least-rate", "SIZE", Bytes{&server_.least_rate}, "bytes a second after the grace"},
        {"idle-time", "TIME", Duration{&server_.idle_time}, "between requests of a connection"},
        {"drain", "TIME", Duration{&drain_}, "how long calls under way may take at the end"},
        {"watch", "", &server_.watch, "load again what changes on disk"},
        {"access-log", "FILE", &server_.access_log, "a line for each request; -: standard error"},
        {"access-log-json", "", &server_.access_log_json, "write the access log as JSON lines"},
    };
  }

  Status run(std::string& out) override {
    // Signals are waited for here; threads that start from now on inherit the mask.
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    signal(SIGPIPE, SIG_IGN);

    // By a thread of its own, since a step may take long to load.
    std::atomic<bool> loaded = false;
    std::jthread waits([&] {
      int signal_number = 0;
      sigwait(&ends, &signal_number);
      if (loaded) return;
      std::fputs("leat: stopped before everything was loaded\n", stderr);
      std::_Exit(0);
    });
    auto server = load();
    loaded = true;
    if (!server.ok()) {
      pthread_kill(waits.native_handle(), SIGTERM);  // there is nothing to wait for
      return server.status();
    }
    std::puts((*server)->banner().c_str());
    std::fflush(stdout);
    waits.join();
    bool all = (*server)->stop(drain_);
    out = all ? "leat: stopped\n" : "leat: stopped; calls that took too long were cancelled\n";
    return {};
  }

 private:
  Result<std::unique_ptr<Server>> load() {
    LEAT_ASSIGN(auto server, Server::start(server_, Engine::make(engine_)));
    LEAT_TRY(server->load(paths_));
    return server;
  }

  std::vector<std::string> paths_;
  ServerOptions server_;
  EngineOptions engine_;
  int64_t drain_ = 30'000'000'000;
};

}  // namespace

std::unique_ptr<Verb> make_serve() { return std::make_unique<Serve>(); }

}  // namespace leat
