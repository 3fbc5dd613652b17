// Messages of 64 bytes from one process to another, through memory that both have mapped.
//
// One writer and one reader, in either process, and neither trusts the other: each keeps its own
// count and reads the other's only to learn how far it may go. A count that cannot be is told as
// kStepFailed, and then the ring is of no more use. A message that was received is a copy, which
// the other side cannot change any more.
//
// Sleeping. The reader announces that it sleeps, looks once more, and waits for its eventfd to
// become readable; the writer signals only a reader that has announced it.
//
// Threads: a RingWriter and a RingReader belong to one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>

#include "leat/status.h"

namespace leat {

struct alignas(64) Message {
  uint32_t kind = 0;
  uint32_t count = 0;
  uint64_t id = 0;
  uint64_t offset = 0, length = 0;  // of something that goes with it, in its sender's arena
  uint64_t items = 0;               // see control.h
  uint64_t ran = 0;                 // likewise
  uint64_t unused[2] = {};
};
static_assert(sizeof(Message) == 64);

// As it lies in shared memory, which begins as zeros.
struct RingMemory {
  static constexpr uint32_t kSlots = 256;
  alignas(64) std::atomic<uint32_t> written;  // messages so far, modulo 2^32
  alignas(64) std::atomic<uint32_t> read;     // likewise
  alignas(64) std::atomic<uint32_t> asleep;   // 1: the reader wants a signal
  alignas(64) Message slots[kSlots];
};
static_assert(std::atomic<uint32_t>::is_always_lock_free);

class RingWriter {
 public:
  // `signal`: an eventfd, which stays the caller's.
  RingWriter(RingMemory& memory, int signal) : memory_(memory), signal_(signal) {}

  // False: there is no room now, or fewer than `spare` slots would be left. `urgent`: a reader that
  // sleeps is woken; others are read with the next one that is.
  Result<bool> send(const Message& message, uint32_t spare = 0, bool urgent = true);
  // How many messages there is room for now.
  Result<uint32_t> room() const;
  // Messages sent, and how many of them the reader has done with, modulo 2^32.
  uint32_t sent() const { return written_; }
  uint32_t done_with() const { return memory_.read.load(std::memory_order_acquire); }

 private:
  RingMemory& memory_;
  const int signal_;
  uint32_t written_ = 0;
};

class RingReader {
 public:
  RingReader(RingMemory& memory, int signal) : memory_(memory), signal_(signal) {}

  // The next message, which stays the next until done() is said. False: there is nothing now.
  Result<bool> look(Message& message);
  void done();
  bool any() const { return memory_.written.load(std::memory_order_acquire) != read_; }
  // True: nothing has come, and from here on the eventfd is signalled when something does. A reader
  // that was signalled, or does not want to sleep after all, says awake().
  bool may_sleep();
  void awake();
  // Blocks until something may have come. Looks for `spin` loops before it sleeps. False: nothing
  // will wake it, since the eventfd is there no more.
  bool wait(int spin);

 private:
  RingMemory& memory_;
  const int signal_;
  uint32_t read_ = 0;
};

}  // namespace leat
