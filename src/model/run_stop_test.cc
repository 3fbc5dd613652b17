#include "model/run_stop.h"

#include <gtest/gtest.h>

#include <thread>

namespace leat {
namespace {

void count(void* context) { ++*static_cast<int*>(context); }

TEST(RunStop, CallsTheHookThatIsThere) {
  RunStop stop;
  int first = 0, second = 0;
  { RunStop::Hook gone(&stop, count, &first); }
  EXPECT_FALSE(stop.requested());
  {
    RunStop::Hook hook(&stop, count, &second);
    stop.request();
  }
  EXPECT_TRUE(stop.requested());
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TEST(RunStop, CallsAHookThatComesLater) {
  RunStop stop;
  stop.request();
  int calls = 0;
  RunStop::Hook hook(&stop, count, &calls);
  EXPECT_EQ(calls, 1);
}

TEST(RunStop, MayBeNull) { RunStop::Hook hook(nullptr, count, nullptr); }

// Whether the request comes before, while or after the hook is there, it does not outlive it.
TEST(RunStop, NeverCallsAHookThatIsGone) {
  for (int i = 0; i < 200; ++i) {
    RunStop stop;
    std::thread other([&] { stop.request(); });
    {
      auto calls = std::make_unique<int>(0);  // a late call writes into freed memory
      RunStop::Hook hook(&stop, count, calls.get());
    }
    other.join();
  }
}

}  // namespace
}  // namespace leat
