// Blocks are cut once and recycled for ever: size classes never merge, so a free list pop is the
// whole cost of an allocation. What a burst left behind is given back page by page (trim), which
// keeps the address range but not the memory.
#include "memory/arena.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/cpu.h"
#include "base/text.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define LEAT_POISON(address, size) ASAN_POISON_MEMORY_REGION(address, size)
#define LEAT_UNPOISON(address, size) ASAN_UNPOISON_MEMORY_REGION(address, size)
#else
#define LEAT_POISON(address, size) ((void)0)
#define LEAT_UNPOISON(address, size) ((void)0)
#endif

namespace leat {

namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kSmallest = 192;  // with its Block 256
constexpr int kStepsPerDoubling = 4;
constexpr uint32_t kClasses = kStepsPerDoubling * 40;  // up to 256 TiB, more than can be mapped
constexpr size_t kFirstRoom = 64;  // of a free list; what is not used takes address space only
// The heap's address range, as a multiple of its limit, as long as that is not beyond kMostRange.
constexpr uint64_t kRangeFactor = 64;
#if defined(__SANITIZE_THREAD__)
constexpr uint64_t kMostRange = uint64_t{1} << 40;  // ThreadSanitizer leaves little to the program
#else
constexpr uint64_t kMostRange = uint64_t{1} << 43;
#endif

// Class c holds strides of 256 * 2^(c/4) * (1 + (c%4)/4) bytes, its Block included.
constexpr uint64_t stride_of(uint32_t size_class) {
  uint64_t base = uint64_t{256} << (size_class / kStepsPerDoubling);
  return base + base / kStepsPerDoubling * (size_class % kStepsPerDoubling);
}

constexpr uint32_t class_of(uint64_t bytes) {
  uint64_t stride = std::max(bytes, kSmallest) + sizeof(Block);
  int doublings = std::bit_width(stride) - 1 - 8;
  uint64_t base = uint64_t{256} << doublings;
  uint64_t step = base / kStepsPerDoubling;
  uint64_t over = (stride - base + step - 1) / step;
  return static_cast<uint32_t>(doublings * kStepsPerDoubling + static_cast<int>(over));
}
static_assert(class_of(1) == 0 && class_of(192) == 0 && class_of(193) == 1);
static_assert(stride_of(class_of(1 << 20)) >= (1 << 20) + sizeof(Block));
static_assert(stride_of(1) == 320 && stride_of(4) == 512);

std::atomic<uint32_t> next_id{1};
std::atomic<uint64_t> configured_heap_limit{0};
std::atomic<int> configured_heap_memory{-1};

std::mutex arenas_mutex;
std::vector<Arena*>& arenas() {
  static auto* list = new std::vector<Arena*>;
  return *list;
}

}  // namespace

// The blocks one thread keeps for itself. Bounded in bytes; what is too much goes back to the
// arena's own lists, half a list at a time.
class ThreadCache {
 public:
  static constexpr size_t kSlots = 32;
  static constexpr uint64_t kMostBytes = 8 << 20;

  ~ThreadCache() {
    for (uint32_t c = 0; c < lists_.size(); ++c) flush(c, 0);
    gone_ = true;
  }

  Block* pop(uint32_t size_class) {
    List& list = lists_[size_class];
    if (list.count == 0) return nullptr;
    bytes_ -= stride_of(size_class);
    return list.blocks[--list.count];
  }

  void push(Block* block) {
    uint32_t size_class = block->size_class;
    List& list = lists_[size_class];
    if (list.count == kSlots || bytes_ + stride_of(size_class) > kMostBytes) {
      flush(size_class, list.count / 2);
    }
    if (list.count == kSlots || bytes_ + stride_of(size_class) > kMostBytes) {
      Arena::heap().push(block);
      return;
    }
    list.blocks[list.count++] = block;
    bytes_ += stride_of(size_class);
  }

  // Null once the thread is on its way out.
  static ThreadCache* current() { return gone_ ? nullptr : &cache_; }

