// A YAML file as a small tree whose every node knows its place.
//
// What is bounded, so that a hostile file costs little: its size, its depth, and the nodes that it
// makes (an alias makes its target's nodes again). Keys are strings, and a key that comes twice is
// a mistake. In string values ${VAR} stands for an environment variable, ${VAR:-text} for `text`
// where that is not set or empty, and $${ for ${ itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "leat/status.h"
#include "pipeline/mistakes.h"

namespace leat {

struct Entry;

struct Node {
  enum class Kind : uint8_t { kNull, kText, kList, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;         // a text in quotes is never a number or a bool, unless
  bool expanded = false;       // it held variables (flow style wants quotes around ${})
  std::string text;            // with variables expanded
  std::string shown;           // as written: for messages
  std::vector<Node> list;      // of kList
  std::vector<Entry> entries;  // of kMap, in file order
  const std::string* file = nullptr;
  int line = 0;
  int column = 0;

  Place place() const { return {*file, line, column}; }
  bool is_text() const { return kind == Kind::kText; }
  const Node* find(std::string_view key) const;  // of kMap; null if it is not there

  // What the text reads as.
  std::optional<int64_t> integer() const;
  std::optional<double> number() const;  // also of integers; finite or .inf, .nan
  std::optional<bool> flag() const;

  // "the number 3", "a list": what stands here, for messages.
  std::string description() const;
};

// As a JSON value.
std::string json(const Node& node);
std::string json_text(std::string_view text);

struct Entry {
  Node key;
  Node value;
};

struct Document {
  std::string file;  // as messages name it
  Node root;
};

constexpr size_t kLargestFile = 1 << 20;

// Adds what is wrong to `mistakes` and gives what could be read; null if nothing could.
std::unique_ptr<Document> parse_document(std::string_view text, const std::string& file,
                                         Mistakes& mistakes);

// The bytes of a regular file of at most kLargestFile bytes.
Result<std::string> read_document(const std::string& path);

}  // namespace leat
