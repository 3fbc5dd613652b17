#include "worker/worker_pool.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "base/cpu.h"
#include "base/text.h"
#include "worker/process_use.h"
#include "worker/wire.h"

namespace leat {

namespace {

// Answers may lie in an exchange, where a worker has handed an input on, and may be held for longer
// than there is a host. Then its arena stays until one is given up later and it was found empty
// twice: whoever drops the last answer may still be about it the first time.
void give_up(std::unique_ptr<Arena> exchange) {
  struct Held {
    std::unique_ptr<Arena> arena;
    bool empty = false;
  };
  static auto* mutex = new std::mutex;
  static auto* held = new std::vector<Held>;  // guarded by mutex
  std::lock_guard lock(*mutex);
  std::erase_if(*held, [](Held& one) {
    return std::exchange(one.empty, one.arena->stats().in_use == 0) && one.empty;
  });
  if (exchange->stats().in_use > 0) held->push_back({std::move(exchange)});
}

}  // namespace

Result<std::unique_ptr<WorkerHost>> WorkerHost::make(uint64_t exchange_bytes) {
  LEAT_ASSIGN(std::unique_ptr<Arena> exchange, Arena::shared("exchange", exchange_bytes));
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = 0;
  if (epoll < 0 || signal < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, signal, &event) != 0) {
    Status status(Code::kInternal, cat("processes cannot be watched: ", strerror(errno)));
    if (epoll >= 0) close(epoll);
    if (signal >= 0) close(signal);
    return status;
  }
  return std::unique_ptr<WorkerHost>(new WorkerHost(std::move(exchange), epoll, signal));
}

WorkerHost::WorkerHost(std::unique_ptr<Arena> exchange, int epoll, int signal)
    : exchange_(std::move(exchange)), epoll_(epoll), signal_(signal), thread_([this] {
        name_thread("leat-workers");
        run();
      }) {}

WorkerHost::~WorkerHost() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return alive_ == 0; });
    stop_ = true;
  }
  wake();
  thread_.join();
  give_up(std::move(exchange_));
  close(epoll_);
  close(signal_);
}

void WorkerHost::wake() {
  uint64_t one = 1;
  [[maybe_unused]] ssize_t put = write(signal_, &one, sizeof one);
}

void WorkerHost::run() {
  const Clock& clock = SteadyClock::instance();
  std::vector<WorkerPool::Ended> ended;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    // By number: while a process starts the mutex is let go, and pools may come (never go, since
    // only this thread takes them out).
    for (size_t i = 0; i < pools_.size(); ++i) {
      pools_[i]->tend(lock, clock.now(), ended);
    }
    if (std::erase_if(pools_, [](WorkerPool* pool) { return pool->closing_; }) > 0) {
      changed_.notify_all();
    }
    if (!ended.empty()) {
      lock.unlock();
      for (WorkerPool::Ended& one : ended) one.job->done(one.outcome);
      ended.clear();
      lock.lock();
      continue;
    }
    hear(lock, sleep(lock));
  }
}

void WorkerHost::hear(std::unique_lock<std::mutex>& lock, const std::vector<uint64_t>& events) {
  const Nanos now = SteadyClock::instance().now();
  std::vector<WorkerPool::Member*> ended, speak;
  for (WorkerPool* pool : pools_) {
    for (WorkerPool::Member& member : pool->members_) {
      if (std::ranges::count(events, member.number) > 0) {
        ended.push_back(&member);
      } else if (member.worker->printed_due() <= now ||
                 std::ranges::count(events, member.number | kPrinted) > 0) {
        speak.push_back(&member);
      }
    }
  }
  if (ended.empty() && speak.empty()) return;
  lock.unlock();  // which leaves the members: only this thread takes them out
  for (WorkerPool::Member* member : ended) member->worker->finish_printed(now);
  for (WorkerPool::Member* member : speak) member->worker->read_printed(now);
  lock.lock();
  for (WorkerPool::Member* member : ended) member->ended = true;
}

uint64_t WorkerHost::watch(Worker& worker) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = 0;  // its ring is looked at in any case
  bool done = epoll_ctl(epoll_, EPOLL_CTL_ADD, worker.signal(), &event) == 0;
  event.events = EPOLLIN;
  event.data.u64 = ++last_number_;
  done = epoll_ctl(epoll_, EPOLL_CTL_ADD, worker.process(), &event) == 0 && done;
  event.data.u64 |= kPrinted;
  const int printed = worker.printed();
  done = done && (printed < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, printed, &event) == 0);
  return done ? last_number_ : 0;
}

void WorkerHost::unwatch(Worker& worker) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, worker.signal(), nullptr);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, worker.process(), nullptr);
  if (worker.printed() >= 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, worker.printed(), nullptr);
}