 private:
  struct List {
    size_t count = 0;
    std::array<Block*, kSlots> blocks;
  };

  void flush(uint32_t size_class, size_t keep) {
    List& list = lists_[size_class];
    while (list.count > keep) {
      bytes_ -= stride_of(size_class);
      Arena::heap().push(list.blocks[--list.count]);
    }
  }

  static constexpr size_t kCachedClasses = class_of(Arena::kCachedBytes) + 1;
  std::array<List, kCachedClasses> lists_;
  uint64_t bytes_ = 0;
  static thread_local bool gone_;
  static thread_local ThreadCache cache_;
};

thread_local bool ThreadCache::gone_ = false;
thread_local ThreadCache ThreadCache::cache_;

Arena::Arena(std::string name, std::byte* base, uint64_t range, uint64_t limit, int fd)
    : name_(std::move(name)),
      id_(new_id()),
      base_(base),
      range_(range),
      limit_(limit),
      fd_(fd),
      free_(kClasses) {
  for (FreeList& list : free_) list.blocks.reserve(kFirstRoom);
  std::lock_guard lock(arenas_mutex);
  arenas().push_back(this);
}

uint32_t Arena::new_id() { return next_id.fetch_add(1); }

Arena::~Arena() {
  assert(in_use_.load() == 0);
  {
    std::lock_guard lock(arenas_mutex);
    std::erase(arenas(), this);
  }
  LEAT_UNPOISON(base_, end_);
  munmap(base_, range_);
  if (fd_ >= 0) close(fd_);
}

void Arena::set_heap_limit(uint64_t bytes) { configured_heap_limit = bytes; }

void Arena::set_heap_memory(int descriptor, uint64_t bytes) {
  configured_heap_limit = bytes;
  configured_heap_memory = descriptor;
}

