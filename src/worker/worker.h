// A process that runs steps for this one.
//
// Server and worker share three memories: the exchange, where the server puts what workers are to
// read; the worker's own arena, which is the heap of that process, so that whatever it makes is
// where the server can see it; and two rings of messages (ring.h). A batch goes over as one message
// that says where its tensors lie, and comes back as one; no payload is copied. Outputs of one
// worker are inputs of another as they are: it maps the arena where they lie, for reading.
//
//   server                               worker
//   Worker::start()                      WorkerEnd::attach()
//   send(id, inputs)      -- kRun  -->   serve(run): run(inputs, outputs)
//   receive(done)         <- kDone --
//   outputs go            -- kFree -->   the memory is used again
//                         -- kMap  -->   what is in another worker's arena can be read
//   that arena goes       -- kUnmap ->
//
// The server believes nothing that a worker says. A worker that says what cannot be is to be
// killed; the batches that it had are then the caller's to try again. Its memory stays mapped for
// as long as outputs of it are in use.
//
// A worker ends with the thread that started it, whatever ends that (PR_SET_PDEATHSIG): start it
// from one that lives as long as the worker is wanted.
//
// Threads: send() and the release of outputs from any thread; receive() and the rest from one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "leat/tensor.h"
#include "memory/arena.h"

namespace leat {

struct WorkerSetup {
  std::string program{};                     // path
  std::vector<std::string> arguments{};      // after the program's name
  uint64_t arena_bytes = uint64_t{1} << 30;  // that its tensors may take
  // Is told what it prints, line by line (see printed.h); null: it prints where this process does.
  std::function<void(std::string_view line)> log{};
  std::vector<std::string> environment{};  // NAME=value, beside and before this process's own
  std::vector<int> cpus{};                 // that it may run on; empty: where this process may
  // Bytes that it may use beside its arena; 0: no limit. An allocation that comes to twice as much
  // fails. Whoever watches the process ends one that uses more: WorkerPool does.
  uint64_t memory = 0;
  bool sandbox = false;  // from its first answer on: see sandbox.h
};

class Worker {
 public:
  struct Done {
    uint64_t id = 0;
    Status status;  // of the batch; kStepFailed with the step's own words
    std::vector<Tensor> outputs;
    std::string note;  // that the worker gave along
    uint64_t ran = 0;  // nanoseconds, as it says
  };

  // `exchange`: a shared arena, which outlives the worker and all inputs.
  static Result<std::unique_ptr<Worker>> start(const WorkerSetup& setup, Arena& exchange);
  ~Worker();  // kills it, and waits until it has gone
  Worker(const Worker&) = delete;

  // What lies neither in the exchange nor in a worker's arena is copied to the exchange. `items`:
  // what the worker is to be told beside. kOverloaded: too much is under way.
  Status send(uint64_t id, std::span<const Tensor> inputs, uint64_t items = 1);
  // The next answer. False: there is none now. After an error the worker is of no more use.
  Result<bool> receive(Done& done);
  // Batches that were sent and not answered.
  std::vector<uint64_t> under_way() const;

  // An eventfd that is signalled when an answer comes after may_sleep() was true: to be watched for
  // edges (EPOLLET), and never read. And a pidfd: readable when the process has ended.
  int signal() const;
  int process() const;
  bool any() const;  // is there something to receive()?
  bool may_sleep();
  void awake();

  // Is `tensor` where any worker can be shown it, so that send() need not copy it?
  static bool reachable(const Tensor& tensor);

  // What it prints comes from a pipe that is to be watched (-1: there is none any more), and is
  // told by read_printed(), which is also due at some time, and before it goes at the latest. May
  // not be called from two threads at once.
  int printed() const;
  Nanos printed_due() const;
  void read_printed(Nanos now);
  void finish_printed(Nanos now);  // when it has ended

  pid_t pid() const;
  void kill();
  // Waits for its end: "was killed by signal 11 (Segmentation fault)".
  std::string how_it_ended();
  // By a signal that people and systems end processes with, and not by kill(). Once it has ended.
  bool killed_from_outside() const;

 private:
  class Shared;
  explicit Worker(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

// The worker's side, in its own process.
class WorkerEnd {
 public:
  // An error's message goes into the log of whoever started the process by hand.
  static Result<std::unique_ptr<WorkerEnd>> attach();
  ~WorkerEnd();

  struct Batch {
    std::span<const Tensor> inputs;
    uint64_t items;
  };
  struct Made {
    std::vector<Tensor> outputs;
    std::string note;
  };
  // `made` is empty, and counts when the status is ok.
  using Run = std::function<Status(const Batch& batch, Made& made)>;
  // Runs what comes, for ever: the server ends this process. After the first batch it enters the
  // sandbox if the server wants that; if it cannot, that is its answer.
  [[noreturn]] void serve(const Run& run);

 private:
  struct State;
  explicit WorkerEnd(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace leat