bool WorkerHost::spin(std::unique_lock<std::mutex>& lock) {
  if (slept_ > 2 * kSpin) return false;
  std::vector<const Worker*>& busy = spun_on_;  // none goes while this thread is here
  busy.clear();
  for (WorkerPool* pool : pools_) {
    for (WorkerPool::Member& member : pool->members_) {
      if (member.job) busy.push_back(member.worker.get());
    }
  }
  // With a CPU for each of them and one for this thread.
  if (busy.empty() || static_cast<int>(busy.size()) >= cpu_budget()) return false;
  lock.unlock();
  const Clock& clock = SteadyClock::instance();
  const Nanos until = clock.now() + kSpin;
  bool any = false;
  while (!any && clock.now() < until) {
    for (int i = 0; i < 8 && !any; ++i) {
      any = std::ranges::any_of(busy, &Worker::any);
      __builtin_ia32_pause();
    }
  }
  lock.lock();
  return any;
}

std::vector<uint64_t> WorkerHost::sleep(std::unique_lock<std::mutex>& lock) {
  // Now and then the system is asked in any case, who alone knows of deaths.
  if (++sleeps_ % 16 != 0 && spin(lock)) return {};
  // Not sooner: while processes were started others may have handed jobs to workers.
  Nanos until = kNever;
  bool quiet = true;
  for (WorkerPool* pool : pools_) {
    until = std::min(until, pool->due());
    quiet = pool->may_sleep() && quiet;
  }
  Nanos now = SteadyClock::instance().now();
  // Never for ever, so that what is due in a while need not wake it.
  until = std::min(until, now + kLongestSleep);
  int timeout = 0;
  if (quiet) {
    timeout = static_cast<int>((std::max<Nanos>(until - now, 0) + kMillisecond - 1) / kMillisecond);
  }
  asleep_until_ = until;
  lock.unlock();
  epoll_event events[64];
  int count = epoll_wait(epoll_, events, std::size(events), timeout);
  slept_ = timeout == 0 ? slept_ : SteadyClock::instance().now() - now;
  lock.lock();
  asleep_until_ = 0;
  std::vector<uint64_t> ended;
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 != 0) ended.push_back(events[i].data.u64);
  }
  return ended;
}

WorkerPool::WorkerPool(WorkerHost& host, WorkerPoolOptions options)
    : host_(host), options_(std::move(options)), workers_(options_.workers) {}

Result<std::unique_ptr<WorkerPool>> WorkerPool::make(WorkerHost& host, WorkerPoolOptions options) {
  std::unique_ptr<WorkerPool> pool(new WorkerPool(host, std::move(options)));
  Lock lock(host.mutex_);
  host.pools_.push_back(pool.get());
  ++host.alive_;
  host.wake();
  host.changed_.wait(lock, [&] {
    auto ready = std::ranges::count_if(pool->members_, &Member::ready);
    return !pool->trouble_.ok() || ready >= pool->options_.workers;
  });
  if (Status trouble = pool->trouble_; !trouble.ok()) {
    lock.unlock();
    return trouble;
  }
  return pool;
}

WorkerPool::~WorkerPool() {
  {
    Lock lock(host_.mutex_);
    assert(!head_ && std::ranges::all_of(members_, [](Member& m) { return !m.job; }));
    closing_ = true;
    if (std::this_thread::get_id() == host_.thread_.get_id()) {  // in a job's done()
      std::erase(host_.pools_, this);
    } else {
      host_.wake();
      host_.changed_.wait(lock, [&] { return std::ranges::count(host_.pools_, this) == 0; });
    }
  }
  for (Member& member : members_) host_.unwatch(*member.worker);
  members_.clear();  // kills them
  Lock lock(host_.mutex_);
  --host_.alive_;
  host_.changed_.notify_all();
}

Status WorkerPool::bring(std::span<Tensor> inputs) {
  uint32_t arena = host_.exchange().id();  // of the one before
  bool visible = true;
  for (Tensor& tensor : inputs) {
    if (!tensor) continue;
    if (tensor.block()->arena != arena) {
      arena = tensor.block()->arena;
      visible = arena == host_.exchange().id() || Worker::reachable(tensor);
    }
    if (!visible) {
      LEAT_ASSIGN(tensor, copy_into(host_.exchange(), tensor));
    }
  }
  return {};
}

void WorkerPool::grow() {
  if (size() >= options_.most_workers) return;
  Lock lock(host_.mutex_);
  // One at a time: how it does with that shows first.
  if (members_.size() < wanted() || !std::ranges::all_of(members_, &Member::ready)) return;
  if (workers_ >= options_.most_workers) return;
  ++workers_;
  host_.wake();
}