Arena& Arena::heap() {
  static Arena* arena = [] {
    uint64_t limit = configured_heap_limit.load();
    if (int fd = configured_heap_memory.load(); fd >= 0) {
      void* base = mmap(nullptr, limit, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
      if (base == MAP_FAILED) {
        fprintf(stderr, "leat: cannot map the %llu bytes of the shared buffer pool: %s\n",
                static_cast<unsigned long long>(limit), strerror(errno));
        abort();
      }
      return new Arena("heap", static_cast<std::byte*>(base), limit, limit, fd);
    }
    if (limit == 0) limit = memory_limit();
    limit = (limit + kPage - 1) / kPage * kPage;
    uint64_t range = std::max(limit, std::min(limit, kMostRange / kRangeFactor) * kRangeFactor);
    void* base;
    while (true) {
      base = mmap(nullptr, range, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (base != MAP_FAILED || range <= limit) break;
      range = std::max(limit, range / 2);  // under `ulimit -v`
    }
    if (base == MAP_FAILED) {
      fprintf(stderr, "leat: cannot reserve %llu bytes of address space for the buffer pool: %s\n",
              static_cast<unsigned long long>(limit), strerror(errno));
      abort();
    }
    return new Arena("heap", static_cast<std::byte*>(base), range, limit, -1);
  }();
  return *arena;
}

Result<int> Arena::make_memory(const std::string& name, uint64_t bytes) {
  int fd = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return Status(Code::kInternal, cat("memfd_create: ", strerror(errno)));
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0 ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    Status status(Code::kOverloaded,
                  cat("shared memory of ", bytes, " bytes cannot be made: ", strerror(errno)));
    close(fd);
    return status;
  }
  return fd;
}

Result<std::unique_ptr<Arena>> Arena::shared(std::string name, uint64_t limit) {
  limit = (limit + kPage - 1) / kPage * kPage;
  LEAT_ASSIGN(int fd, make_memory(name, limit));
  void* base = mmap(nullptr, limit, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (base == MAP_FAILED) {
    Status status(Code::kOverloaded,
                  cat("a shared arena of ", limit, " bytes cannot be mapped: ", strerror(errno)));
    close(fd);
    return status;
  }
  return std::unique_ptr<Arena>(
      new Arena(std::move(name), static_cast<std::byte*>(base), limit, limit, fd));
}

Result<Block*> Arena::allocate(uint64_t bytes) {
  if (bytes > limit_) {
    return Status(Code::kOverloaded, cat("a buffer of ", bytes, " bytes is more than the ", limit_,
                                         " that the arena ", name_, " may grow to"));
  }
  uint32_t size_class = class_of(bytes);
  auto stride = static_cast<int64_t>(stride_of(size_class));
  int64_t in_use = in_use_.fetch_add(stride, std::memory_order_relaxed) + stride;
  if (in_use > static_cast<int64_t>(limit_)) {
    in_use_.fetch_sub(stride, std::memory_order_relaxed);
    return Status(Code::kOverloaded,
                  cat("the arena ", name_, " has reached its limit: ", bytes,
                      " bytes more than the ", in_use - stride, " in use would pass ", limit_));
  }
  Block* block = nullptr;
  bool cached = fd_ < 0 && bytes <= kCachedBytes;
  if (cached) {
    if (ThreadCache* cache = ThreadCache::current()) block = cache->pop(size_class);
  }
  if (!block) block = pop(size_class);
  if (!block) {
    auto fresh = cut(size_class);
    if (!fresh.ok()) {
      in_use_.fetch_sub(stride, std::memory_order_relaxed);
      return fresh.status();
    }
    block = *fresh;
  }
  LEAT_UNPOISON(block->payload, bytes);
  block->refs.store(1, std::memory_order_relaxed);
  return block;
}

Block* Arena::pop(uint32_t size_class) {
  std::lock_guard lock(mutex_);
  FreeList& list = free_[size_class];
  if (list.blocks.empty()) return nullptr;
  Block* block = list.blocks.back();
  if (list.blocks.size() > list.cold) warm_ -= stride_of(size_class);
  list.blocks.pop_back();
  list.low_water = std::min(list.low_water, list.blocks.size());
  list.cold = std::min(list.cold, list.blocks.size());
  return block;
}

Result<Block*> Arena::cut(uint32_t size_class) {
  uint64_t stride = stride_of(size_class);
  std::lock_guard lock(mutex_);
  if (stride > range_ - end_) {
    return Status(Code::kOverloaded,
                  cat("the arena ", name_, " has no room left for a buffer of ", stride,
                      " bytes: ", end_, " of ", range_, " are cut up for other sizes or in use"));
  }
  FreeList& list = free_[size_class];
  if (++list.cut > list.blocks.capacity()) list.blocks.reserve(std::bit_ceil(list.cut));
  auto* block = new (base_ + end_) Block{};
  block->arena = id_;
  block->size_class = size_class;
  block->capacity = stride - sizeof(Block);
  block->offset = end_ + sizeof(Block);
  block->payload = base_ + block->offset;
  block->release = release_block;
  end_ += stride;
  LEAT_POISON(block->payload, block->capacity);
  return block;
}

void Arena::push(Block* block) {
  std::lock_guard lock(mutex_);
  free_[block->size_class].blocks.push_back(block);
  warm_ += stride_of(block->size_class);
  // Free lists of many sizes must not add up to more memory than the limit allows.
  if (warm_ + static_cast<uint64_t>(std::max<int64_t>(0, in_use_.load())) <= limit_) return;
  for (FreeList& list : free_) give_back(list, list.blocks.size());
}

void Arena::release_block(Block* block) {
  LEAT_POISON(block->payload, block->capacity);
  Arena* arena;
  if (block->arena == Arena::heap().id_) {
    arena = &Arena::heap();
  } else {
    std::lock_guard lock(arenas_mutex);
    auto found = std::find_if(arenas().begin(), arenas().end(),
                              [&](Arena* a) { return a->id_ == block->arena; });
    assert(found != arenas().end());
    arena = *found;
  }
  arena->in_use_.fetch_sub(static_cast<int64_t>(stride_of(block->size_class)),
                           std::memory_order_relaxed);
  if (arena->fd_ < 0 && block->capacity + sizeof(Block) <= stride_of(class_of(kCachedBytes))) {
    if (ThreadCache* cache = ThreadCache::current()) {
      cache->push(block);
      return;
    }
  }
  arena->push(block);
}

void Arena::give_back(FreeList& list, size_t count) {
  for (size_t i = list.cold; i < count; ++i) {
    Block* block = list.blocks[i];
    warm_ -= stride_of(block->size_class);
    uint64_t begin = (block->offset + kPage - 1) / kPage * kPage;
    uint64_t end = (block->offset + block->capacity) / kPage * kPage;
    if (begin >= end) continue;
    if (fd_ >= 0) {
      fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin),
                static_cast<off_t>(end - begin));
    } else {
      madvise(base_ + begin, end - begin, MADV_DONTNEED);
    }
  }
  list.cold = std::max(list.cold, count);
}

