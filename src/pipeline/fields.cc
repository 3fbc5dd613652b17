// Fields: what a mapping of the file says, checked against the table of its keys.
#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/text.h"
#include "pipeline/format.h"

namespace leat {

namespace {

std::string plain(std::string_view takes) {  // without the marks of Markdown
  std::string out;
  for (char c : takes) {
    if (c != '`') out += c;
  }
  return out;
}

}  // namespace

Fields::Fields(const Node* mapping, const Table& table, Mistakes& mistakes)
    : table_(table), mapping_(mapping), values_(table.keys.size()) {
  if (mapping == nullptr) return;
  if (mapping->kind != Node::Kind::kMap) {
    mistakes.add(mapping->place(),
                 cat(mapping->description(), " found, a mapping (", table.name, ") wanted"));
    mapping_ = nullptr;
    return;
  }
  for (const Entry& entry : mapping->entries) {
    const KeySpec* key = table.find(entry.key.text);
    if (key == nullptr) {
      std::vector<std::string> names;
      for (const KeySpec& known : table.keys) names.emplace_back(known.name);
      std::string_view near = nearest(entry.key.text, names);
      std::string hint = near.empty() ? cat("; ", join_or(names), " may stand here")
                                      : cat("; did you mean ", near, "?");
      if (step_table().find(entry.key.text) != nullptr) {
        hint = "; it belongs to the step itself";
      }
      mistakes.add(entry.key.place(),
                   cat("unknown key \"", entry.key.shown, "\" in ", table.name, hint));
    } else if (mapping->find(key->name) == &entry.value &&  // of a key that comes twice, the first
               sound(*key, entry.value, mistakes)) {
      values_[static_cast<size_t>(key - table.keys.data())] = &entry.value;
    }
  }
  for (const KeySpec& key : table.keys) {
    if (key.required && mapping->find(key.name) == nullptr) {
      mistakes.add(mapping->place(),
                   cat("\"", key.name, "\" is missing; wanted: ", plain(key.takes)));
    }
  }
}

bool Fields::sound(const KeySpec& key, const Node& value, Mistakes& mistakes) const {
  auto wrong = [&](std::string_view wanted) {
    mistakes.add(value.place(),
                 cat(key.name, ": ", value.description(), " found, ", wanted, " wanted"));
    return false;
  };
  auto not_yet = [&](std::string_view what) {
    mistakes.add(value.place(), cat(what, ": not in this build"));
    return false;
  };
  auto fits = [&] {
    uint16_t forms = key.forms;
    if (forms & kAnything) return value.kind != Node::Kind::kNull;
    switch (value.kind) {
      case Node::Kind::kNull:
        return false;
      case Node::Kind::kList:
        return (forms & kList) != 0;
      case Node::Kind::kMap:
        return (forms & (kMapping | kTable)) != 0;
      case Node::Kind::kText:
        break;
    }
    if (forms & kText) return true;
    if (forms & kWord) {
      if (std::find(key.words.begin(), key.words.end(), value.text) != key.words.end()) return true;
    }
    if ((forms & kFlag) && value.flag()) return true;
    if ((forms & kInteger) && value.integer()) return true;
    if ((forms & kNumber) && value.number() && std::isfinite(*value.number())) return true;
    return (forms & kDuration) != 0;
  };
  if (!fits()) {
    if (value.is_text() && key.forms == kWord) {
      std::vector<std::string> words(key.words.begin(), key.words.end());
      std::string_view near = nearest(value.text, words);
      if (!near.empty()) return wrong(cat(join_or(words), " (did you mean ", near, "?)"));
    }
    return wrong(plain(key.takes));
  }
  if ((key.forms & (kInteger | kNumber)) && value.number()) {
    double number = *value.number();
    if (number < key.min || number > key.max) {
      if (key.min == key.max) return wrong(bound_text(key.min));
      bool above = key.min > -1e300;
      bool below = key.max < 1e300;
      return wrong(above && below ? cat("from ", bound_text(key.min), " to ", bound_text(key.max))
                   : above        ? cat("at least ", bound_text(key.min))
                                  : cat("at most ", bound_text(key.max)));
    }
  }
  if (key.forms == kDuration) {
    auto parsed = parse_duration(value.text);
    if (!parsed.ok()) {
      mistakes.add(value.place(),
                   cat(key.name, ": ", value.description(), " found; ", parsed.status().message()));
      return false;
    }
  }
  if (key.not_yet) return not_yet(cat("\"", key.name, "\""));
  for (std::string_view word : key.words_not_yet) {
    if (value.is_text() && split(value.text, ':')[0] == word) {
      return not_yet(cat(key.name, ": ", value.shown));
    }
  }
  return true;
}

const Node* Fields::find(std::string_view key) const {
  const KeySpec* spec = table_.find(key);
  assert(spec != nullptr);
  return values_[static_cast<size_t>(spec - table_.keys.data())];
}

namespace {
// A default as a node, so that it is read like what users write.
Node fallback(const Table& table, std::string_view key) {
  Node node;
  node.text = table.find(key)->fallback;
  if (!node.text.empty()) node.kind = Node::Kind::kText;
  return node;
}
}  // namespace

int64_t Fields::integer(std::string_view key) const {
  const Node* node = find(key);
  return (node ? node->integer() : fallback(table_, key).integer()).value_or(0);
}

double Fields::number(std::string_view key) const {
  const Node* node = find(key);
  return (node ? node->number() : fallback(table_, key).number()).value_or(0);
}

bool Fields::flag(std::string_view key) const {
  const Node* node = find(key);
  return (node ? node->flag() : fallback(table_, key).flag()).value_or(false);
}

Nanos Fields::duration(std::string_view key) const {
  const Node* node = find(key);
  auto parsed = parse_duration(node ? node->text : fallback(table_, key).text);
  return parsed.ok() ? *parsed : kNever;
}

std::string Fields::text(std::string_view key) const {
  const Node* node = find(key);
  return node ? node->text : fallback(table_, key).text;
}

Place Fields::place() const { return mapping_ ? mapping_->place() : Place{}; }

}  // namespace leat
