#include "serve/http/request_head.h"

#include <charconv>

#include "base/text.h"

namespace leat {

void RequestHead::clear() {
  method = Method::kOther;
  verb.clear();
  path.clear();
  query.clear();
  for (std::string& field : fields) field.clear();
  length.reset();
  chunked = false;
  keep_alive = true;
  expects_continue = false;
}

std::string_view RequestHead::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    size_t end = rest.find('&');
    std::string_view pair = rest.substr(0, end);
    size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return {};
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    uint8_t byte = 0;
    if (text[i] == '%' && text.size() - i > 2) {
      const char* digits = text.data() + i + 1;
      auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
      if (error == std::errc() && end == digits + 2) {
        out += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

namespace {
bool same_letters(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}
}  // namespace

bool lists(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    size_t end = list.find(',');
    std::string_view item = list.substr(0, end);
    size_t semicolon = item.find(';');
    if (same_letters(trim(item.substr(0, semicolon)), wanted)) {
      std::string_view weight =
          semicolon == std::string_view::npos ? "" : trim(item.substr(semicolon + 1));
      return !(weight == "q=0" || weight == "q=0.0" || weight == "q=0.00" || weight == "q=0.000");
    }
    if (end == std::string_view::npos) break;
    list.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace leat
