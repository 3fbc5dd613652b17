#include "pipeline/mistakes.h"

#include <algorithm>
#include <cctype>
#include <tuple>

#include "base/text.h"

namespace leat {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// Short values ("2", "on") would be found inside words that have nothing to do with them.
constexpr size_t kShort = 4;

bool stands_alone(std::string_view text, size_t at, size_t length) {
  bool before = at > 0 && is_word(text[at - 1]);
  bool after = at + length < text.size() && is_word(text[at + length]);
  return !before && !after;
}

}  // namespace

std::string Place::text() const { return line > 0 ? cat(file, ":", line, ":", column) : file; }

void Mistakes::add(const Place& place, std::string_view what) {
  for (const Place& settled : settled_) {
    if (settled.line == place.line && settled.column == place.column &&
        settled.file == place.file) {
      return;
    }
  }
  std::string text = hidden(what);
  std::replace(text.begin(), text.end(), '\n', ' ');
  all_.push_back({number_of(place.file), place, std::move(text)});
}

void Mistakes::add_last_word(const Place& place, std::string_view what) {
  add(place, what);
  settled_.push_back(place);
}

size_t Mistakes::number_of(const std::string& file) {
  auto known = std::find(files_.begin(), files_.end(), file);
  auto number = static_cast<size_t>(known - files_.begin());
  if (known == files_.end()) files_.push_back(file);
  return number;
}

void Mistakes::hide(std::string value, std::string shown) {
  if (value.empty()) return;
  auto longer = [&](const auto& entry) { return entry.first.size() >= value.size(); };
  auto at = std::partition_point(hidden_.begin(), hidden_.end(), longer);
  hidden_.insert(at, {std::move(value), std::move(shown)});
}

std::string Mistakes::hidden(std::string_view text) const {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    auto match = std::find_if(hidden_.begin(), hidden_.end(), [&](const auto& entry) {
      return text.substr(i).starts_with(entry.first) &&
             (entry.first.size() >= kShort || stands_alone(text, i, entry.first.size()));
    });
    if (match == hidden_.end()) {
      out += text[i++];
    } else {
      out += match->second;
      i += match->first.size();
    }
  }
  return out;
}

Status Mistakes::status() const {
  if (all_.empty()) return {};
  std::vector<const Mistake*> sorted;
  for (const Mistake& mistake : all_) sorted.push_back(&mistake);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Mistake* a, const Mistake* b) {
    return std::tie(a->file, a->place.line, a->place.column) <
           std::tie(b->file, b->place.line, b->place.column);
  });
  std::string message;
  const Mistake* last = nullptr;
  for (const Mistake* mistake : sorted) {
    bool again = last != nullptr && last->file == mistake->file &&
                 last->place.line == mistake->place.line &&
                 last->place.column == mistake->place.column && last->what == mistake->what;
    last = mistake;
    if (again) continue;
    if (!message.empty()) message += '\n';
    message += cat(mistake->place.text(), ": ", mistake->what);
  }
  return Status(Code::kBadInput, std::move(message));
}

}  // namespace leat
