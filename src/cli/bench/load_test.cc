#include "cli/bench/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "cli/bench/http.h"
#include "cli/bench/report.h"
#include "cli/bench/step_times.h"

namespace leat {
namespace {

// Counts what runs at once; every third call fails. start() ends calls on a thread of its own, in
// the order in which they came.
class Counting final : public Target {
 public:
  CallEnd call(size_t i) override {
    int now = running.fetch_add(1) + 1;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    calls.fetch_add(1);
    std::this_thread::yield();
    running.fetch_sub(1);
    return i % 3 == 2 ? CallEnd{"step_failed", "on purpose"} : CallEnd{};
  }
  void start(size_t i, std::function<void(const CallEnd&)> done) override { done(call(i)); }
  std::string metrics() override { return {}; }
  std::string name() const override { return "counting"; }

  std::atomic<int> running{0}, most{0};
  std::atomic<int64_t> calls{0};
};

TEST(Measure, EveryCallOfEveryScenarioIsCountedOnce) {
  for (auto scenario :
       {Load::Scenario::kSingleStream, Load::Scenario::kServer, Load::Scenario::kOffline}) {
    for (int callers : {1, 4}) {
      SCOPED_TRACE(testing::Message() << static_cast<int>(scenario) << " " << callers);
      Counting target;
      Load load{
          .scenario = scenario, .callers = callers, .rate = 20000, .duration = 20 * kMillisecond};
      Outcome outcome = measure(target, load);
      EXPECT_EQ(outcome.calls(), target.calls);
      EXPECT_GT(outcome.calls(), 3);
      EXPECT_EQ(outcome.errors["step_failed"], outcome.calls() / 3);
      EXPECT_EQ(outcome.first_error, "on purpose");
      EXPECT_LE(target.most, callers);
      EXPECT_GE(outcome.took, load.duration * (scenario == Load::Scenario::kServer ? 0 : 1));
      EXPECT_TRUE(std::ranges::is_sorted(outcome.latencies));
      if (scenario == Load::Scenario::kServer) {
        EXPECT_EQ(static_cast<size_t>(outcome.calls()),
                  poisson_arrivals(load.rate, load.duration).size());
      }
    }
  }
}

// A call that holds the only driver up makes the arrivals behind it late, and they say so.
TEST(Measure, LatencyCountsFromTheScheduledArrival) {
  static constexpr Nanos kHold = 60 * kMillisecond;
  class Slow final : public Target {
   public:
    CallEnd call(size_t) override { return {}; }
    void start(size_t i, std::function<void(const CallEnd&)> done) override {
      Nanos begin = SteadyClock::instance().now();
      while (i == 0 && SteadyClock::instance().now() - begin < kHold) {
      }
      done({});
    }
    std::string metrics() override { return {}; }
    std::string name() const override { return "slow"; }
  };
  Slow target;
  Load load{.scenario = Load::Scenario::kServer,
            .callers = 1,
            .rate = 1000,
            .duration = 50 * kMillisecond};
  auto arrivals = poisson_arrivals(load.rate, load.duration);
  Outcome outcome = measure(target, load);
  ASSERT_EQ(outcome.latencies.size(), arrivals.size());
  // All are held until the first ends: each waits at least from its arrival until then.
  Nanos end = arrivals[0] + kHold;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    EXPECT_GE(outcome.latencies[arrivals.size() - 1 - i], end - arrivals[i]);
  }
  EXPECT_GE(outcome.late, end - arrivals[1]);
}

TEST(Poisson, GapsHaveTheMeanAndTheSpreadOfTheirDistribution) {
  auto arrivals = poisson_arrivals(1000, 100 * kSecond);
  double count = static_cast<double>(arrivals.size());
  EXPECT_NEAR(count, 100'000, 4 * std::sqrt(100'000.0));
  double square = 0;
  for (size_t i = 1; i < arrivals.size(); ++i) {
    ASSERT_LE(arrivals[i - 1], arrivals[i]);
    double gap = static_cast<double>(arrivals[i] - arrivals[i - 1]) / kMillisecond - 1;
    square += gap * gap;
  }
  // The standard deviation of an exponential distribution is its mean.
  EXPECT_NEAR(std::sqrt(square / count), 1, 0.02);
}

