// Ports and threads: accepts connections and spreads them over the loops, the emptiest first.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "leat/server.h"
#include "serve/http/counters.h"
#include "serve/http/loop.h"

namespace leat {

class Site;

class Front {
 public:
  explicit Front(const ServerOptions& options);
  ~Front();  // stops without waiting

  // Before begin(). Returns the port that was bound. `site` outlives this.
  Result<int> listen(const std::string& host, int port, Site& site);
  void begin();
  // See Server::stop().
  bool stop(int64_t nanos);

  const ServerOptions& options() const { return options_; }
  const std::shared_ptr<HttpCounters>& counters() const { return counters_; }
  const Clock& clock() const { return clock_; }
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  int64_t most_bytes() const { return most_bytes_; }

  // Exchanges under way, counted by the connections. Those that begin while the server stops are
  // not (enter() says false, and leave() must not follow): clients that keep coming would hold it.
  bool enter() {
    if (stopping()) return false;
    busy_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  void leave();

 private:
  class Listener;
  struct Thread {
    explicit Thread(const Clock& clock) : loop(clock) {}
    Loop loop;
    std::atomic<int> connections{0};
    std::thread thread;
  };
  void adopt(int descriptor, Site& site);
  template <typename Act>
  void on_each(Act act);  // posts act(loop) to every loop

  const ServerOptions options_;
  const Clock& clock_;
  const int64_t most_bytes_;
  std::shared_ptr<HttpCounters> counters_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> busy_{0};
  std::mutex mutex_;  // for the wait until busy_ is 0
  std::condition_variable quiet_;
  std::mutex stop_mutex_;
  bool stopped_ = false;  // guarded by stop_mutex_
  bool ended_ = true;     // what stop() said
};

}  // namespace leat