Status WorkerPool::submit(WorkerJob& job, std::vector<Tensor> inputs, uint64_t items) {
  job.next_ = nullptr;
  job.cancelled_ = false;
  job.inputs_ = std::move(inputs);
  job.items_ = items;
  job.since_ = clock_.now();
  Lock lock(host_.mutex_);
  if (!trouble_.ok() && std::ranges::none_of(members_, &Member::ready)) return trouble_;
  if (!head_) {
    bool given = false;
    LEAT_TRY(give(job, given));
    if (given) return {};
  }
  (head_ ? tail_->next_ : head_) = &job;
  tail_ = &job;
  return {};
}

void WorkerPool::hurry(WorkerJob& job, Nanos until) {
  Lock lock(host_.mutex_);
  for (WorkerJob* waiting = head_; waiting; waiting = waiting->next_) {
    if (waiting == &job) job.cancelled_ = true;
  }
  for (Member& member : members_) {
    if (member.job == &job) member.until = std::min(member.until, until);
  }
  host_.wake();
}

// The first of the free: what has worked last is warm, and the spare stays at the end.
Status WorkerPool::give(WorkerJob& job, bool& given) {
  given = false;
  if (std::ranges::count_if(members_, [](Member& m) { return m.job != nullptr; }) >= workers_) {
    return {};
  }
  for (Member& member : members_) {
    if (!member.ready || member.job || member.ended || !member.killed_for.ok()) continue;
    Status status = member.worker->send(reinterpret_cast<uintptr_t>(&job), job.inputs_, job.items_);
    if (status.code() == Code::kOverloaded) return status;
    if (!status.ok()) {
      member.killed_for = status;
      member.worker->kill();
      continue;
    }
    for (const Tensor& input : job.inputs_) sums_.given += whole_size(input);
    job.inputs_.clear();  // the worker has them now
    member.job = &job;
    member.began = clock_.now();
    sums_.waited += member.began - job.since_;
    if (options_.time_limit != kNever) member.until = member.began + options_.time_limit;
    if (due(member) < host_.asleep_until_) {
      host_.asleep_until_ = due(member);
      host_.wake();
    }
    given = true;
    return {};
  }
  return {};
}

bool WorkerPool::may_sleep() {
  bool quiet = true;
  for (Member& member : members_) quiet = member.worker->may_sleep() && quiet;
  return quiet;
}

Nanos WorkerPool::due() const {
  Nanos next = members_.size() < wanted() ? start_at_ : kNever;
  for (const Member& member : members_) {
    next = std::min({next, due(member), member.worker->printed_due()});
  }
  return next;
}

Nanos WorkerPool::due(const Member& member) const {
  if (!member.killed_for.ok()) return kNever;
  const bool works = member.job || !member.ready;
  return options_.setup.memory > 0 && works ? std::min(member.until, member.look_at) : member.until;
}

void WorkerPool::hold_to_limits(Member& member, Nanos now) {
  if (!member.killed_for.ok()) return;
  std::string why;
  if (member.until <= now) {
    why = options_.time_limit == kNever
              ? "nobody waited for it any more"
              : cat("it took longer than its limit of ", options_.time_limit / kMillisecond, " ms");
  } else if (options_.setup.memory > 0 && member.look_at <= now) {
    member.look_at = now + kBetweenLooks;
    if (process_use(member.worker->pid()).anonymous <= options_.setup.memory) return;
    why = cat("it used more than its limit of ", options_.setup.memory >> 20, " MiB");
  } else {
    return;
  }
  member.killed_for = Status(Code::kStepFailed, why + " and was ended");
  member.worker->kill();
}

void WorkerPool::tend(Lock& lock, Nanos now, std::vector<Ended>& ended) {
  for (auto it = members_.begin(); it != members_.end();) {
    Member& member = *it;
    listen(member, ended);
    if (member.ended) {
      bury(member, now, ended);
      it = members_.erase(it);
      continue;
    }
    hold_to_limits(member, now);
    ++it;
  }
  while (members_.size() < wanted() && start_at_ <= now && !closing_) start(lock, now);
  bool hopeless = !trouble_.ok() && std::ranges::none_of(members_, &Member::ready);
  WorkerJob** link = &head_;
  tail_ = nullptr;
  while (WorkerJob* job = *link) {
    if (job->cancelled_) {
      *link = job->next_;
      ended.push_back({job, {.status = Status(Code::kCancelled, "nobody waits for it any more")}});
    } else {
      tail_ = job;
      link = &job->next_;
    }
  }
  while (head_) {
    WorkerJob& job = *head_;
    bool given = false;
    Status status = hopeless ? trouble_ : give(job, given);
    if (status.ok() && !given) break;
    head_ = job.next_;
    if (!status.ok()) ended.push_back({&job, {.status = status, .outputs = {}, .note = {}}});
  }
}

