// Arenas: where tensors live.
//
// An arena is one mapped range, anonymous (`heap`) or a memfd that other processes can map
// (`shared`). Blocks are cut from its end once and afterwards go round in free lists by size class
// (four classes to each doubling), so that in the steady state no payload comes from the system.
// Every block is preceded by its 64-byte Block; payloads are 64-byte aligned. A payload holds no
// pointers: (arena, offset, length) means the same in every process that maps the arena.
//
// What is held at one time is bounded by the limit. The heap's address range is many times as long,
// since size classes never merge: what one burst of requests cut for its sizes must not be missing
// for the sizes of the next. What lies free beyond the limit is given back to the system at once.
//
// Counts and free lists belong to the process that made the arena. Another process attaches it and
// sees its bytes, and never allocates from or frees into it.
//
// Threads: all of it may be used from any thread. Blocks up to kCachedBytes of the heap arena are
// kept in per-thread caches of bounded size; the rest goes through one lock.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "leat/tensor.h"

namespace leat {

struct ArenaStats {
  std::string name;
  uint64_t in_use;    // bytes in blocks that somebody holds
  uint64_t reserved;  // bytes cut from the arena so far, free lists included
  uint64_t limit;     // bytes that may be in use
};

class Arena {
 public:
  // This process's own: the default for every tensor. At most its limit is in use.
  static Arena& heap();
  // Must precede the first use of heap(); default: the memory of the machine (or cgroup).
  static void set_heap_limit(uint64_t bytes);
  // Likewise: the heap is to lie in `descriptor`, a memfd of `bytes`, so that another process that
  // has it mapped finds every tensor of this one there. The descriptor is the arena's from then on.
  static void set_heap_memory(int descriptor, uint64_t bytes);
  // A memfd whose size never changes again, so that reading a mapping of it cannot fault. The
  // descriptor is the caller's.
  static Result<int> make_memory(const std::string& name, uint64_t bytes);
  // Backed by a memfd of at most `limit` bytes, to be mapped by other processes.
  static Result<std::unique_ptr<Arena>> shared(std::string name, uint64_t limit);
  ~Arena();  // nothing in it may be in use any more
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // A block of at least `bytes`, with one reference, contents undefined. kOverloaded when the
  // arena's limit is reached.
  Result<Block*> allocate(uint64_t bytes);

  // Gives the memory of blocks that have lain unused since the last call back to the system. Called
  // now and then by whoever owns the process's housekeeping.
  void trim();

  // Around a fork, on the thread that forks, so that no other is in the middle of something and the
  // child can use its copy of the heap. After it: in the parent, and in the child.
  static void before_fork();
  static void after_fork();

  // A number that no arena of this process has or will have: for memory of another process.
  static uint32_t new_id();

  uint32_t id() const { return id_; }
  int descriptor() const { return fd_; }  // the memfd; -1 for the heap
  std::byte* base() const { return base_; }
  uint64_t limit() const { return limit_; }
  ArenaStats stats() const;
  static std::vector<ArenaStats> all_stats();

  // Another process's arena, mapped here under the id it has there.
  class Attached {
   public:
    // Maps `limit` bytes of `descriptor` (which stays the caller's). Fails when the file is
    // smaller.
    static Result<Attached> map(uint32_t arena, int descriptor, uint64_t limit, bool writable);
    Attached(Attached&& other) noexcept;
    Attached& operator=(Attached&&) = delete;
    ~Attached();

    uint32_t id() const { return id_; }
    std::span<std::byte> bytes() const { return {base_, size_}; }
    // The bytes of `id`, after checking that they lie inside. kBadInput otherwise.
    Result<std::byte*> resolve(const BufferId& id) const;

   private:
    Attached(uint32_t id, std::byte* base, uint64_t size) : id_(id), base_(base), size_(size) {}
    uint32_t id_;
    std::byte* base_;
    uint64_t size_;
  };

  static constexpr uint64_t kCachedBytes = 1 << 20;

 private:
  friend class ThreadCache;
  Arena(std::string name, std::byte* base, uint64_t range, uint64_t limit, int fd);
  static void release_block(Block* block);
  Block* pop(uint32_t size_class);          // from the free list, or null
  Result<Block*> cut(uint32_t size_class);  // from the arena's end
  void push(Block* block);

  struct FreeList;
  // Gives the memory of the first `count` blocks back to the system. Requires mutex_.
  void give_back(FreeList& list, size_t count);

  struct FreeList {
    std::vector<Block*> blocks;  // has room for all that were cut: giving one back cannot fail
    size_t cut = 0;
    size_t low_water = 0;  // fewest free blocks since the last trim: these were not needed
    size_t cold = 0;       // the first `cold` of `blocks` have been given back to the system
  };

  const std::string name_;
  const uint32_t id_;
  std::byte* const base_;
  const uint64_t range_;  // bytes of address space
  const uint64_t limit_;
  const int fd_;
  mutable std::mutex mutex_;
  uint64_t end_ = 0;            // guarded by mutex_
  uint64_t warm_ = 0;           // bytes of free blocks that still hold memory; guarded by mutex_
  std::vector<FreeList> free_;  // guarded by mutex_
  std::atomic<int64_t> in_use_{0};
};

// As Tensor::allocate, in `arena`.
Result<Tensor> allocate_tensor(Arena& arena, DType type, const Shape& shape);

}  // namespace leat
