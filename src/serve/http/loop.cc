#include "serve/http/loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>

namespace leat {

Loop::Loop(const Clock& clock)
    : clock_(clock),
      real_time_(dynamic_cast<const SteadyClock*>(&clock) != nullptr),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      mailbox_(std::make_shared<Mailbox>()),
      now_(clock.now()) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // the mailbox
  [[maybe_unused]] int done = epoll_ctl(epoll_, EPOLL_CTL_ADD, mailbox_->descriptor(), &event);
  assert(done == 0);
}

Loop::~Loop() {
  finish();
  close(epoll_);
}

void Loop::watch(std::unique_ptr<Watched> watched, int descriptor, bool edges) {
  epoll_event event{};
  event.events = edges ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : EPOLLIN;
  event.data.ptr = watched.get();
  watched->descriptor_ = descriptor;
  watched->place_ = watched_.size();
  watched_.push_back(std::move(watched));
  if (!edges) ++untimed_;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    watched_.back()->on_halt();  // out of kernel memory: only this one suffers
  }
}

void Loop::leave(Watched& watched) {
  if (watched.left_) return;
  watched.left_ = true;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, watched.descriptor_, nullptr);
  size_t place = watched.place_;
  gone_.push_back(std::move(watched_[place]));
  if (place + 1 != watched_.size()) {
    watched_[place] = std::move(watched_.back());
    watched_[place]->place_ = place;
  }
  watched_.pop_back();
}

void Loop::again(Watched& watched) {
  if (watched.again_) return;
  watched.again_ = true;
  again_.push_back(&watched);
}

void Loop::bury() {
  if (gone_.empty()) return;
  std::erase_if(again_, [](Watched* watched) { return watched->left_; });
  gone_.clear();
}

void Loop::sweep() {
  if (now_ < next_sweep_) return;
  next_sweep_ = now_ + kSweep;
  for (size_t i = 0; i < watched_.size(); ++i) {
    Watched& watched = *watched_[i];
    if (watched.deadline_ > now_) continue;
    watched.on_deadline();
    if (watched.left_) --i;  // another stands in its place now
  }
}

void Loop::run() {
  epoll_event events[256];
  while (!halted_) {
    int timeout = 0;
    if (again_.empty() && mailbox_->may_sleep()) {
      // With nobody connected there is nothing to time. A clock that a test moves is looked at
      // often.
      timeout = watched_.size() <= untimed_ ? -1
                : real_time_                ? static_cast<int>(kSweep / kMillisecond)
                                            : 1;
    }
    int count = epoll_wait(epoll_, events, std::size(events), timeout);
    mailbox_->woken();
    now_ = clock_.now();
    for (int i = 0; i < count; ++i) {
      auto* watched = static_cast<Watched*>(events[i].data.ptr);
      if (!watched) {
        mailbox_->clear_signal();
      } else if (!watched->left_) {
        watched->on_events(events[i].events);
      }
    }
    mailbox_->deliver();
    again_now_.swap(again_);
    for (Watched* watched : again_now_) {
      watched->again_ = false;
      if (!watched->left_) watched->on_again();
    }
    again_now_.clear();
    sweep();
    bury();
  }
  finish();
}

void Loop::finish() {
  mailbox_->close();
  mailbox_->deliver();
  each([](Watched& watched) { watched.on_halt(); });
  bury();
}

}  // namespace leat