void Arena::trim() {
  std::lock_guard lock(mutex_);
  for (FreeList& list : free_) {
    // Blocks are used from the back: the first low_water ones lay idle since the last call.
    give_back(list, list.low_water);
    list.low_water = list.blocks.size();
  }
}

void Arena::before_fork() {
  arenas_mutex.lock();
  for (Arena* arena : arenas()) arena->mutex_.lock();
}

void Arena::after_fork() {
  for (Arena* arena : arenas()) arena->mutex_.unlock();
  arenas_mutex.unlock();
}

ArenaStats Arena::stats() const {
  std::lock_guard lock(mutex_);
  return {name_, static_cast<uint64_t>(std::max<int64_t>(0, in_use_.load())), end_, limit_};
}

std::vector<ArenaStats> Arena::all_stats() {
  std::lock_guard lock(arenas_mutex);
  std::vector<ArenaStats> all;
  for (const Arena* arena : arenas()) all.push_back(arena->stats());
  return all;
}

Result<Arena::Attached> Arena::Attached::map(uint32_t arena, int descriptor, uint64_t limit,
                                             bool writable) {
  struct stat file;
  if (fstat(descriptor, &file) != 0) {
    return Status(Code::kBadInput, cat("arena ", arena, ": not a descriptor: ", strerror(errno)));
  }
  if (limit == 0 || file.st_size < 0 || static_cast<uint64_t>(file.st_size) < limit) {
    return Status(Code::kBadInput, cat("arena ", arena, ": the file has ", file.st_size, " bytes, ",
                                       limit, " were announced"));
  }
  // A file that can still shrink could make any read of the mapping fault.
  int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_SHRINK)) {
    return Status(Code::kBadInput, cat("arena ", arena, ": the file can still shrink"));
  }
  void* base = mmap(nullptr, limit, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                    MAP_SHARED | MAP_NORESERVE, descriptor, 0);
  if (base == MAP_FAILED) {
    return Status(Code::kBadInput, cat("arena ", arena, ": cannot be mapped: ", strerror(errno)));
  }
  return Attached(arena, static_cast<std::byte*>(base), limit);
}

Arena::Attached::Attached(Attached&& other) noexcept
    : id_(other.id_), base_(other.base_), size_(other.size_) {
  other.base_ = nullptr;
}

Arena::Attached::~Attached() {
  if (base_) munmap(base_, size_);
}

Result<std::byte*> Arena::Attached::resolve(const BufferId& id) const {
  if (id.arena != id_ || id.offset > size_ || id.length > size_ - id.offset) {
    return Status(Code::kBadInput, cat("buffer (", id.arena, ", ", id.offset, ", ", id.length,
                                       ") lies outside arena ", id_, " of ", size_, " bytes"));
  }
  return base_ + id.offset;
}

}  // namespace leat
