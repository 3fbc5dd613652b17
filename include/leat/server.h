// Serves pipelines over HTTP: the Open Inference Protocol, POST /run/NAME, GET /, and metrics.
//
//   auto server = leat::Server::start({}, leat::Engine::make({}));
//   if (!server.ok()) ...
//   (*server)->load({"faces.yaml"});
//   ...
//   (*server)->stop(10'000'000'000);
//
// What clients may send and get is in docs/serving.md. Threads: every function may be called from
// any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "leat/pipeline.h"
#include "leat/status.h"

namespace leat {

// Every limit and its default, in one place. Times in nanoseconds, sizes in bytes.
struct ServerOptions {
  std::string host = "127.0.0.1";  // an address, or a name of this machine
  int http_port = 8000;            // 0: any free one, see Server::http_port()
  int metrics_port = 8002;         // 0: any free one; -1: none
  int io_threads = 0;              // 0: half of the CPU budget, at least 1

  // What one client may cost.
  int64_t header_bytes = 16 << 10;
  int64_t body_bytes = 64 << 20;         // also after inflating
  int64_t json_bytes = 16 << 20;         // of a JSON document; larger tensors go as binary
  int64_t header_time = 10'000'000'000;  // from its first byte to its last
  int64_t body_grace = 10'000'000'000;   // a body (or reading an answer) may take this long, and
  int64_t least_rate = 64 << 10;         // beyond it must pass this many bytes a second
  int64_t idle_time = 75'000'000'000;    // between two requests of a connection
  // What all of them together may.
  int64_t connections = 4096;   // more are answered 503 and closed
  int64_t bytes_in_flight = 0;  // of bodies; more are answered 429. 0: a quarter of the memory

  std::string access_log;        // a file to append to, "-" for standard error; empty: none
  bool access_log_json = false;  // JSON lines in place of text
  bool watch = false;            // load() also follows changes of what it loaded
  const Clock* clock = nullptr;  // only tests need it
};

class Server {
 public:
  // Opens the ports: alive from here on, ready once load() has ended. kBadInput names the option or
  // the address that is wrong. `engine` may be null when only serve() is used.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options,
                                               std::shared_ptr<Engine> engine);
  virtual ~Server() = default;  // stops without waiting

  // Loads pipeline files, bare model files, or repository directories (NAME/VERSION/model.onnx) and
  // serves them. What loads is served even if something else does not; the Status then holds a line
  // for each that failed.
  virtual Status load(const std::vector<std::string>& paths) = 0;
  // Serves a pipeline that was loaded elsewhere, in place of what had that name and version.
  virtual void serve(const std::string& name, const std::string& version,
                     std::shared_ptr<Pipeline> pipeline) = 0;

  virtual int http_port() const = 0;
  virtual int metrics_port() const = 0;  // -1: none
  // One line for a person: addresses and what is served.
  virtual std::string banner() const = 0;

  // From now on new requests get 503 and connections are closed after their answer. Waits until
  // those under way have been answered, at most `nanos`; then cancels the rest, which get 503. True
  // if all ended by themselves. The ports are closed afterwards.
  virtual bool stop(int64_t nanos) = 0;
};

}  // namespace leat
