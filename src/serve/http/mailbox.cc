#include "serve/http/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace leat {

Mailbox::Mailbox() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
Mailbox::~Mailbox() { ::close(wake_); }

bool Mailbox::post(Note& note) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    note.next_ = nullptr;
    (last_ ? last_->next_ : first_) = &note;
    last_ = &note;
    any_.store(true);
  }
  if (asleep_.exchange(false)) {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(wake_, &one, sizeof one);  // cannot fill up at 1
  }
  return true;
}

void Mailbox::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

bool Mailbox::may_sleep() {
  asleep_.store(true);
  if (!any_.load()) return true;
  asleep_.store(false);
  return false;
}

void Mailbox::woken() { asleep_.store(false); }

void Mailbox::clear_signal() {
  uint64_t count;
  [[maybe_unused]] ssize_t got = read(wake_, &count, sizeof count);
}

void Mailbox::deliver() {
  if (!any_.load()) return;
  Note* note;
  {
    std::lock_guard lock(mutex_);
    any_.store(false);
    note = std::exchange(first_, nullptr);
    last_ = nullptr;
  }
  while (note) {
    Note* next = note->next_;
    note->arrive();
    note = next;
  }
}

}  // namespace leat
