#include "pipeline/admission.h"

#include <algorithm>

#include "base/text.h"

namespace leat {

Status Admission::check(const Site& site, Nanos now, Nanos deadline) {
  if (deadline == kNever) return {};
  Nanos shortest = site.shortest.load(std::memory_order_relaxed);
  Nanos ends = now + wait() + shortest;
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

}  // namespace leat
