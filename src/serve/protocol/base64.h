// Base64 (RFC 4648, section 4), as {"b64": "..."} carries it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leat {

void append_base64(std::string& out, std::string_view bytes);
// The bytes; nullopt when `text` is none. Padding may be left out.
std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace leat
