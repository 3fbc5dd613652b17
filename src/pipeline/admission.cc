#include "pipeline/admission.h"

#include <algorithm>

#include "base/text.h"

namespace leat {

Status Admission::check(const Site& site, Nanos now, Nanos deadline) {
  if (deadline == kNever) return {};
  Nanos shortest = site.shortest.load(std::memory_order_relaxed);
  Nanos stretched = wait() / kUnit * stretch_.load(std::memory_order_relaxed);
  Nanos ends = now + stretched + shortest;
  if (ends <= deadline) return {};
  Nanos probe = next_probe_.load(std::memory_order_relaxed);
  if (now >= probe && next_probe_.compare_exchange_strong(probe, now + kProbe)) return {};
  auto ms = [](Nanos nanos) { return nanos / kMillisecond; };
  return Status(Code::kOverloaded,
                cat("cannot be answered in time: ", ms(ends - now),
                    " ms of work at least, the deadline is in ", ms(deadline - now), " ms"));
}

Nanos Admission::expect(const Site& site) {
  Nanos cost = site.usual_cost.load(std::memory_order_relaxed);
  backlog_.fetch_add(cost, std::memory_order_relaxed);
  return cost;
}

void Admission::learn(Site& site, Nanos cost, Nanos took) {
  Nanos usual = site.usual_cost.load(std::memory_order_relaxed);
  site.usual_cost.store(usual == 0 ? cost : usual + (cost - usual) / 16, std::memory_order_relaxed);
  // Falls at once, rises slowly: the time of a call that found the machine free.
  Nanos shortest = site.shortest.load(std::memory_order_relaxed);
  site.shortest.store(shortest == 0 || took < shortest ? took : shortest + (took - shortest) / 1024,
                      std::memory_order_relaxed);
}

void Admission::waited(Nanos predicted, Nanos waited) {
  constexpr Nanos kTooShort = kMillisecond;  // to say anything about the machine
  if (predicted < kTooShort) return;
  int64_t seen = std::clamp<int64_t>(waited * kUnit / predicted, kUnit / 2, 16 * kUnit);
  int64_t stretch = stretch_.load(std::memory_order_relaxed);
  stretch_.store(stretch + (seen - stretch) / 16, std::memory_order_relaxed);
}

}  // namespace leat
