#include "memory/arena.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <thread>

extern char** environ;

namespace leat {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

// --- Children. This program starts itself with LEAT_ARENA_CHILD set, and runs one of these instead
// of the tests. What they return is the exit status.

constexpr int kInherited = 100;  // the descriptor that a child finds the arena under
constexpr uint32_t kFloats = kMiB;

// Finds floats 0, 1, 2 ... in the parent's arena, and doubles them.
int double_floats() {
  BufferId id{};
  if (std::sscanf(std::getenv("LEAT_ARENA_BUFFER"), "%u,%lu,%lu", &id.arena, &id.offset,
                  &id.length) != 3) {
    return 10;
  }
  struct stat file;
  if (fstat(kInherited, &file) != 0) return 11;
  auto attached =
      Arena::Attached::map(id.arena, kInherited, static_cast<uint64_t>(file.st_size), true);
  if (!attached.ok()) return 12;
  auto bytes = attached->resolve(id);
  if (!bytes.ok()) return 13;
  auto* values = reinterpret_cast<float*>(*bytes);
  if (id.length != kFloats * sizeof(float)) return 14;
  for (uint32_t i = 0; i < kFloats; ++i) {
    if (values[i] != static_cast<float>(i)) return 15;
    values[i] *= 2;
  }
  return 0;
}

// Bytes of the heap that are in memory.
uint64_t resident_heap() {
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((Arena::heap().stats().reserved + page - 1) / page);
  if (mincore(Arena::heap().base(), pages.size() * page, pages.data()) != 0) return ~uint64_t{0};
  uint64_t count = 0;
  for (unsigned char p : pages) count += p & 1;
  return count * page;
}

// A small heap that many sizes pass through one after the other, each filling it.
int fill_small_heap() {
  constexpr uint64_t kLimit = 8 * kMiB;
  Arena::set_heap_limit(kLimit);
  for (uint64_t size = 100'000; size < kLimit; size = size * 5 / 3) {
    std::vector<Tensor> held;
    uint64_t total = 0;
    Code code = Code::kOk;
    while (true) {
      auto tensor = Tensor::allocate(DType::kUint8, {static_cast<int64_t>(size)});
      code = tensor.status().code();
      if (!tensor.ok()) break;
      std::memset(tensor->mutable_data(), 1, size);
      total += size;
      held.push_back(*std::move(tensor));
    }
    if (code != Code::kOverloaded) return 20;
    if (total > kLimit || total * 5 / 4 + 2 * size < kLimit) return 21;
    held.clear();
    // What is free now, of this and of all earlier sizes, is no more memory than the limit. Only
    // what a thread's cache holds comes on top.
    if (resident_heap() > kLimit + 8 * kMiB) return 25;
  }
  // Small things that cannot say that they fail, when there is really nothing left.
  std::vector<Tensor> held;
  for (int64_t size = kMiB; size > 0; size /= 2) {
    while (true) {
      auto tensor = Tensor::allocate(DType::kUint8, {size});
      if (!tensor.ok()) break;
      held.push_back(*std::move(tensor));
    }
  }
  Tensor text = held[0].rows(0, 4);
  std::memcpy(text.mutable_data(), "text", 4);
  Tensor scalar = Tensor::view(text.block(), DType::kBytes, {}, text.mutable_data(), 4);
  if (scalar.reshaped({1, 1}).row(0).row(0).string() != "text") return 22;
  int value = 7, released = 0;
  {
    Tensor loan = Tensor::borrow(
        DType::kInt32, {1}, &value, [](void* count) { ++*static_cast<int*>(count); }, &released);
    if (loan.values<int32_t>()[0] != 7) return 23;
  }
  return released == 1 ? 0 : 24;
}

[[maybe_unused]] const bool run_child = [] {
  const char* name = std::getenv("LEAT_ARENA_CHILD");
  if (name == nullptr) return false;
  std::_Exit(std::strcmp(name, "double_floats") == 0 ? double_floats() : fill_small_heap());
}();

// The exit status of this program, run anew as a child with more in its environment.
int run_as(const std::string& child, const std::string& buffer, int descriptor) {
  std::vector<std::string> texts = {"LEAT_ARENA_CHILD=" + child, "LEAT_ARENA_BUFFER=" + buffer};
  std::vector<char*> environment;
  for (std::string& text : texts) environment.push_back(text.data());
  for (char** entry = environ; *entry; ++entry) environment.push_back(*entry);
  environment.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (descriptor >= 0) posix_spawn_file_actions_adddup2(&actions, descriptor, kInherited);
  char program[] = "/proc/self/exe";
  char* arguments[] = {program, nullptr};
  pid_t pid = 0;
  int error = posix_spawn(&pid, program, &actions, nullptr, arguments, environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return -error;
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// --- Tests.

std::unique_ptr<Arena> shared(uint64_t limit) {
  auto arena = Arena::shared("test", limit);
  EXPECT_TRUE(arena.ok()) << arena.status().message();
  return *std::move(arena);
}

TEST(Arena, BlocksAreAlignedLargeEnoughAndApart) {
  std::unique_ptr<Arena> own = shared(64 * kMiB);
  for (Arena* arena : {&Arena::heap(), own.get()}) {
    std::vector<Block*> blocks;
    std::vector<uint64_t> sizes = {0,    1,    63,        191,  192,      193,     4095,
                                   4096, 4097, kMiB - 64, kMiB, kMiB + 1, 3 * kMiB};
    for (uint64_t size = 1; size < 2 * kMiB; size = size * 9 / 8 + 1) sizes.push_back(size);
    for (size_t i = 0; i < sizes.size(); ++i) {
      auto block = arena->allocate(sizes[i]);
      ASSERT_TRUE(block.ok()) << block.status().message();
      Block& b = **block;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(b.payload) % 64, 0u);
      EXPECT_GE(b.capacity, sizes[i]);
      EXPECT_LE(b.capacity + 64, std::max<uint64_t>(256, (sizes[i] + 64) * 5 / 4));
      EXPECT_EQ(b.payload, arena->base() + b.offset);
      EXPECT_EQ(b.arena, arena->id());
      EXPECT_EQ(b.refs, 1u);
      std::memset(b.payload, static_cast<int>(i), sizes[i]);
      blocks.push_back(&b);
    }
    for (size_t i = 0; i < sizes.size(); ++i) {
      for (uint64_t j = 0; j < sizes[i]; j += 61) {
        ASSERT_EQ(blocks[i]->payload[j], static_cast<std::byte>(i));
      }
      blocks[i]->drop();
    }
  }
}

TEST(Arena, TheSameRoundAgainCutsNothingNew) {
  std::unique_ptr<Arena> own = shared(256 * kMiB);
  for (Arena* arena : {&Arena::heap(), own.get()}) {
    const auto round = [&] {
      std::mt19937 random(1);
      std::deque<Block*> held;
      for (int i = 0; i < 3000; ++i) {
        uint64_t size = uint64_t{1} << random() % 20;
        auto block = arena->allocate(size + random() % size);
        ASSERT_TRUE(block.ok());
        held.push_back(*block);
        while (held.size() > 1 + random() % 50) {
          held.front()->drop();
          held.pop_front();
        }
      }
      for (Block* block : held) block->drop();
    };
    uint64_t in_use = arena->stats().in_use;
    round();
    uint64_t reserved = arena->stats().reserved;
    round();
    EXPECT_EQ(arena->stats().reserved, reserved);
    EXPECT_EQ(arena->stats().in_use, in_use);
  }
}

TEST(Arena, AThreadThatEndsLeavesItsBlocksBehind) {
  constexpr uint64_t kSize = 77'777;
  const auto use = [] {
    std::vector<Block*> held;
    for (int i = 0; i < 20; ++i) held.push_back(*Arena::heap().allocate(kSize));
    for (Block* block : held) block->drop();
  };
  std::thread(use).join();
  uint64_t reserved = Arena::heap().stats().reserved;
  for (int i = 0; i < 5; ++i) std::thread(use).join();
  use();
  EXPECT_EQ(Arena::heap().stats().reserved, reserved);
}

// A tensor in thread-local storage goes after the thread's cache has gone, or before: both are
// fine.
TEST(Arena, TensorsThatOutliveTheThreadsCache) {
  uint64_t in_use = Arena::heap().stats().in_use;
  std::thread([] {
    thread_local Tensor first;
    first = Tensor();  // its destructor is registered now, before the cache's
    Tensor made = *Tensor::allocate(DType::kUint8, {1000});
    first = made;
    thread_local Tensor last;
    last = made;
  }).join();
  EXPECT_EQ(Arena::heap().stats().in_use, in_use);
}

TEST(Arena, BlocksMadeHereAndFreedThere) {
  std::unique_ptr<Arena> own = shared(512 * kMiB);
  for (Arena* arena : {&Arena::heap(), own.get()}) {
    uint64_t in_use = arena->stats().in_use;
    std::mutex mutex;
    std::deque<std::pair<Block*, uint64_t>> belt;  // guarded by mutex
    const auto work = [&](uint32_t seed) {
      std::mt19937 random(seed);
      for (int i = 0; i < 2000; ++i) {
        uint64_t size = 8 + random() % (i % 50 == 0 ? 2 * kMiB : 5000);
        auto block = arena->allocate(size);
        ASSERT_TRUE(block.ok());
        std::memset((*block)->payload, static_cast<int>(size & 0xff), size);
        std::pair<Block*, uint64_t> other{nullptr, 0};
        {
          std::lock_guard lock(mutex);
          belt.emplace_back(*block, size);
          if (belt.size() > 20) {
            other = belt.front();
            belt.pop_front();
          }
        }
        if (!other.first) continue;
        auto mark = static_cast<std::byte>(other.second & 0xff);
        ASSERT_EQ(other.first->payload[0], mark);
        ASSERT_EQ(other.first->payload[other.second - 1], mark);
        other.first->drop();
      }
    };
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < 4; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
    for (auto& [block, size] : belt) block->drop();
    EXPECT_EQ(arena->stats().in_use, in_use);
  }
}

// The last of many owners gives a block back, once, whoever that is.
TEST(Arena, CountedFromManyThreads) {
  uint64_t in_use = Arena::heap().stats().in_use;
  for (int round = 0; round < 50; ++round) {
    Tensor shared_tensor = *Tensor::of(std::span<const int>(std::vector<int>{1, 2, 3}), Shape{3});
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([copy = shared_tensor]() mutable {
        for (int j = 0; j < 50; ++j) {
          Tensor row = copy.row(j % 3);
          ASSERT_EQ(row.values<int>()[0], 1 + j % 3);
        }
        copy.reset();
      });
    }
    shared_tensor.reset();
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(Arena::heap().stats().in_use, in_use);
}

TEST(Arena, LimitReached) {
  std::unique_ptr<Arena> arena = shared(kMiB);
  for (uint64_t size : {kMiB + 1, std::numeric_limits<uint64_t>::max()}) {
    auto block = arena->allocate(size);
    ASSERT_EQ(block.status().code(), Code::kOverloaded);
    EXPECT_THAT(block.status().message(), HasSubstr("more than the 1048576 that the arena test"));
  }
  for (int round = 0; round < 3; ++round) {
    std::vector<Block*> held;
    Status status;
    while (true) {
      auto block = arena->allocate(50'000);
      status = block.status();
      if (!block.ok()) break;
      held.push_back(*block);
    }
    EXPECT_EQ(status.code(), Code::kOverloaded);
    EXPECT_THAT(status.message(), HasSubstr("the arena test has reached its limit"));
    EXPECT_GE(held.size(), 16u);
    for (Block* block : held) block->drop();
    EXPECT_EQ(arena->stats().in_use, 0u);
  }
}

TEST(Arena, ASmallHeapServesEverySizeInTurn) { EXPECT_EQ(run_as("fill_small_heap", "", -1), 0); }

// Pages of memory that the block occupies now.
uint64_t resident(const Block* block) {
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  auto begin = (reinterpret_cast<uintptr_t>(block->payload) + page - 1) / page * page;
  auto end = (reinterpret_cast<uintptr_t>(block->payload) + block->capacity) / page * page;
  std::vector<unsigned char> pages((end - begin) / page);
  EXPECT_EQ(mincore(reinterpret_cast<void*>(begin), end - begin, pages.data()), 0);
  uint64_t count = 0;
  for (unsigned char p : pages) count += p & 1;
  return count;
}

TEST(Arena, TrimGivesIdleMemoryBack) {
  std::unique_ptr<Arena> own = shared(64 * kMiB);
  for (Arena* arena : {&Arena::heap(), own.get()}) {
    constexpr uint64_t kSize = 4 * kMiB;
    Block* idle = *arena->allocate(kSize);
    Block* busy = *arena->allocate(kSize);
    std::memset(idle->payload, 1, kSize);
    std::memset(busy->payload, 2, kSize);
    const Block* where = idle;
    EXPECT_GT(resident(where), 1000u);
    idle->drop();
    arena->trim();  // was in use since the last call
    EXPECT_GT(resident(where), 1000u);
    arena->trim();
    EXPECT_EQ(resident(where), 0u);
    EXPECT_GT(resident(busy), 1000u);
    EXPECT_EQ(busy->payload[kSize - 1], std::byte{2});
    Block* again = *arena->allocate(kSize);
    EXPECT_EQ(again, where) << "the range is used again";
    std::memset(again->payload, 3, kSize);
    again->drop();
    busy->drop();
  }
}

TEST(Arena, TensorGoesToAnExecutedChildAndBack) {
  std::unique_ptr<Arena> arena = shared(16 * kMiB);
  Block* before = *arena->allocate(1000);  // so that the tensor does not lie at the start
  Block* block = *arena->allocate(kFloats * sizeof(float));
  {
    Tensor tensor =
        Tensor::view(block, DType::kFp32, {kFloats}, block->payload, kFloats * sizeof(float));
    std::span<float> values = tensor.mutable_values<float>();
    for (uint32_t i = 0; i < kFloats; ++i) values[i] = static_cast<float>(i);
    BufferId id = tensor.where();
    EXPECT_EQ(id.length, 4 * kMiB);
    std::string text = std::to_string(id.arena) + "," + std::to_string(id.offset) + "," +
                       std::to_string(id.length);
    ASSERT_EQ(run_as("double_floats", text, arena->descriptor()), 0);
    for (uint32_t i = 0; i < kFloats; ++i) ASSERT_EQ(values[i], 2 * static_cast<float>(i));
  }
  block->drop();
  before->drop();
}

TEST(Attached, ResolvesOnlyWhatLiesInside) {
  std::unique_ptr<Arena> arena = shared(kMiB);
  auto attached = Arena::Attached::map(7, arena->descriptor(), kMiB, false);
  ASSERT_TRUE(attached.ok()) << attached.status().message();
  constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();
  struct Case {
    BufferId id;
    bool fine;
  };
  const Case cases[] = {
      {{7, 0, kMiB}, true},       {{7, 64, kMiB - 64}, true},   {{7, kMiB, 0}, true},
      {{8, 0, 1}, false},         {{7, 0, kMiB + 1}, false},    {{7, kMiB, 1}, false},
      {{7, kMiB + 1, 0}, false},  {{7, 64, kHuge - 63}, false}, {{7, kHuge, 1}, false},
      {{7, kHuge, kHuge}, false},
  };
  for (const Case& c : cases) {
    auto bytes = attached->resolve(c.id);
    EXPECT_EQ(bytes.ok(), c.fine) << c.id.offset << " " << c.id.length;
    if (!c.fine) {
      EXPECT_EQ(bytes.status().code(), Code::kBadInput);
    }
  }
  // It is the same memory, and moving the mapping keeps it.
  Block* block = *arena->allocate(100);
  block->payload[99] = std::byte{42};
  Arena::Attached moved = *std::move(attached);
  EXPECT_EQ(*(*moved.resolve({7, block->offset + 99, 1})), std::byte{42});
  block->drop();
}

TEST(Attached, RefusesFilesThatCouldFault) {
  int file = memfd_create("growing", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_GE(file, 0);
  ASSERT_EQ(ftruncate(file, kMiB), 0);
  EXPECT_THAT(Arena::Attached::map(1, file, kMiB, false).status().message(),
              HasSubstr("can still shrink"));
  close(file);
  EXPECT_THAT(Arena::Attached::map(1, file, kMiB, false).status().message(),
              HasSubstr("not a descriptor"));
  std::unique_ptr<Arena> arena = shared(kMiB);
  for (uint64_t limit : {uint64_t{0}, kMiB + 1, std::numeric_limits<uint64_t>::max()}) {
    auto attached = Arena::Attached::map(1, arena->descriptor(), limit, false);
    EXPECT_EQ(attached.status().code(), Code::kBadInput);
    EXPECT_THAT(attached.status().message(), HasSubstr("the file has 1048576 bytes"));
  }
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  EXPECT_FALSE(Arena::Attached::map(1, pipes[0], 1, false).ok());
  close(pipes[0]);
  close(pipes[1]);
}

TEST(Arena, SharedOnesThatCannotBe) {
  EXPECT_FALSE(Arena::shared("none", 0).ok());
  EXPECT_FALSE(Arena::shared("huge", uint64_t{1} << 60).ok());
  EXPECT_FALSE(Arena::shared("huge", std::numeric_limits<uint64_t>::max()).ok());
}

TEST(Arena, Statistics) {
  std::unique_ptr<Arena> arena = shared(kMiB);
  Block* block = *arena->allocate(1000);
  ArenaStats stats = arena->stats();
  EXPECT_EQ(stats.name, "test");
  EXPECT_EQ(stats.limit, kMiB);
  EXPECT_GE(stats.in_use, 1000u);
  EXPECT_EQ(stats.reserved, stats.in_use);
  block->drop();
  EXPECT_EQ(arena->stats().in_use, 0u);
  EXPECT_EQ(arena->stats().reserved, stats.reserved);
  const auto count = [] {
    std::map<std::string, int> names;
    for (const ArenaStats& one : Arena::all_stats()) ++names[one.name];
    return names["test"];
  };
  EXPECT_EQ(count(), 1);
  arena.reset();
  EXPECT_EQ(count(), 0);
}

}  // namespace
}  // namespace leat
