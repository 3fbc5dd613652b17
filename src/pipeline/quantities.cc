// Durations, sizes and lists of CPUs, as users write them.
#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "pipeline/format.h"

namespace leat {

Result<Nanos> parse_duration(std::string_view text) {
  constexpr std::pair<std::string_view, Nanos> kUnits[] = {
      {"us", kMicrosecond}, {"ms", kMillisecond}, {"s", kSecond}, {"m", 60 * kSecond}};
  constexpr Nanos kLongest = 24 * 3600 * kSecond;
  size_t end = text.find_first_not_of("0123456789.");
  std::string_view digits = text.substr(0, end);
  std::string_view unit = end == std::string_view::npos ? "" : text.substr(end);
  double amount = 0;
  auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), amount);
  if (error == std::errc() && stop == digits.data() + digits.size()) {
    for (auto [name, nanos] : kUnits) {
      double value = amount * static_cast<double>(nanos);
      if (unit == name && value <= static_cast<double>(kLongest)) {
        return static_cast<Nanos>(std::llround(value));
      }
    }
  }
  return Status(Code::kBadInput,
                "a duration up to a day is wanted, with its unit: 50us, 500ms, 1.5s or 2m");
}

namespace {
// All of the text, or nothing.
template <typename T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}
}  // namespace

Result<uint64_t> parse_size(std::string_view text) {
  constexpr std::pair<std::string_view, int> kUnits[] = {
      {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"", 0}};
  for (auto [unit, bits] : kUnits) {
    if (!text.ends_with(unit)) continue;
    auto count = whole_number<uint64_t>(text.substr(0, text.size() - unit.size()));
    if (count && *count <= uint64_t{INT64_MAX} >> bits) return *count << bits;
    break;
  }
  return Status(Code::kBadInput, "a size like 512KiB or 64MiB wanted");
}

Result<std::vector<int>> parse_cpus(std::string_view text) {
  constexpr int kMost = 1024;
  std::vector<int> cpus;
  for (std::string_view part : split(text, ',')) {
    size_t dash = part.find('-');
    auto first = whole_number<int>(part.substr(0, dash));
    auto last = dash == std::string_view::npos ? first : whole_number<int>(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last >= kMost) {
      return Status(Code::kBadInput, "a list of CPUs like 0-3,6 wanted");
    }
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace leat
