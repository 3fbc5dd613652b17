// Messages from any thread to a loop's. Outlives the loop: what comes too late is told so.
#pragma once

#include <atomic>
#include <mutex>

namespace leat {

class Mailbox {
 public:
  // Something to be delivered, linked without allocation. At most once in a mailbox at a time.
  class Note {
   public:
    virtual ~Note() = default;
    virtual void arrive() = 0;  // on the loop's thread

   private:
    friend class Mailbox;
    Note* next_ = nullptr;
  };

  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;

  // False when the loop has gone; the note then stays the caller's.
  bool post(Note& note);
  // Nothing is accepted any more. What has been accepted may still be delivered.
  void close();

  // For the loop. The descriptor becomes readable when a note comes while the loop sleeps.
  int descriptor() const { return wake_; }
  bool may_sleep();  // false: there are notes
  void woken();      // notes need no signal from here on
  void clear_signal();
  void deliver();  // all there are

 private:
  const int wake_;
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::atomic<bool> any_{false};  // there are notes; written under mutex_
  Note* first_ = nullptr;         // guarded by mutex_
  Note* last_ = nullptr;
  bool closed_ = false;
};

}  // namespace leat
