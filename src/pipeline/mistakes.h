// Everything found wrong with a pipeline, so that all of it can be told at once.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "leat/status.h"
#include "pipeline/plan.h"

namespace leat {

class Mistakes {
 public:
  // The same mistake at the same place, one after the other, is told once.
  void add(const Place& place, std::string_view what);
  // The same; whatever else would be said of exactly this place follows from it and is not told.
  void add_last_word(const Place& place, std::string_view what);
  // Mistakes of `file` come after those of files named before it.
  void name_file(const std::string& file) { number_of(file); }
  // What an environment variable held; in every message `shown` stands in its place.
  void hide(std::string value, std::string shown);
  std::string hidden(std::string_view text) const;  // `text` with every such value replaced

  size_t count() const { return all_.size(); }
  // kBadInput with one line for every mistake: file by file as they were first mentioned, then by
  // place.
  Status status() const;

 private:
  size_t number_of(const std::string& file);

  struct Mistake {
    size_t file;  // index into files_
    Place place;
    std::string what;
  };
  std::vector<std::string> files_;
  std::vector<Mistake> all_;
  std::vector<Place> settled_;
  std::vector<std::pair<std::string, std::string>> hidden_;  // longest values first
};

}  // namespace leat
