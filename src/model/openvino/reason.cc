#include "model/openvino/reason.h"

#include <algorithm>

#include "base/text.h"

namespace leat::ov {

namespace {

constexpr size_t kMost = 600;  // bytes; whole shape lists may follow

// "src/core/src/node.cpp:123" at the start of `text`, with what follows it cut off; else empty.
std::string_view source_place(std::string_view text) {
  std::string_view place = text.substr(0, text.find_first_of(" \n"));
  while (place.ends_with(':')) place.remove_suffix(1);
  size_t colon = place.rfind(':');
  bool is_place = place.starts_with("src/") && colon != std::string_view::npos;
  return is_place ? place : std::string_view{};
}

// What a line tells a person; empty: only where in the library it happened.
std::string told(std::string_view line) {
  line = trim(line);
  constexpr std::string_view kFrom = "Exception from ";
  if (line.starts_with(kFrom)) {
    std::string_view place = source_place(line.substr(kFrom.size()));
    if (!place.empty()) line = line.substr(kFrom.size() + place.size());
    while (line.starts_with(':') || line.starts_with(' ')) line.remove_prefix(1);
  }
  constexpr std::string_view kFailed = "' failed at src/";
  if (size_t at = line.find(kFailed), check = line.find("Check '"); check < at && at != line.npos) {
    std::string_view node = trim(line.substr(0, check));  // "[CPU] Reshape node with name 'fold'"
    size_t end = line.find(": ", at);
    std::string_view rest = end == line.npos ? std::string_view{} : trim(line.substr(end + 2));
    return cat(node, node.empty() ? "" : rest.empty() ? ":" : ": ", rest);
  }
  if (line.starts_with("FrontEnd API failed with ") && line.ends_with(':')) return {};
  if (line == "Loading input model" || line.starts_with("Summary:")) return {};
  if (line.starts_with("-- ")) line.remove_prefix(3);
  return std::string(line);
}

std::string joined(std::string_view message, std::string_view separator) {
  std::string all;
  for (std::string_view line : split(message, '\n')) {
    const std::string words = told(line);
    if (words.empty()) continue;
    if (!all.empty()) all += all.ends_with(':') ? " " : separator;
    all += words;
  }
  return all;
}

}  // namespace

std::string reason_of(std::string_view message) {
  size_t summary = message.rfind("\nSummary:");
  bool conversion = summary != std::string_view::npos;
  std::string line = conversion ? joined(message.substr(summary), "; ") : joined(message, " ");
  if (line.empty()) {  // there is but a failed check
    line = trim(message);
    std::ranges::replace(line, '\n', ' ');
  }
  if (line.size() > kMost) line = line.substr(0, kMost) + "...";
  return line;
}

}  // namespace leat::ov
