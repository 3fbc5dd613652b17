// The pipeline file's keys: names, what they take, defaults and documentation, in one place. The
// checker (Fields), the JSON Schema (schema.h) and the tables of docs/pipeline.md (docs.cc) are
// made from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "pipeline/document.h"
#include "pipeline/mistakes.h"

namespace leat {

struct Table;

// What a key's value may be; a key may take several of these.
enum Form : uint16_t {
  kText = 1 << 0,
  kInteger = 1 << 1,
  kNumber = 1 << 2,
  kFlag = 1 << 3,
  kDuration = 1 << 4,  // "500ms"
  kWord = 1 << 5,      // one of KeySpec::words
  kList = 1 << 6,
  kMapping = 1 << 7,  // with keys that the user chooses
  kTable = 1 << 8,    // a mapping with the keys of KeySpec::table
  kAnything = 1 << 9,
};

struct KeySpec {
  std::string_view name;
  uint16_t forms;
  std::string_view takes;     // for people: "integer", "`fail`, `skip` or `{ use: ... }`"
  std::string_view fallback;  // the default as one would write it; empty: none
  std::string_view doc;
  std::vector<std::string_view> words = {};
  const Table* table = nullptr;
  double min = -1e300;  // of numbers
  double max = 1e300;
  bool required = false;
  bool not_yet = false;                              // understood, and refused in this build
  std::vector<std::string_view> words_not_yet = {};  // the same for single words
};

struct Table {
  std::string_view name;  // "step": for messages and headings
  std::string_view doc;
  std::vector<KeySpec> keys;
  const KeySpec* find(std::string_view key) const;
};

const Table& pipeline_table();  // the file itself
const Table& input_table();     // an input that is written as a mapping
const Table& step_table();
const Table& batch_table();
const Table& pad_table();
const Table& multiple_table();  // pad: { to: { multiple: 32 } }
const Table& trim_table();
const Table& queue_table();
const Table& worker_table();
const Table& signature_table();
const Table& use_table();    // on_error: { use: ... }
const Table& value_table();  // a constant
const Table& first_of_table();
const Table& gather_table();
const Table& optional_table();
std::vector<const Table*> all_tables();  // in the order of the documentation

// "500ms", "1.5s", "50us", "2m". kBadInput saying what is allowed.
Result<Nanos> parse_duration(std::string_view text);

// "512MiB", "2GiB", "1048576". kBadInput saying what is allowed.
Result<uint64_t> parse_size(std::string_view text);

// "0-3,6". kBadInput saying what is allowed.
Result<std::vector<int>> parse_cpus(std::string_view text);

// A mapping, checked against its table when made; what is wrong has been noted, and then reads as
// if it were not there.
class Fields {
 public:
  Fields(const Node* mapping, const Table& table, Mistakes& mistakes);

  const Node* find(std::string_view key) const;  // null: not there, or wrong
  // The value, or the table's default.
  int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;
  bool flag(std::string_view key) const;
  Nanos duration(std::string_view key) const;  // kNever when there is no default either
  std::string text(std::string_view key) const;
  Place place() const;

 private:
  bool sound(const KeySpec& key, const Node& value, Mistakes& mistakes) const;

  const Table& table_;
  const Node* mapping_;
  std::vector<const Node*> values_;  // as table_.keys
};

}  // namespace leat
