// What the benchmarks share: interleaved medians, and a table that states targets beside figures.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace bench {

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// Runs every candidate once a round, in turn, so that a noisy moment hits all alike; the figures of
// each, round by round. A candidate returns its figure of one round.
inline std::vector<std::vector<double>> interleave(
    int rounds, const std::vector<std::function<double()>>& candidates) {
  std::vector<std::vector<double>> figures(candidates.size());
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < candidates.size(); ++i) figures[i].push_back(candidates[i]());
  }
  return figures;
}

// The median over rounds of a[i] / b[i]: what stands still when the machine does not.
inline double ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(ratios);
}

inline void row(const std::string& what, double figure, const char* unit,
                const std::string& target = "") {
  std::printf("  %-58s %12.4g %-8s %s\n", what.c_str(), figure, unit, target.c_str());
  std::fflush(stdout);
}

inline void title(const char* text) { std::printf("%s\n", text); }

}  // namespace bench
