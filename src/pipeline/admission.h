// Refuses at the door what cannot be answered in time.
//
// Every pipeline knows what one of its calls usually costs in CPU time, and how long the shortest
// way through it takes. The work that calls under way still need, divided by the threads, is how
// long a new call must wait at least; if that and its own shortest way pass its deadline it is
// refused now, when refusing costs next to nothing. Both are lower bounds on purpose: a call that
// could have been answered should not be refused. One call every kProbe is let in whatever the
// numbers say, so that they cannot stay wrong.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "leat/status.h"

namespace leat {

class Admission {
 public:
  static constexpr Nanos kProbe = 100 * kMillisecond;

  // Of one pipeline.
  struct Site {
    std::atomic<Nanos> usual_cost{0};  // CPU time of a call, smoothed; 0: not known
    std::atomic<Nanos> shortest{0};    // time of a call that met no other, smoothed low
  };

  explicit Admission(int threads) : threads_(threads) {}

  // Ok, or kOverloaded when a call that must end by `deadline` cannot.
  Status check(const Site& site, Nanos now, Nanos deadline);

  // A call has been let in: the work it will probably need, to be given back by work_done().
  Nanos expect(const Site& site);
  void work_done(Nanos part) { backlog_.fetch_sub(part, std::memory_order_relaxed); }
  // What a call that succeeded has cost and how long it took.
  static void learn(Site& site, Nanos cost, Nanos took);

  // A call for which wait() said `predicted` began after `waited` (or gave up then).
  void waited(Nanos predicted, Nanos waited);

  // How long the work that has been let in keeps all threads busy, by what it usually costs.
  Nanos wait() const {
    Nanos backlog = backlog_.load(std::memory_order_relaxed);
    return backlog > 0 ? backlog / threads_ : 0;
  }

 private:
  const int threads_;
  std::atomic<Nanos> backlog_{0};
  std::atomic<Nanos> next_probe_{0};
  std::atomic<int64_t> stretch_{kUnit};  // of wait(), in parts of kUnit
  static constexpr int64_t kUnit = 1024;
};

}  // namespace leat
