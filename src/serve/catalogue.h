// What is served: names, their versions, and the pipeline behind each.
//
// Threads: any. A pipeline that is replaced lives on for the calls that have it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "leat/pipeline.h"

namespace leat {

struct Served {
  enum class State : uint8_t { kLoading, kReady, kUnavailable };
  std::string name;
  std::string version;
  State state = State::kLoading;
  std::string reason;                  // why it is not ready, or why its reload failed
  std::shared_ptr<Pipeline> pipeline;  // null unless ready
};

// "READY", "LOADING" or "UNAVAILABLE", as the protocol's repository index has them.
std::string_view state_name(Served::State state);

class Catalogue {
 public:
  // Puts it in place of what has the same name and version.
  void set(Served served);

  // A ready one; of the version, or of the latest that is ready when `version` is empty (versions
  // are compared as numbers). kNotFound, or kUnavailable with the reason.
  Result<std::shared_ptr<const Served>> find(std::string_view name, std::string_view version) const;
  std::vector<std::shared_ptr<const Served>> all() const;  // by name, then version
  std::vector<std::string> versions(std::string_view name) const;

  // Everything that was to be loaded has been, or has failed and says so; and nothing is missing.
  // False while nothing is served: a server listens before it begins to load.
  bool ready() const;
  // While something is being loaded for the first time the server is not ready.
  void begin_loading();
  void end_loading();

 private:
  struct AsNumber {
    bool operator()(const std::string& a, const std::string& b) const;
  };
  using Versions = std::map<std::string, std::shared_ptr<const Served>, AsNumber>;

  mutable std::mutex mutex_;
  std::map<std::string, Versions, std::less<>> names_;  // guarded by mutex_
  int loading_ = 0;                                     // guarded by mutex_
};

}  // namespace leat
