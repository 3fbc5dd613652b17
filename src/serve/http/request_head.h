// What a request says before its body.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leat {

enum class Method : uint8_t { kGet, kHead, kPost, kOther };

// The fields that anybody here reads; all others are skipped.
enum class Field : uint8_t {
  kAccept,
  kAcceptEncoding,
  kContentEncoding,
  kContentType,
  kTensorHeader,
  kRequestId,
  kTrace,
};
constexpr int kFields = 7;

struct RequestHead {
  Method method = Method::kOther;
  std::string verb;                         // as sent
  std::string path;                         // percent-decoded segments are the reader's business
  std::string query;                        // without the question mark
  std::array<std::string, kFields> fields;  // empty: not sent, or sent empty
  std::optional<uint64_t> length;           // Content-Length
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;

  const std::string& operator[](Field field) const { return fields[static_cast<size_t>(field)]; }
  bool has_body() const { return chunked || length.value_or(0) > 0; }
  // Empties it and keeps its memory, for the next request.
  void clear();
  // The value of `name` in the query, not decoded; empty when absent.
  std::string_view parameter(std::string_view name) const;
};

// %41 becomes A. Bad escapes stay as they are.
std::string percent_decoded(std::string_view text);

// Is `wanted` (lower case) among the comma-separated items of `list`, and not with q=0?
bool lists(std::string_view list, std::string_view wanted);

}  // namespace leat
