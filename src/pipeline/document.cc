// The only source that knows yaml-cpp. Its parser calls us event by event, so that the tree is
// built under our own bounds.
#include "pipeline/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "base/text.h"

namespace leat {

namespace {

constexpr size_t kDeepest = 32;  // levels of lists and mappings
constexpr size_t kMostNodes = 50'000;

// Ends the parse: the mistake has been noted.
struct Stop : std::exception {};

std::string shortened(const std::string& text) {
  constexpr size_t kLongest = 60;
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

class Builder final : public YAML::EventHandler {
 public:
  Builder(Document& document, Mistakes& mistakes) : document_(document), mistakes_(mistakes) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node = at(mark);
    node.shown = "null";
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto target = anchors_.find(anchor);
    if (target == anchors_.end()) stop(mark, "an alias inside of what it stands for");
    count(mark, target->second.second);
    add(Node(target->second.first), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = at(mark);
    node.kind = Node::Kind::kText;
    node.quoted = tag != "?";
    node.shown = value;
    check_tag(mark, tag);
    bool is_key = !open_.empty() && open_.back().node.kind == Node::Kind::kMap &&
                  !open_.back().key.has_value();
    node.text = is_key ? value : expand(node);
    node.expanded = node.text != node.shown;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, Node::Kind::kList);
  }
  void OnSequenceEnd() override { end(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, Node::Kind::kMap);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    size_t nodes_before;
    std::optional<Node> key;     // of a mapping: waits for its value
    std::set<std::string> keys;  // of a mapping: so far
  };

  [[noreturn]] void stop(const YAML::Mark& mark, std::string_view what) {
    mistakes_.add({document_.file, mark.line + 1, mark.column + 1}, what);
    throw Stop();
  }

  Node at(const YAML::Mark& mark) {
    count(mark, 1);
    Node node;
    node.file = &document_.file;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void count(const YAML::Mark& mark, size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMostNodes) {
      stop(mark, cat("too large: more than ", kMostNodes, " values, aliases counted out"));
    }
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    mistakes_.add({document_.file, mark.line + 1, mark.column + 1},
                  cat("the tag ", shortened(tag), " means nothing here"));
  }

  void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
             Node::Kind kind) {
    if (open_.size() == kDeepest) stop(mark, cat("nested deeper than ", kDeepest, " levels"));
    check_tag(mark, tag);
    size_t before = nodes_;
    Node node = at(mark);
    node.kind = kind;
    open_.push_back({std::move(node), anchor, before, std::nullopt, {}});
  }

  void end() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    nodes_of_last_ = nodes_ - closed.nodes_before;
    add(std::move(closed.node), closed.anchor);
  }

  void add(Node node, YAML::anchor_t anchor) {
    bool leaf = node.kind == Node::Kind::kNull || node.kind == Node::Kind::kText;
    if (anchor != 0) anchors_[anchor] = {node, leaf ? 1 : nodes_of_last_};
    if (open_.empty()) {
      document_.root = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::kList) {
      parent.node.list.push_back(std::move(node));
    } else if (!parent.key) {
      if (!node.is_text()) {
        mistakes_.add(node.place(), cat("a key must be a text, not ", node.description()));
      } else if (!parent.keys.insert(node.text).second) {
        mistakes_.add(node.place(), cat("the key \"", shortened(node.shown), "\" comes twice"));
      }
      parent.key = std::move(node);
    } else {
      Node key = *std::exchange(parent.key, std::nullopt);
      if (key.is_text()) parent.node.entries.push_back({std::move(key), std::move(node)});
    }
  }

  std::string expand(const Node& node) {
    const std::string& text = node.shown;
    std::string out;
    for (size_t i = 0; i < text.size();) {
      if (text.compare(i, 3, "$${") == 0) {
        out += "${";
        i += 3;
        continue;
      }
      if (text.compare(i, 2, "${") != 0) {
        out += text[i++];
        continue;
      }
      size_t close = text.find('}', i);
      std::string inside = text.substr(i + 2, close == std::string::npos ? 0 : close - i - 2);
      size_t mark = inside.find(":-");
      std::string name = inside.substr(0, mark);
      bool sound = close != std::string::npos && !name.empty() &&
                   !std::isdigit(static_cast<unsigned char>(name[0]));
      for (char c : name) sound &= std::isalnum(static_cast<unsigned char>(c)) || c == '_';
      if (!sound) {
        mistakes_.add_last_word(node.place(),
                                cat("\"", shortened(text),
                                    "\": after ${ a variable's name and "
                                    "} are wanted, as in ${VAR} or ${VAR:-text}; write $${ "
                                    "for the characters themselves"));
        return text;
      }
      const char* value = std::getenv(name.c_str());
      if (value != nullptr && (*value != '\0' || mark == std::string::npos)) {
        out += value;
        mistakes_.hide(value, cat("${", name, "}"));
      } else if (mark != std::string::npos) {
        out += inside.substr(mark + 2);
      } else {
        mistakes_.add_last_word(node.place(),
                                cat("the environment variable ", name, " is not set; ${", name,
                                    ":-text} gives a default"));
      }
      i = close + 1;
    }
    return out;
  }

  Document& document_;
  Mistakes& mistakes_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, std::pair<Node, size_t>> anchors_;  // and how many nodes it has
  size_t nodes_ = 0;
  size_t nodes_of_last_ = 0;  // of the list or mapping that ended last
};

