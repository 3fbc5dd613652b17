// Workers that are kept alive, and the jobs they do.
//
// A WorkerHost is one thread that watches all workers of an engine; a WorkerPool is some workers
// that run the same step. A job goes to a free worker at once, on the thread that submits it, and
// otherwise waits its turn; its end is told on the host's thread, which must not be kept.
//
// A worker that dies, says what cannot be, or takes longer than the limit (then it is killed) is
// replaced: by the spare if there is one, which is ready to work, and by a new process. The job
// that it had ends with `died`; whether to try again is for whoever knows what the job was. A
// worker that dies by itself without having finished anything is started again later and later
// (kFirstPause doubling to kLastPause); while none can be started, jobs fail with the reason.
//
// Threads: submit() from any; done() and WorkerSetup::log are called on the host's thread, the log
// also by whoever ends the pool.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "worker/process_use.h"
#include "worker/worker.h"

namespace leat {

class WorkerPool;

struct WorkerOutcome {
  Status status{};                // of the step, or why there is no answer
  std::vector<Tensor> outputs{};  // when status is ok, as the note
  std::string note{};
  uint64_t ran = 0;           // nanoseconds that the worker was busy, as it says
  bool died = false;          // the worker has, with this job
  bool from_outside = false;  // and not by anything that the job can have done
};

// Embedded in whoever waits; must live until done().
class WorkerJob {
 public:
  virtual void done(WorkerOutcome& outcome) = 0;

 protected:
  virtual ~WorkerJob() = default;

 private:
  friend class WorkerPool;
  WorkerJob* next_ = nullptr;
  std::vector<Tensor> inputs_;  // in the exchange, or in workers' arenas
  uint64_t items_ = 1;
  Nanos since_ = 0;  // when it was submitted
  bool cancelled_ = false;
};

struct WorkerPoolOptions {
  WorkerSetup setup;
  // The first batch of every worker: it is ready when this is answered, however long that takes.
  std::vector<Tensor> first{};
  int workers = 1;
  int most_workers = 0;       // grow() may make it so many; 0: as many as `workers`
  bool spare = true;          // one more, ready to take a dead one's place
  Nanos time_limit = kNever;  // of a job, once a worker has it
};

// Of one process.
struct WorkerStats {
  pid_t pid = 0;
  uint64_t jobs = 0;  // that it has answered
  ProcessUse use;
};

// Of all workers that there have been, but for `ready` and `workers`.
struct WorkerPoolStats {
  uint64_t restarts = 0;  // workers started in the place of dead ones
  int ready = 0;          // that can take a job or have one, the spare among them
  uint64_t jobs = 0;      // that a worker has answered
  uint64_t deaths = 0;    // jobs with which one died
  Nanos waited = 0;       // until a worker had the job, and
  Nanos ran = 0;          // from then to its answer or end; sums over the jobs
  uint64_t given = 0,
           taken = 0;  // bytes of inputs and outputs, where they lie in shared memory too
  double cpu_seconds = 0;
  std::vector<WorkerStats> workers{};
};

class WorkerHost {
 public:
  // `exchange_bytes`: at most so much is under way to all workers.
  static Result<std::unique_ptr<WorkerHost>> make(uint64_t exchange_bytes);
  ~WorkerHost();  // waits until all pools have gone; answers may be held for longer

  Arena& exchange() { return *exchange_; }

 private:
  friend class WorkerPool;
  WorkerHost(std::unique_ptr<Arena> exchange, int epoll, int signal);
  static constexpr Nanos kLongestSleep = 10 * kSecond;
  static constexpr Nanos kSpin = 50 * kMicrosecond;
  void run();
  void wake();
  // Looks for answers for a moment instead, when they came that soon last time. True: one is there.
  bool spin(std::unique_lock<std::mutex>& lock);
  // Sleeps until something happens or is due; the numbers of those who have ended, and of those who
  // have printed something, with kPrinted.
  std::vector<uint64_t> sleep(std::unique_lock<std::mutex>& lock);
  // Lets what was printed be told, without the lock, and says who has ended.
  void hear(std::unique_lock<std::mutex>& lock, const std::vector<uint64_t>& events);
  // Under a number that no other worker has had: descriptors' numbers are soon used again. 0: the
  // system has no room for it.
  uint64_t watch(Worker& worker);
  void unwatch(Worker& worker);  // before it goes

  static constexpr uint64_t kPrinted = uint64_t{1} << 63;

