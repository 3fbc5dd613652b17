#include "pipeline/item_note.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace leat {

namespace {

void put(std::string& out, size_t value) {
  auto number = static_cast<uint32_t>(value);
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}
  uint32_t number() {
    uint32_t value = 0;
    std::string_view bytes = text(sizeof value);
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  std::string_view text(size_t bytes) {
    ok_ = ok_ && bytes <= left_.size();
    std::string_view part = left_.substr(0, ok_ ? bytes : 0);
    left_.remove_prefix(part.size());
    return part;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
  bool ok_ = true;
};

}  // namespace

std::string write_note(const ItemNote& note) {
  std::string out;
  put(out, note.whole.size());
  for (bool whole : note.whole) put(out, whole ? 1 : 0);
  auto failed = [](const Status& status) { return !status.ok(); };
  put(out, static_cast<size_t>(std::ranges::count_if(note.statuses, failed)));
  for (size_t i = 0; i < note.statuses.size(); ++i) {
    const Status& status = note.statuses[i];
    if (status.ok()) continue;
    put(out, i);
    put(out, static_cast<size_t>(status.code()));
    put(out, status.message().size());
    out += status.message();
  }
  return out;
}

Result<ItemNote> read_note(std::string_view text, size_t ports, size_t items) {
  const Status wrong(Code::kStepFailed, "the worker's answer cannot be: its note is wrong");
  Reader reader(text);
  ItemNote note;
  if (reader.number() != ports) return wrong;
  for (size_t i = 0; i < ports; ++i) note.whole.push_back(reader.number() != 0);
  uint32_t failures = reader.number();
  if (!reader.ok() || failures > items) return wrong;
  if (failures > 0) note.statuses.resize(items);
  for (uint32_t i = 0; i < failures; ++i) {
    uint32_t item = reader.number(), code = reader.number(), length = reader.number();
    std::string_view message = reader.text(length);
    if (!reader.ok() || item >= items || code == 0 || code > static_cast<uint32_t>(Code::kInternal))
      return wrong;
    note.statuses[item] = Status(static_cast<Code>(code), std::string(message));
  }
  if (!reader.at_end()) return wrong;
  return note;
}

}  // namespace leat