// What to do about a mistake of YAML, in addition to what its parser says.
std::string_view remedy(std::string_view parser_says) {
  constexpr std::pair<std::string_view, std::string_view> kRemedies[] = {
      {"end of map flow not found",
       "; close the { with a }, put a comma between entries, and put quotes around a text that "
       "holds { } [ ] or a comma, ${VAR} too"},
      {"end of sequence flow not found",
       "; close the [ with a ], put a comma between elements, and put quotes around a text that "
       "holds { } [ ] or a comma"},
      {"end of map not found",
       "; begin this line in the column of the entries above that it belongs to, with spaces and "
       "no tab"},
      {"end of sequence not found",
       "; begin this line in the column of the - above that it belongs to, with spaces and no tab"},
      {"illegal tab when looking for indentation", "; indent with spaces"},
      {"illegal map value", "; put quotes around a text that holds a colon and a space"},
      {"illegal EOF in scalar", "; a quote is not closed"}};
  for (auto [says, does] : kRemedies) {
    if (parser_says == says) return does;
  }
  return "";
}

template <typename T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key.text == key) return &entry.value;
  }
  return nullptr;
}

std::optional<int64_t> Node::integer() const {
  if (!is_text() || (quoted && !expanded)) return std::nullopt;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.starts_with('+') || digits.empty()) return std::nullopt;
  return whole_number<int64_t>(digits);
}

std::optional<double> Node::number() const {
  if (!is_text() || (quoted && !expanded)) return std::nullopt;
  std::string_view digits = text;
  if (digits == ".nan") return std::numeric_limits<double>::quiet_NaN();
  if (digits == ".inf" || digits == "+.inf") return std::numeric_limits<double>::infinity();
  if (digits == "-.inf") return -std::numeric_limits<double>::infinity();
  if (digits.starts_with('+')) digits.remove_prefix(1);
  // from_chars would also take "inf" and "nan", which are texts in YAML.
  if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
  return whole_number<double>(digits);
}

std::optional<bool> Node::flag() const {
  if (!is_text() || (quoted && !expanded)) return std::nullopt;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

std::string Node::description() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a mapping";
    case Kind::kText:
      break;
  }
  if (number()) return cat("the number ", shortened(shown));
  if (flag()) return shown;
  return cat("\"", shortened(shown), "\"");
}

std::unique_ptr<Document> parse_document(std::string_view text, const std::string& file,
                                         Mistakes& mistakes) {
  auto document = std::make_unique<Document>();
  document->file = file;
  mistakes.name_file(file);
  document->root.file = &document->file;
  document->root.line = document->root.column = 1;
  if (text.size() > kLargestFile) {
    mistakes.add({file, 0, 0}, cat("the file has ", text.size(), " bytes; at most ", kLargestFile,
                                   " are allowed"));
    return nullptr;
  }
  size_t zero = text.find('\0');
  if (zero != std::string_view::npos) {
    mistakes.add({file, 0, 0}, cat("byte ", zero, " is zero: this is no text file"));
    return nullptr;
  }
  std::istringstream stream{std::string(text)};
  Builder builder(*document, mistakes);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      mistakes.add(document->root.place(), "the file is empty");
      return nullptr;
    }
    Document second;
    second.file = file;
    Builder rest(second, mistakes);
    if (parser.HandleNextDocument(rest)) {
      mistakes.add(second.root.file ? second.root.place() : Place{file, 0, 0},
                   "a second document begins here; a file holds one pipeline");
    }
  } catch (const Stop&) {
    return nullptr;
  } catch (const YAML::Exception& error) {
    mistakes.add({file, error.mark.line + 1, error.mark.column + 1},
                 cat("YAML: ", error.msg, remedy(error.msg)));
    return nullptr;
  } catch (const std::exception& error) {
    mistakes.add({file, 0, 0}, cat("YAML: ", error.what()));
    return nullptr;
  }
  return document;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += cat('\\', c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      out += cat("\\u00", kHex[c >> 4], kHex[c & 15]);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json(const Node& node) {
  std::string out;
  switch (node.kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kText:
      if (auto flag = node.flag()) return *flag ? "true" : "false";
      if (auto integer = node.integer()) return cat(*integer);
      if (auto number = node.number(); number && std::isfinite(*number)) return cat(*number);
      return json_text(node.text);
    case Node::Kind::kList:
      for (const Node& child : node.list) out += cat(out.empty() ? "" : ",", json(child));
      return cat("[", out, "]");
    case Node::Kind::kMap:
      for (const Entry& entry : node.entries) {
        out += cat(out.empty() ? "" : ",", json_text(entry.key.text), ":", json(entry.value));
      }
      return cat("{", out, "}");
  }
  return out;
}

Result<std::string> read_document(const std::string& path) {
  std::error_code error;
  auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::none) {
    return Status(Code::kBadInput, cat("cannot be read: ", error.message()));
  }
  if (!std::filesystem::exists(status)) return Status(Code::kNotFound, "there is no such file");
  if (!std::filesystem::is_regular_file(status)) return Status(Code::kBadInput, "this is no file");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Status(Code::kBadInput, cat("cannot be read: ", std::strerror(errno)));
  std::string text(kLargestFile + 1, '\0');
  if (!stream.read(text.data(), static_cast<std::streamsize>(text.size())) && !stream.eof()) {
    return Status(Code::kBadInput, "the file cannot be read");
  }
  text.resize(static_cast<size_t>(stream.gcount()));
  return text;
}

}  // namespace leat