TEST(Outcome, QuantilesAreLatenciesThatOccurred) {
  Outcome outcome;
  EXPECT_EQ(outcome.quantile(0.99), 0);
  for (int i = 1; i <= 1000; ++i) outcome.latencies.push_back(i);
  struct Row {
    double q;
    Nanos wanted;
  };
  for (auto [q, wanted] :
       {Row{0.5, 500}, {0.9, 900}, {0.99, 990}, {0.999, 999}, {1, 1000}, {0, 1}}) {
    EXPECT_EQ(outcome.quantile(q), wanted) << q;
  }
}

TEST(Report, BoundHoldsOnlyWithoutErrors) {
  Report report{.scenario = "server",
                .load = {.scenario = Load::Scenario::kServer, .rate = 5},
                .outcome = {},
                .steps = {},
                .latency_bound = 50 * kMillisecond,
                .server_cpu = {}};
  EXPECT_FALSE(report.bound_held());
  report.outcome.latencies.assign(200, 49 * kMillisecond);
  EXPECT_TRUE(report.bound_held());
  EXPECT_THAT(report.text(), testing::HasSubstr("p99           49.00 ms"));
  report.outcome.latencies[198] = report.outcome.latencies[199] = kSecond;
  EXPECT_TRUE(report.bound_held());
  report.outcome.latencies[197] = kSecond;
  EXPECT_FALSE(report.bound_held());
  report.outcome.latencies.assign(200, kMillisecond);
  report.outcome.errors["overloaded"] = 1;
  EXPECT_FALSE(report.bound_held());
  EXPECT_THAT(report.text(), testing::HasSubstr("NOT held"));
  EXPECT_THAT(report.json(), testing::HasSubstr("\"errors\":{\"overloaded\":1}"));
}

TEST(StepTimes, AreThoseOfOnePipelineBetweenTwoReadings) {
  const char* before =
      "leat_step_run_seconds_sum{pipeline=\"a\",step=\"x\"} 1\n"
      "leat_step_run_seconds_count{pipeline=\"a\",step=\"x\"} 10\n"
      "process_cpu_seconds_total 2.5\n";
  const char* after =
      "# HELP something\n"
      "leat_step_run_seconds_bucket{pipeline=\"a\",step=\"x\",le=\"1\"} 99\n"
      "leat_step_run_seconds_sum{pipeline=\"a\",step=\"x\"} 3\n"
      "leat_step_run_seconds_count{pipeline=\"a\",step=\"x\"} 14\n"
      "leat_step_wait_seconds_sum{pipeline=\"a\",step=\"y\"} 0.5\n"
      "leat_step_run_seconds_sum{pipeline=\"b\",step=\"x\"} 100\n";
  auto steps = between(step_sums(before, "a"), step_sums(after, "a"));
  ASSERT_EQ(steps.size(), 2);
  EXPECT_EQ(steps[0].step, "x");
  EXPECT_EQ(steps[0].run, 2);
  EXPECT_EQ(steps[0].runs, 4);
  EXPECT_EQ(steps[1].step, "y");
  EXPECT_EQ(steps[1].wait, 0.5);
  EXPECT_EQ(cpu_seconds(before), 2.5);
  EXPECT_EQ(cpu_seconds(after), std::nullopt);
}

TEST(HttpUrl, Parts) {
  struct Row {
    const char *text, *host, *port, *path;
  };
  for (const Row& row : {Row{"http://a:8000/run/x", "a", "8000", "/run/x"},
                         {"http://a", "a", "80", "/"},
                         {"http://[::1]:81/x", "::1", "81", "/x"},
                         {"http://[::1]", "::1", "80", "/"}}) {
    auto url = HttpUrl::parse(row.text);
    ASSERT_TRUE(url.ok()) << row.text;
    EXPECT_EQ(url->host, row.host);
    EXPECT_EQ(url->port, row.port);
    EXPECT_EQ(url->path, row.path);
  }
  for (const char* bad : {"", "a:8000", "https://a/", "http://", "http://a:b/", "http://:80/"}) {
    EXPECT_EQ(HttpUrl::parse(bad).status().code(), Code::kBadInput) << bad;
  }
}

}  // namespace
}  // namespace leat