  std::unique_ptr<Arena> exchange_;
  const int epoll_, signal_;
  std::mutex mutex_;                 // of this and of all its pools
  std::condition_variable changed_;  // a worker became ready or could not be started; one has gone
  std::vector<WorkerPool*> pools_;   // guarded by mutex_
  int alive_ = 0;                    // pools that have not gone; guarded by mutex_
  Nanos asleep_until_ = 0;           // guarded by mutex_
  uint64_t sleeps_ = 0;              // of its own thread, as are the next two
  std::vector<const Worker*> spun_on_;
  Nanos slept_ = 0;           // the last time
  uint64_t last_number_ = 0;  // guarded by mutex_
  bool stop_ = false;         // guarded by mutex_
  std::thread thread_;
};

class WorkerPool {
 public:
  // Returns when all workers are ready, or with the reason that one is not.
  static Result<std::unique_ptr<WorkerPool>> make(WorkerHost& host, WorkerPoolOptions options);
  ~WorkerPool();  // there are no jobs any more; also on the host's thread

  // What lies neither in the exchange nor in a worker's arena is copied to the exchange. After an
  // error done() is not called.
  Status submit(WorkerJob& job, std::vector<Tensor> inputs, uint64_t items = 1);

  // Nobody waits for the job any more: if no worker has it yet it ends with kCancelled, and
  // otherwise it has until `until`, as if that were its time limit. Not after done().
  void hurry(WorkerJob& job, Nanos until);

  // Workers that do jobs at once now, and one more of them if there may be: it is started, and
  // counts when it is ready.
  int size() const { return size_.load(std::memory_order_relaxed); }
  void grow();

  // Puts into the exchange what workers cannot see where it is. For what is large: what a worker is
  // given without that is copied while the host's lock is held.
  Status bring(std::span<Tensor> inputs);
  // What the first worker answered to the first batch.
  std::vector<Tensor> introduction() const;

  // Asks the system about each process.
  WorkerPoolStats stats() const;
  std::vector<pid_t> processes() const;

 private:
  friend class WorkerHost;
  static constexpr Nanos kFirstPause = 100 * kMillisecond;
  static constexpr Nanos kLastPause = 10 * kSecond;
  static constexpr Nanos kBetweenLooks = 200 * kMillisecond;

  struct Member {
    std::unique_ptr<Worker> worker;
    uint64_t number = 0;  // with the host
    bool ready = false;
    bool ended = false;  // the process has
    WorkerJob* job = nullptr;
    Nanos until = kNever;   // when it will have had its job for too long
    Nanos look_at = 0;      // when its memory is to be looked at next
    Nanos began = 0;        // with its job
    uint64_t finished = 0;  // jobs
    Status killed_for;      // why this process killed it
  };
  struct Ended {
    WorkerJob* job;
    WorkerOutcome outcome;
  };
  using Lock = std::unique_lock<std::mutex>;

  WorkerPool(WorkerHost& host, WorkerPoolOptions options);

  // All that follows has the host's mutex, and but for give() is on its thread.
  void tend(Lock& lock, Nanos now, std::vector<Ended>& ended);  // does what is due
  Nanos due() const;                                            // when to do so again
  size_t wanted() const { return static_cast<size_t>(workers_ + (options_.spare ? 1 : 0)); }
  void start(Lock& lock, Nanos now);
  Nanos due(const Member& member) const;
  void hold_to_limits(Member& member, Nanos now);
  void listen(Member& member, std::vector<Ended>& ended);
  void bury(Member& member, Nanos now, std::vector<Ended>& ended);
  void cannot_start(const Status& why, Nanos now);
  Status give(WorkerJob& job, bool& given);
  bool may_sleep();

  WorkerHost& host_;
  const WorkerPoolOptions options_;
  const Clock& clock_ = SteadyClock::instance();
  std::list<Member> members_;  // guarded by the host's mutex, as is the rest
  WorkerJob* head_ = nullptr;  // jobs that wait
  WorkerJob* tail_ = nullptr;
  Nanos pause_ = 0;     // before the last start that was put off
  Nanos start_at_ = 0;  // no start before this
  Status trouble_;      // why the last start failed
  bool closing_ = false;
  int workers_;               // of options_.workers, and grown since
  std::atomic<int> size_{0};  // written under the mutex
  uint64_t to_replace_ = 0;   // dead ones
  WorkerPoolStats sums_;      // as far as they are not made when they are asked for
  std::vector<Tensor> introduction_;
};

}  // namespace leat
