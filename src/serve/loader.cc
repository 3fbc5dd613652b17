#include "serve/loader.h"

#include <algorithm>
#include <charconv>

#include "base/cpu.h"
#include "base/text.h"
#include "model/model.h"
#include "pipeline/compile.h"

namespace leat {

namespace fs = std::filesystem;

namespace {

bool is_pipeline(const fs::path& file) {
  return file.extension() == ".yaml" || file.extension() == ".yml";
}
bool is_served(const fs::path& file) { return is_pipeline(file) || is_model_name(file.string()); }

bool is_version(const std::string& text) {
  uint64_t number;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0 && text[0] != '0';
}

// In order. `error`: the folder cannot be read.
std::vector<fs::path> entries(const fs::path& folder, std::error_code& error) {
  std::vector<fs::path> list;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    list.push_back(it->path());
  }
  std::ranges::sort(list);
  return list;
}

// Adds a line to what is said already.
void join_failure(Status& all, const Status& one) {
  if (one.ok()) return;
  all = all.ok() ? one : Status(all.code(), cat(all.message(), "\n", one.message()));
}

}  // namespace

Loader::Loader(std::shared_ptr<Engine> engine, Catalogue& catalogue)
    : engine_(std::move(engine)), catalogue_(catalogue) {}

Loader::~Loader() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Status Loader::find_sources(const std::string& path, std::vector<Source>& sources) const {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return Status(Code::kNotFound, cat(path, ": there is no such file or directory"));
  }
  if (!fs::is_directory(path, error)) {
    sources.push_back({served_name(path), "1", path});
    return {};
  }
  size_t before = sources.size();
  std::vector<fs::path> inside = entries(path, error);
  if (error) return Status(Code::kBadInput, cat(path, ": cannot be read: ", error.message()));
  Status status;
  for (const fs::path& entry : inside) {
    if (!fs::is_directory(entry, error)) {
      if (is_served(entry)) sources.push_back({served_name(entry.string()), "1", entry.string()});
      continue;
    }
    for (const fs::path& version : entries(entry, error)) {
      if (!fs::is_directory(version, error) || !is_version(version.filename().string())) continue;
      std::vector<fs::path> files = entries(version, error);
      std::erase_if(files, [](const fs::path& file) { return !is_served(file); });
      auto chosen = files.begin();
      if (files.size() != 1) chosen = std::ranges::find(files, version / "model.onnx");
      if (chosen == files.end()) chosen = std::ranges::find(files, version / "model.xml");
      if (chosen == files.end()) {
        join_failure(
            status,
            Status(Code::kBadInput,
                   cat(version.string(), ": ", files.size(),
                       " pipeline or model files; one is wanted, or one called model.onnx or "
                       "model.xml")));
        continue;
      }
      sources.push_back({entry.filename().string(), version.filename().string(), chosen->string()});
    }
  }
  if (status.ok() && sources.size() == before) {
    return Status(Code::kBadInput, cat(path,
                                       ": nothing to serve; wanted are .yaml or .onnx files, .xml "
                                       "files with their .bin, or NAME/VERSION/model.onnx"));
  }
  return status;
}

Status Loader::load_source(const Source& source) {
  auto pipeline = engine_->load(source.file, {source.name, source.version});
  if (!pipeline.ok()) {
    auto old = catalogue_.find(source.name, source.version);
    Served served{source.name, source.version, Served::State::kUnavailable,
                  pipeline.status().message(), nullptr};
    if (old.ok()) {  // better the old one than none
      served.state = Served::State::kReady;
      served.reason = cat("its reload failed: ", served.reason);
      served.pipeline = (*old)->pipeline;
    }
    catalogue_.set(std::move(served));
    return pipeline.status();
  }
  catalogue_.set({source.name, source.version, Served::State::kReady, "", *std::move(pipeline)});
  return {};
}

Status Loader::load(const std::vector<std::string>& paths) {
  {
    std::lock_guard lock(loading_);
    paths_.insert(paths_.end(), paths.begin(), paths.end());
  }
  catalogue_.begin_loading();
  Status status = look();
  catalogue_.end_loading();
  return status;
}

Status Loader::look() {
  std::lock_guard lock(loading_);
  Status status;
  std::vector<Source> sources;
  for (const std::string& path : paths_) join_failure(status, find_sources(path, sources));
  std::map<Source, Stamp> now;
  std::map<std::pair<std::string, std::string>, std::string> taken;
  for (const Source& source : sources) {
    auto [other, fresh] = taken.try_emplace({source.name, source.version}, source.file);
    if (!fresh) {
      if (other->second != source.file) {
        join_failure(status, Status(Code::kBadInput,
                                    cat(source.file, ": ", other->second, " is served as \"",
                                        source.name, "\" version ", source.version,
                                        " already; say another `name:` in one of them, or give "
                                        "one another file name")));
      }
      continue;
    }
    std::error_code error;
    now[source] = {fs::last_write_time(source.file, error), fs::file_size(source.file, error)};
    if (!loaded_.contains(source) && !catalogue_.find(source.name, source.version).ok()) {
      catalogue_.set({source.name, source.version, Served::State::kLoading, "", nullptr});
    }
  }
  for (const auto& [source, stamp] : loaded_) {
    if (taken.contains({source.name, source.version})) continue;
    catalogue_.set(
        {source.name, source.version, Served::State::kUnavailable, "its file has gone", nullptr});
  }
  for (const auto& [source, stamp] : now) {
    auto old = loaded_.find(source);
    if (old != loaded_.end() && old->second == stamp) continue;
    join_failure(status, load_source(source));
  }
  loaded_ = std::move(now);
  return status;
}

void Loader::watch(int64_t interval) {
  std::lock_guard once(mutex_);
  if (thread_.joinable()) return;
  thread_ = std::thread([this, interval] {
    name_thread("leat-watch");
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::nanoseconds(interval), [this] { return ended_; })) {
      lock.unlock();
      Status seen = look();  // what failed is told by the index
      lock.lock();
    }
  });
}

}  // namespace leat
