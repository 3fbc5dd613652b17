#include "base/cpu.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/sysinfo.h>

#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace leat {
namespace {

TEST(Cpu, BudgetAndMemoryAreWithinTheMachine) {
  EXPECT_GE(cpu_budget(), 1);
  EXPECT_LE(cpu_budget(), get_nprocs_conf());
  struct sysinfo machine;
  ASSERT_EQ(sysinfo(&machine), 0);
  EXPECT_GT(memory_limit(), 0u);
  EXPECT_LE(memory_limit(), uint64_t{machine.totalram} * machine.mem_unit);
}

TEST(Cpu, ThreadsHaveNumbersOfTheirOwn) {
  std::mutex mutex;
  std::set<uint32_t> numbers;  // guarded by mutex
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      uint32_t number = thread_number();
      EXPECT_EQ(thread_number(), number);
      std::lock_guard lock(mutex);
      numbers.insert(number);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(numbers.size(), 8u);
}

TEST(Cpu, LongThreadNamesAreCut) {
  std::thread([] {
    char name[32];
    name_thread("leat-worker");
    ASSERT_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    EXPECT_STREQ(name, "leat-worker");
    name_thread("leat-worker-number-12");
    ASSERT_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    EXPECT_STREQ(name, "leat-worker-num");
  }).join();
}

TEST(Cpu, TimeUsedRisesWithWork) {
  int64_t before = process_cpu_nanos();
  volatile uint64_t sum = 0;
  while (process_cpu_nanos() - before < 1'000'000) sum = sum + 1;
  EXPECT_GT(sum, 0u);
}

}  // namespace
}  // namespace leat
