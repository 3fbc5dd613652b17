// Writes JSON into a string, commas and escapes included.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace leat {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  // Text that is no UTF-8 is written with U+FFFD in place of each wrong byte.
  JsonWriter& string(std::string_view text);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  template <std::integral T>
  JsonWriter& number(T value) {
    separate();
    char digits[24];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    comma_ = true;
    return *this;
  }
  // The shortest form that reads back the same; NaN and infinities, which JSON lacks, become null.
  JsonWriter& number(float value) { return real(value); }
  JsonWriter& number(double value) { return real(value); }
  // A complete value, already in JSON.
  JsonWriter& raw(std::string_view json);

  // Shorthands for members.
  JsonWriter& member(std::string_view name, std::string_view text) {
    return key(name).string(text);
  }
  JsonWriter& member(std::string_view name, const char* text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, bool value) { return key(name).boolean(value); }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  JsonWriter& member(std::string_view name, T value) {
    return key(name).number(value);
  }

 private:
  template <typename T>
  JsonWriter& real(T value);
  void quoted(std::string_view text, std::string_view after);
  void separate() {
    if (comma_) out_ += ',';
  }
  JsonWriter& open(char bracket) {
    separate();
    out_ += bracket;
    comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_ += bracket;
    comma_ = true;
    return *this;
  }

  std::string& out_;
  bool comma_ = false;
};

// The length of the longest prefix of `text` that is valid UTF-8.
size_t valid_utf8(std::string_view text);

}  // namespace leat
