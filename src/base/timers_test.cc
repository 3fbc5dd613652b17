#include "base/timers.h"

#include <gmock/gmock.h>

#include <atomic>
#include <deque>
#include <random>
#include <set>

namespace leat {
namespace {

class Bell final : public Timer {
 public:
  Bell(int name, std::vector<int>& log) : name_(name), log_(log) {}
  void fire() override { log_.push_back(name_); }

 private:
  const int name_;
  std::vector<int>& log_;
};

TEST(Timers, FireInOrderWhenTheyAreDueAndNotBefore) {
  std::mt19937 dice(3);
  for (int round = 0; round < 50; ++round) {
    ManualClock clock;
    Timers timers(clock, false);
    std::vector<int> log;
    std::deque<Bell> bells;
    std::vector<Nanos> due(30, kNever);  // the naive answer; kNever: not armed
    for (int i = 0; i < 30; ++i) bells.emplace_back(i, log);
    for (int act = 0; act < 200; ++act) {
      size_t i = dice() % bells.size();
      Nanos at = clock.now() + static_cast<Nanos>(dice() % 100);
      switch (dice() % 4) {
        case 0:
          timers.arm(bells[i], at);
          due[i] = at;
          break;
        case 1:
          timers.arm_no_later(bells[i], at);
          due[i] = std::min(due[i], at);
          break;
        case 2:
          ASSERT_EQ(timers.cancel(bells[i]), due[i] != kNever);
          due[i] = kNever;
          break;
        default: {
          clock.advance(static_cast<Nanos>(dice() % 30));
          std::multiset<Nanos> wanted;
          for (Nanos when : due) {
            if (when <= clock.now()) wanted.insert(when);
          }
          log.clear();
          ASSERT_EQ(timers.fire_due(), static_cast<int>(wanted.size()));
          std::vector<Nanos> fired;
          for (int name : log)
            fired.push_back(std::exchange(due[static_cast<size_t>(name)], kNever));
          ASSERT_TRUE(std::equal(fired.begin(), fired.end(), wanted.begin(), wanted.end()));
        }
      }
    }
    for (Bell& bell : bells) timers.cancel(bell);
  }
}

// Arms itself again and again.
class Again final : public Timer {
 public:
  Again(Timers& timers, const Clock& clock) : timers_(timers), clock_(clock) {}
  void fire() override {
    ++fired;
    fired.notify_all();
    timers_.arm(*this, clock_.now() + kMicrosecond);
  }
  std::atomic<int> fired{0};

 private:
  Timers& timers_;
  const Clock& clock_;
};

TEST(Timers, CancelEndsATimerThatArmsItself) {
  const SteadyClock& clock = SteadyClock::instance();
  Timers timers(clock, true);
  for (int round = 0; round < 200; ++round) {
    Again again(timers, clock);
    timers.arm(again, clock.now());
    again.fired.wait(0);
    timers.cancel(again);
    int fired = again.fired;
    EXPECT_FALSE(timers.cancel(again));
    EXPECT_EQ(again.fired, fired);
  }
}

TEST(Timers, AnEarlierTimeWakesTheSleeper) {
  const SteadyClock& clock = SteadyClock::instance();
  Timers timers(clock, true);
  Again far(timers, clock), near(timers, clock);
  timers.arm(far, clock.now() + 3600 * kSecond);
  timers.arm(near, clock.now() + kMillisecond);
  near.fired.wait(0);
  EXPECT_EQ(far.fired, 0);
  timers.cancel(near);
  timers.cancel(far);
}

}  // namespace
}  // namespace leat
