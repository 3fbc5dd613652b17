#include "model/onnx/reason.h"

#include <cctype>

#include "base/text.h"

namespace leat {

namespace {

constexpr size_t kMost = 600;  // bytes; ONNX Runtime may print whole shape lists

std::string_view after(std::string_view text, std::string_view mark) {
  size_t at = text.find(mark);
  return at == std::string_view::npos ? text : text.substr(at + mark.size());
}

std::string_view between(std::string_view text, std::string_view open, std::string_view close) {
  size_t begin = text.find(open);
  if (begin == std::string_view::npos) return {};
  begin += open.size();
  size_t end = text.find(close, begin);
  return end == std::string_view::npos ? std::string_view{} : text.substr(begin, end - begin);
}

// Past the brackets that open at `at`.
size_t past_brackets(std::string_view text, size_t at, char open, char close) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == open) ++depth;
    if (text[at] == close && --depth == 0) return at + 1;
  }
  return text.size();
}

// "/a/b.cc:12 void ns::f(int) const [with T = float] x > 0 was false. Why" -> "Why".
std::string_view without_source_place(std::string_view text) {
  size_t end = text.find(' ');
  std::string_view place = text.substr(0, end);
  size_t colon = place.rfind(':');
  if (end == std::string_view::npos || colon == std::string_view::npos || place[0] != '/' ||
      colon + 1 == place.size()) {
    return text;
  }
  for (char c : place.substr(colon + 1)) {
    if (!std::isdigit(static_cast<unsigned char>(c))) return text;
  }
  size_t arguments = text.find('(', end);
  if (arguments == std::string_view::npos) return text;
  std::string_view rest = trim(text.substr(past_brackets(text, arguments, '(', ')')));
  if (rest.starts_with("const ")) rest = trim(rest.substr(6));
  if (rest.starts_with("[with ")) rest = trim(rest.substr(past_brackets(rest, 0, '[', ']')));
  if (size_t at = rest.find(" was false. "); at != std::string_view::npos) {
    rest = trim(rest.substr(at + 12));
  }
  return rest.empty() ? text : rest;
}

}  // namespace

std::string reason_of(std::string_view message) {
  std::string_view what = message;
  std::string node;
  // A node with a subgraph that failed wraps the inner node's message: the inner one says more.
  constexpr std::string_view kInNode = "Non-zero status code returned while running ";
  if (size_t at = what.rfind(kInNode); at != std::string_view::npos) {
    what = what.substr(at + kInNode.size());
    std::string_view op = what.substr(0, what.find(" node"));
    std::string_view name = between(what, "Name:'", "'");
    node = name.empty() ? cat("node ", op, ": ") : cat("node ", name, " (", op, "): ");
    what = after(what, "Status Message: ");
  }
  if (what.starts_with("Load model from ")) what = after(what, " failed:");
  what = without_source_place(trim(what));
  constexpr std::string_view kException = "Exception during initialization: ";
  if (what.starts_with(kException)) what = without_source_place(what.substr(kException.size()));

  std::string line = node;
  for (char c : what) {
    bool space = std::isspace(static_cast<unsigned char>(c));
    if (space && (line.empty() || line.back() == ' ')) continue;
    line += space ? ' ' : c;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() > kMost) line = line.substr(0, kMost) + "...";
  return line;
}

}  // namespace leat
