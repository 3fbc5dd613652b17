// What the server has done, since it began: counted where it happens, read by /metrics.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace leat {

struct HttpCounters {
  // Statuses that this server sends; the last entry takes any other.
  static constexpr std::array kStatuses = {200, 400, 404, 405, 408, 413, 415, 429,
                                           431, 499, 500, 501, 503, 504, 0};
  std::array<std::atomic<uint64_t>, kStatuses.size()> answers{};
  std::atomic<uint64_t> accepted{0};
  std::atomic<int64_t> open{0};
  std::atomic<uint64_t> received_bytes{0};
  std::atomic<uint64_t> sent_bytes{0};
  std::atomic<int64_t> body_bytes{0};  // held for bodies now
  // Why requests were refused or ended here, not in a pipeline.
  std::atomic<uint64_t> too_many_connections{0};
  std::atomic<uint64_t> too_many_bytes{0};
  std::atomic<uint64_t> admission{0};
  std::atomic<uint64_t> stopping{0};
  std::atomic<uint64_t> too_slow{0};
  std::atomic<uint64_t> client_left{0};

  void answered(int status) {
    size_t i = 0;
    while (i + 1 < kStatuses.size() && kStatuses[i] != status) ++i;
    answers[i].fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace leat