void WorkerPool::start(Lock& lock, Nanos now) {
  lock.unlock();
  auto worker = Worker::start(options_.setup, host_.exchange());
  Status status = worker.ok() ? (*worker)->send(0, options_.first) : worker.status();
  lock.lock();
  if (!status.ok()) return cannot_start(status, now);
  uint64_t number = host_.watch(**worker);
  if (number == 0) {
    return cannot_start(Status(Code::kInternal, "the system lets no more processes be watched"),
                        now);
  }
  if (to_replace_ > 0) {
    --to_replace_;
    ++sums_.restarts;
  }
  Member& member = members_.emplace_back();
  member.worker = *std::move(worker);
  member.number = number;
}

void WorkerPool::cannot_start(const Status& why, Nanos now) {
  trouble_ = why;
  pause_ = std::clamp(2 * pause_, kFirstPause, kLastPause);
  start_at_ = now + pause_;
  host_.changed_.notify_all();
}

void WorkerPool::listen(Member& member, std::vector<Ended>& ended) {
  Worker::Done done;
  while (true) {
    auto any = member.worker->receive(done);
    if (!any.ok()) {
      if (member.killed_for.ok()) {
        member.killed_for = any.status();
        member.worker->kill();
      }
      return;
    }
    if (!*any) return;
    if (!member.ready) {
      if (!done.status.ok()) {
        member.killed_for = done.status;
        member.worker->kill();
        return;
      }
      member.ready = true;
      const auto ready = static_cast<int>(std::ranges::count_if(members_, &Member::ready));
      // The spare stays one, and those that die are replaced: it never shrinks.
      const int work = std::min(ready - (options_.spare ? 1 : 0), workers_);
      size_.store(std::max({size(), work, options_.workers}), std::memory_order_relaxed);
      if (introduction_.empty()) introduction_ = std::move(done.outputs);
      trouble_ = Status();
      host_.changed_.notify_all();
      continue;
    }
    ++member.finished;
    ++sums_.jobs;
    sums_.ran += clock_.now() - member.began;
    for (const Tensor& output : done.outputs) sums_.taken += whole_size(output);
    pause_ = 0;
    member.until = kNever;
    WorkerJob* job = std::exchange(member.job, nullptr);
    ended.push_back({job,
                     {.status = std::move(done.status),
                      .outputs = std::move(done.outputs),
                      .note = std::move(done.note),
                      .ran = done.ran}});
  }
}

void WorkerPool::bury(Member& member, Nanos now, std::vector<Ended>& ended) {
  host_.unwatch(*member.worker);
  ++to_replace_;
  sums_.cpu_seconds += process_use(member.worker->pid()).cpu_seconds;  // while that can be asked
  std::string how = cat("the worker ", member.worker->how_it_ended());
  Status why = member.killed_for.ok() ? Status(Code::kStepFailed, how) : member.killed_for;
  const bool outside = member.worker->killed_from_outside();
  if (member.job) {
    ++sums_.deaths;
    sums_.ran += now - member.began;
    ended.push_back(
        {member.job,
         {.status = why, .outputs = {}, .note = {}, .died = true, .from_outside = outside}});
  }
  if (outside) return;  // which says nothing about the step
  if (!member.ready) return cannot_start(why, now);
  if (member.finished > 0) return;
  pause_ = std::clamp(2 * pause_, kFirstPause, kLastPause);
  start_at_ = now + pause_;
}

std::vector<Tensor> WorkerPool::introduction() const {
  Lock lock(host_.mutex_);
  return introduction_;
}

WorkerPoolStats WorkerPool::stats() const {
  Lock lock(host_.mutex_);
  WorkerPoolStats stats = sums_;
  stats.ready = static_cast<int>(std::ranges::count_if(members_, &Member::ready));
  for (const Member& member : members_) {
    stats.workers.push_back({.pid = member.worker->pid(), .jobs = member.finished, .use = {}});
  }
  lock.unlock();
  for (WorkerStats& worker : stats.workers) {
    worker.use = process_use(worker.pid);
    stats.cpu_seconds += worker.use.cpu_seconds;
  }
  return stats;
}

std::vector<pid_t> WorkerPool::processes() const {
  Lock lock(host_.mutex_);
  std::vector<pid_t> all;
  for (const Member& member : members_) all.push_back(member.worker->pid());
  return all;
}

}  // namespace leat
