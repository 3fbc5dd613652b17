#include "serve/protocol/json_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace leat {

// By the table of well-formed sequences in the Unicode standard (chapter 3, table 3-7).
size_t valid_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  size_t size = text.size();
  size_t i = 0;
  auto tail = [&](size_t at) { return at < size && (bytes[at] & 0xC0) == 0x80; };
  while (i < size) {
    uint64_t eight;
    while (i + 8 <= size &&
           (std::memcpy(&eight, bytes + i, 8), (eight & 0x8080808080808080) == 0)) {
      i += 8;
    }
    if (i == size) break;
    uint8_t lead = bytes[i];
    if (lead < 0x80) {
      i += 1;
    } else if (lead >= 0xC2 && lead <= 0xDF && tail(i + 1)) {
      i += 2;
    } else if ((lead & 0xF0) == 0xE0 && tail(i + 1) && tail(i + 2)) {
      if (lead == 0xE0 && bytes[i + 1] < 0xA0) return i;  // overlong
      if (lead == 0xED && bytes[i + 1] > 0x9F) return i;  // surrogates
      i += 3;
    } else if (lead >= 0xF0 && lead <= 0xF4 && tail(i + 1) && tail(i + 2) && tail(i + 3)) {
      if (lead == 0xF0 && bytes[i + 1] < 0x90) return i;
      if (lead == 0xF4 && bytes[i + 1] > 0x8F) return i;  // beyond U+10FFFF
      i += 4;
    } else {
      return i;
    }
  }
  return i;
}

namespace {

// Whether JSON and UTF-8 leave `text` as it is: no control character, quote, backslash or byte
// beyond ASCII.
bool is_plain(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101, kTops = 0x80 * kOnes;
  uint64_t found = 0;  // has a top bit if some byte was not plain: no byte that is plain borrows
  for (; text.size() >= 8; text.remove_prefix(8)) {
    uint64_t eight;
    std::memcpy(&eight, text.data(), 8);
    uint64_t quote = eight ^ ('"' * kOnes), backslash = eight ^ ('\\' * kOnes);
    found |= eight | (eight - 0x20 * kOnes) | (quote - kOnes) | (backslash - kOnes);
  }
  for (char c : text) {
    if (static_cast<signed char>(c) < 0x20 || c == '"' || c == '\\') return false;
  }
  return (found & kTops) == 0;
}

void escape(std::string& out, std::string_view text) {
  size_t plain = 0;  // begin of what is copied as it is
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default: {
        constexpr char digits[] = "0123456789abcdef";
        out += "\\u00";
        out += digits[c >> 4];
        out += digits[c & 15];
      }
    }
  }
  out.append(text, plain);
}
}  // namespace

void JsonWriter::quoted(std::string_view text, std::string_view after) {
  if (is_plain(text)) {  // at one go
    size_t at = out_.size();
    out_.resize(at + comma_ + text.size() + 2 + after.size());
    char* to = out_.data() + at;
    if (comma_) *to++ = ',';
    *to++ = '"';
    to = std::copy(text.begin(), text.end(), to);
    *to++ = '"';
    std::copy(after.begin(), after.end(), to);
    return;
  }
  separate();
  out_ += '"';
  while (true) {
    size_t valid = valid_utf8(text);
    escape(out_, text.substr(0, valid));
    if (valid == text.size()) break;
    out_ += "\xEF\xBF\xBD";
    text.remove_prefix(valid + 1);
  }
  out_ += '"';
  out_ += after;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  quoted(name, ":");
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  quoted(text, "");
  comma_ = true;
  return *this;
}

template <typename T>
JsonWriter& JsonWriter::real(T value) {
  if (!std::isfinite(value)) return null();
  separate();
  char digits[40];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  comma_ = true;
  return *this;
}
template JsonWriter& JsonWriter::real(float);
template JsonWriter& JsonWriter::real(double);

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  comma_ = true;
  return *this;
}

}  // namespace leat
