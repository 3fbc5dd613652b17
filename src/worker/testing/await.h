// Waits for a worker's next answer, or its end: what a server's own loop does for many at once.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include "worker/worker.h"

namespace leat {

class AwaitWorker {
 public:
  explicit AwaitWorker(Worker& worker) : worker_(worker), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (int fd : {worker.signal(), worker.process()}) {
      epoll_event event{};
      event.events = fd == worker.signal() ? EPOLLIN | EPOLLET : EPOLLIN;
      event.data.fd = fd;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
  }
  ~AwaitWorker() { close(epoll_); }
  AwaitWorker(const AwaitWorker&) = delete;

  // False: the worker has ended, and everything it said has been received.
  Result<bool> next(Worker::Done& done) {
    while (true) {
      auto any = worker_.receive(done);
      if (!any.ok() || *any) return any;
      if (!worker_.may_sleep()) continue;
      epoll_event event{};
      int count = epoll_wait(epoll_, &event, 1, -1);
      worker_.awake();
      if (count > 0 && event.data.fd == worker_.process()) return worker_.receive(done);
    }
  }

 private:
  Worker& worker_;
  const int epoll_;
};

}  // namespace leat
