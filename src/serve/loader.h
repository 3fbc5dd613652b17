// Fills the catalogue from files, and again when they change.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serve/catalogue.h"

namespace leat {

class Loader {
 public:
  Loader(std::shared_ptr<Engine> engine, Catalogue& catalogue);
  ~Loader();

  // Loads a pipeline file, a model file, or a directory: of pipeline and model files, or a
  // repository of NAME/VERSION/FILE (VERSION a whole number from 1; FILE the only pipeline or model
  // file, or model.onnx). The Status has a line for each that failed.
  Status load(const std::vector<std::string>& paths);

  // Looks now whether anything changed, came or went since the last look, and follows. A file that
  // fails to load leaves the version that was there; what has gone becomes unavailable.
  Status look();
  // Looks every `interval` nanoseconds, on a thread of its own, until this ends.
  void watch(int64_t interval);

 private:
  struct Source {
    std::string name, version, file;
    bool operator==(const Source&) const = default;
    auto operator<=>(const Source&) const = default;
  };
  using Stamp = std::pair<std::filesystem::file_time_type, uintmax_t>;  // of a file: time, size

  Status find_sources(const std::string& path, std::vector<Source>& sources) const;
  Status load_source(const Source& source);

  const std::shared_ptr<Engine> engine_;
  Catalogue& catalogue_;
  std::mutex loading_;              // one load or look at a time
  std::vector<std::string> paths_;  // guarded by loading_
  std::map<Source, Stamp> loaded_;  // guarded by loading_

  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace leat
