#include "cli/bench/load.h"

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <mutex>
#include <random>
#include <semaphore>
#include <thread>

#include "base/cpu.h"
#include "base/histogram.h"

namespace leat {

namespace {

// Ends of calls, from any thread.
class Recorder {
 public:
  void add(const CallEnd& end, Nanos latency) {
    Shard& shard = shards_[thread_number() % kShards];
    std::lock_guard lock(shard.mutex);
    if (end.code.empty()) {
      shard.latencies.push_back(latency);
      return;
    }
    ++shard.errors[end.code];
    if (shard.first_error.empty()) shard.first_error = end.message;
  }
  Outcome outcome() {
    Outcome all;
    for (Shard& shard : shards_) {
      std::lock_guard lock(shard.mutex);
      all.latencies.insert(all.latencies.end(), shard.latencies.begin(), shard.latencies.end());
      for (const auto& [code, count] : shard.errors) all.errors[code] += count;
      if (all.first_error.empty()) all.first_error = shard.first_error;
    }
    std::ranges::sort(all.latencies);
    return all;
  }

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    std::vector<Nanos> latencies;  // guarded by mutex, like the others
    std::map<std::string, int64_t> errors;
    std::string first_error;
  };
  std::array<Shard, kShards> shards_;
};

Nanos now() { return SteadyClock::instance().now(); }

void sleep_until(Nanos when) {
  timespec at{when / kSecond, when % kSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

// Calls under way, so that the end can be waited for.
class Pending {
 public:
  void begin() { count_.fetch_add(1); }
  void end() {
    if (count_.fetch_sub(1) == 1) count_.notify_all();
  }
  void wait() {
    for (int64_t count = count_.load(); count > 0; count = count_.load()) count_.wait(count);
  }

 private:
  std::atomic<int64_t> count_{0};
};

void single_stream(Target& target, const Load& load, Nanos begin, Recorder& recorder) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (int caller = 0; caller < load.callers; ++caller) {
    threads.emplace_back([&] {
      for (Nanos from = now(); from - begin < load.duration;) {
        CallEnd end = target.call(next.fetch_add(1));
        Nanos to = now();
        recorder.add(end, to - from);
        from = to;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

Nanos server(Target& target, const Load& load, Nanos begin, Recorder& recorder) {
  // Asleep to the microsecond, not to the usual fifty.
  prctl(PR_SET_TIMERSLACK, 1);
  Pending pending;
  Nanos late = 0;
  size_t i = 0;
  for (Nanos arrival : poisson_arrivals(load.rate, load.duration)) {
    Nanos due = begin + arrival;
    if (now() < due) sleep_until(due);
    late = std::max(late, now() - due);
    pending.begin();
    target.start(i++, [&recorder, &pending, due](const CallEnd& end) {
      recorder.add(end, now() - due);
      pending.end();
    });
  }
  pending.wait();
  return late;
}

void offline(Target& target, const Load& load, Nanos begin, Recorder& recorder) {
  Pending pending;
  std::counting_semaphore<> room(load.callers);
  for (size_t i = 0; now() - begin < load.duration; ++i) {
    room.acquire();
    pending.begin();
    target.start(i, [&recorder, &pending, &room, from = now()](const CallEnd& end) {
      recorder.add(end, now() - from);
      room.release();
      pending.end();
    });
  }
  pending.wait();
}

}  // namespace

Nanos Outcome::quantile(double q) const {
  if (latencies.empty()) return 0;
  auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(latencies.size())));
  return latencies[std::clamp<size_t>(rank, 1, latencies.size()) - 1];
}

double Outcome::per_second() const {
  return static_cast<double>(latencies.size()) * kSecond /
         static_cast<double>(std::max<Nanos>(took, 1));
}

int64_t Outcome::calls() const {
  auto count = static_cast<int64_t>(latencies.size());
  for (const auto& [code, errors_of_code] : errors) count += errors_of_code;
  return count;
}

std::vector<Nanos> poisson_arrivals(double rate, Nanos duration) {
  std::mt19937_64 random(1);
  std::exponential_distribution<double> gap(rate);
  std::vector<Nanos> arrivals;
  for (double at = gap(random); at * kSecond < static_cast<double>(duration); at += gap(random)) {
    arrivals.push_back(static_cast<Nanos>(at * kSecond));
  }
  return arrivals;
}

Outcome measure(Target& target, const Load& load) {
  Recorder recorder;
  Nanos cpu = process_cpu_nanos();
  Nanos begin = now();
  Nanos late = 0;
  switch (load.scenario) {
    case Load::Scenario::kSingleStream:
      single_stream(target, load, begin, recorder);
      break;
    case Load::Scenario::kServer:
      late = server(target, load, begin, recorder);
      break;
    case Load::Scenario::kOffline:
      offline(target, load, begin, recorder);
      break;
  }
  Nanos took = now() - begin;
  Outcome outcome = recorder.outcome();
  outcome.took = took;
  outcome.cpu = process_cpu_nanos() - cpu;
  outcome.late = late;
  return outcome;
}

}  // namespace leat
