#include "serve/catalogue.h"

#include "base/text.h"

namespace leat {

std::string_view state_name(Served::State state) {
  switch (state) {
    case Served::State::kLoading:
      return "LOADING";
    case Served::State::kReady:
      return "READY";
    case Served::State::kUnavailable:
      return "UNAVAILABLE";
  }
  return "UNAVAILABLE";
}

bool Catalogue::AsNumber::operator()(const std::string& a, const std::string& b) const {
  // Without leading zeros, which versions do not have, the longer number is the larger.
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

void Catalogue::set(Served served) {
  auto entry = std::make_shared<const Served>(std::move(served));
  std::shared_ptr<const Served> old;  // let go outside the lock: it may end a session
  std::lock_guard lock(mutex_);
  auto& slot = names_[entry->name][entry->version];
  old = std::exchange(slot, entry);
}

Result<std::shared_ptr<const Served>> Catalogue::find(std::string_view name,
                                                      std::string_view version) const {
  std::lock_guard lock(mutex_);
  auto found = names_.find(name);
  if (found == names_.end()) {
    std::vector<std::string> names;
    for (const auto& [known, versions] : names_) names.push_back(known);
    std::string_view near = nearest(name, names);
    std::string hint = names.empty()   ? "; nothing is served"
                       : !near.empty() ? cat("; did you mean \"", near, "\"?")
                                       : "; POST /v2/repository/index lists what there is";
    return Status(Code::kNotFound, cat("there is no model \"", name, "\"", hint));
  }
  const Versions& versions = found->second;
  std::shared_ptr<const Served> served;
  if (version.empty()) {
    for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
      if (!served ||
          (served->state != Served::State::kReady && it->second->state == Served::State::kReady)) {
        served = it->second;
      }
    }
  } else {
    auto exact = versions.find(std::string(version));
    if (exact == versions.end()) {
      std::vector<std::string> known;
      for (const auto& [number, entry] : versions) known.push_back(number);
      return Status(Code::kNotFound, cat("model \"", name, "\" has no version ", version,
                                         "; there is ", join_or(known)));
    }
    served = exact->second;
  }
  if (served->state == Served::State::kReady) return served;
  return Status(Code::kUnavailable,
                cat("model \"", name, "\" version ", served->version, " is ",
                    served->state == Served::State::kLoading ? "still loading" : "not available",
                    served->reason.empty() ? "" : ": ", served->reason));
}

std::vector<std::shared_ptr<const Served>> Catalogue::all() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const Served>> list;
  for (const auto& [name, versions] : names_) {
    for (const auto& [version, entry] : versions) list.push_back(entry);
  }
  return list;
}

std::vector<std::string> Catalogue::versions(std::string_view name) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> list;
  if (auto found = names_.find(name); found != names_.end()) {
    for (const auto& [version, entry] : found->second) {
      if (entry->state == Served::State::kReady) list.push_back(version);
    }
  }
  return list;
}

bool Catalogue::ready() const {
  std::lock_guard lock(mutex_);
  if (loading_ > 0 || names_.empty()) return false;
  for (const auto& [name, versions] : names_) {
    for (const auto& [version, entry] : versions) {
      if (entry->state != Served::State::kReady) return false;
    }
  }
  return true;
}

void Catalogue::begin_loading() {
  std::lock_guard lock(mutex_);
  ++loading_;
}

void Catalogue::end_loading() {
  std::lock_guard lock(mutex_);
  --loading_;
}

}  // namespace leat
