#include "worker/ring.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace leat {

namespace {

Status nonsense(uint32_t mine, uint32_t theirs) {
  return Status(Code::kStepFailed, cat("the other process has spoilt the ring between them: it "
                                       "counts ",
                                       theirs, " messages where there were ", mine));
}

}  // namespace

Result<uint32_t> RingWriter::room() const {
  uint32_t read = memory_.read.load(std::memory_order_acquire);
  uint32_t under_way = written_ - read;
  if (under_way > RingMemory::kSlots) return nonsense(written_, read);
  return RingMemory::kSlots - under_way;
}

Result<bool> RingWriter::send(const Message& message, uint32_t spare, bool urgent) {
  LEAT_ASSIGN(uint32_t free, room());
  if (free <= spare) return false;
  std::memcpy(&memory_.slots[written_ % RingMemory::kSlots], &message, sizeof message);
  ++written_;
  // Sequentially consistent with the reader's asleep: one of the two sees what the other wrote.
  memory_.written.store(written_);
  if (urgent && memory_.asleep.load() != 0 && memory_.asleep.exchange(0) != 0) {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t put = ::write(signal_, &one, sizeof one);
  }
  return true;
}

Result<bool> RingReader::look(Message& message) {
  uint32_t written = memory_.written.load(std::memory_order_acquire);
  uint32_t under_way = written - read_;
  if (under_way == 0) return false;
  if (under_way > RingMemory::kSlots) return nonsense(read_, written);
  std::memcpy(&message, &memory_.slots[read_ % RingMemory::kSlots], sizeof message);
  return true;
}

void RingReader::done() { memory_.read.store(++read_, std::memory_order_release); }

bool RingReader::may_sleep() {
  memory_.asleep.store(1);
  if (memory_.written.load() == read_) return true;
  awake();
  return false;
}

void RingReader::awake() { memory_.asleep.store(0, std::memory_order_relaxed); }

bool RingReader::wait(int spin) {
  for (int i = 0; i < spin; ++i) {
    if (any()) return true;
    __builtin_ia32_pause();
  }
  if (!may_sleep()) return true;
  uint64_t count;
  const bool there = ::read(signal_, &count, sizeof count) > 0 || errno == EINTR;
  awake();
  return there;
}

}  // namespace leat
