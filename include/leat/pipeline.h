// Load a pipeline file (or a bare model) and call it.
//
//   auto engine = leat::Engine::make({});
//   auto pipeline = engine->load("faces.yaml");
//   leat::Request request(*pipeline);
//   request.set("photo", *leat::Tensor::bytes(jpeg));
//   leat::Answer answer = pipeline->run(std::move(request));
//   if (answer.status.ok()) use(answer.outputs[0].tensor());
//
// Tensors go in and come out without copies. Threads: Engine, Pipeline and Ticket may be used from
// any thread; a Request or an Answer belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "leat/status.h"
#include "leat/tensor.h"
#include "leat/type.h"

namespace leat {

class Clock;  // src/base/clock.h; only tests need it

// What flows along an edge: nothing (absent), a tensor, or a list of values whose shapes differ
// (ragged; rows of a loop that were gathered). Copies share.
class Value {
 public:
  Value() = default;
  Value(Tensor tensor) : tensor_(std::move(tensor)) {}  // NOLINT: implicit on purpose
  // Takes the rows; they may be absent or lists themselves.
  static Result<Value> list(std::span<Value> rows);
  Value(const Value& other);
  Value(Value&& other) noexcept
      : tensor_(std::move(other.tensor_)), list_(std::exchange(other.list_, nullptr)) {}
  Value& operator=(Value other) noexcept {
    tensor_ = std::move(other.tensor_);
    std::swap(list_, other.list_);
    return *this;
  }
  ~Value() { drop_list(); }

  bool present() const { return list_ != nullptr || static_cast<bool>(tensor_); }
  bool is_list() const { return list_ != nullptr; }
  const Tensor& tensor() const { return tensor_; }  // absent when this is a list
  // Rows of a list.
  std::span<const Value> rows() const;

 private:
  void drop_list();
  Tensor tensor_;
  Block* list_ = nullptr;  // payload: a count, then Values
};

struct Port {
  std::string name;
  Type type;              // of one item; see Pipeline::batched
  bool optional = false;  // input: may be left out. Output: may be absent
};

struct CallOptions {
  // Nanoseconds from now until nobody wants the answer any more; 0: only the pipeline's own
  // timeout.
  int64_t timeout = 0;
  uint32_t priority = 0;  // 1 is the highest, larger is lower, 0 the default (in the middle)
  bool trace = false;     // fill Answer::trace
};

// One execution of one step, as a trace shows it. Times in nanoseconds from the call's start.
struct StepTime {
  std::string_view step;
  int64_t ready;  // its inputs were there
  int64_t begin;  // it began to run
  int64_t end;
  int32_t row;    // in its innermost loop; -1 outside loops
  int32_t batch;  // items that ran together
};

struct Answer {
  Status status;
  std::vector<Value> outputs;  // as Pipeline::outputs(); empty unless status is ok
  std::vector<StepTime> trace;
};

// Told once when a call has ended. Called on whichever thread ended it; must not block or throw.
class Completion {
 public:
  virtual void done(Answer& answer) = 0;

 protected:
  ~Completion() = default;
};

// A call under way.
class Ticket {
 public:
  // What whoever runs a call keeps of it for the holder of its ticket. Any thread may call these;
  // drop() is called once and last.
  class Call {
   public:
    virtual void cancel() = 0;
    virtual void drop() = 0;

   protected:
    ~Call() = default;
  };

  Ticket() = default;
  explicit Ticket(Call* call) : call_(call) {}
  Ticket(Ticket&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  Ticket& operator=(Ticket&& other) noexcept {
    std::swap(call_, other.call_);
    return *this;
  }
  ~Ticket() {
    if (call_) call_->drop();
  }
  // Nobody waits any more: what has not begun will not, and the completion is told kCancelled
  // unless it has been told already.
  void cancel() {
    if (call_) call_->cancel();
  }

 private:
  Call* call_ = nullptr;
};

class Pipeline;

class Request {
 public:
  explicit Request(const Pipeline& pipeline);
  Request(Request&&) = default;
  Request& operator=(Request&&) = default;
  ~Request();
  // Positions are those of Pipeline::inputs(). Checked by submit().
  void set(size_t input, Value value) { inputs_[input] = std::move(value); }
  // kBadInput if there is no such input.
  Status set(std::string_view input, Value value);
  std::span<const Value> inputs() const { return inputs_; }
  CallOptions options;

 private:
  friend class Pipeline;
  const Pipeline* pipeline_;
  std::vector<Value> inputs_;
};

// Counters since the pipeline was loaded. Durations in nanoseconds, summed over calls.
struct PipelineStats {
  struct Timed {
    uint64_t count = 0;
    uint64_t nanos = 0;
  };
  Timed success, fail, queue, compute_input, compute_infer, compute_output;
  uint64_t items = 0;       // rows answered with success
  uint64_t executions = 0;  // model runs
  uint64_t last_call_unix_ms = 0;
  int64_t in_flight = 0;
  // Model runs on so many items at once: joining them, the run, splitting its answer.
  struct Batch {
    uint64_t size = 0;
    uint64_t count = 0;
    uint64_t input_nanos = 0, infer_nanos = 0, output_nanos = 0;
  };
  std::vector<Batch> batches;  // of the sizes that came; the counts' sum is `executions`
};

class Pipeline {
 public:
  virtual ~Pipeline() = default;

  virtual const std::string& name() const = 0;
  virtual const std::string& description() const = 0;
  virtual const std::vector<Port>& inputs() const = 0;
  virtual const std::vector<Port>& outputs() const = 0;
  // True: inputs and outputs have a leading axis of N independent items (-1 in metadata), and a
  // call may bring any N >= 1. The types in inputs() and outputs() are one item's.
  virtual bool batched() const = 0;
  virtual int64_t max_items() const = 0;          // that a call may bring at once; 0: not batched
  virtual std::string_view platform() const = 0;  // "leat", or of a bare model its runtime's
  virtual PipelineStats stats() const = 0;
  // The drawing of the plan. format: mermaid, dot or svg.
  virtual Result<std::string> graph(std::string_view format) const = 0;

  // Would a call with these options be let in now? For refusing before a body is read: it counts as
  // a refusal, and submit() will not ask again if told so.
  virtual Status admit(const CallOptions& options) const = 0;

  // Starts a call. The answer, also a refusal, comes to `completion`, maybe before this returns, at
  // the deadline at the latest; `completion` must live until then. `admitted`: admit() was asked.
  virtual Ticket submit(Request request, Completion& completion, bool admitted = false) const = 0;
  Ticket submit(Request request, std::function<void(Answer&)> done) const;
  // Waits. Not from a step or a completion.
  Answer run(Request request) const;

 protected:
  static std::vector<Value>& inputs_of(Request& request) { return request.inputs_; }
};

struct EngineOptions {
  int threads = 0;  // that run steps; 0: the CPU budget (cgroup quota, affinity, LEAT_CPUS)
  int64_t max_in_flight = 4096;  // calls at once; more are refused with kOverloaded
  bool warm_up = true;           // run each model once at load
  // What runs the steps that have processes of their own (`run_in: process`): a program whose
  // main() begins with worker_main(), and that has the operators of those steps. Empty: the program
  // leat, beside this one or on PATH.
  std::string worker_program{};
  // The interpreter of Python steps, or a virtual environment, unless the pipeline says. Empty:
  // LEAT_PYTHON, or else python3 on PATH.
  std::string python{};
  // Lines that workers print, each with its step's name in front. Null: standard error. Must not
  // block; called from one thread of the engine's.
  std::function<void(std::string_view line)> log{};
  const Clock* clock = nullptr;  // a manual clock makes the engine single-threaded; see
                                 // src/pipeline/executor.h
};

// In a process that an engine has started to run a step for it, main() is worker_main(), which does
// not return while the engine lives:
//   if (leat::is_worker()) return leat::worker_main();
bool is_worker();
int worker_main();

// What metrics call a pipeline.
struct LoadOptions {
  std::string name;  // empty: what its file says
  std::string version = "1";
};

// Threads, memory and loaded models, shared by all pipelines loaded through it.
class Engine {
 public:
  static std::shared_ptr<Engine> make(const EngineOptions& options);
  virtual ~Engine() = default;

  // `path`: a pipeline file (.yaml, .yml) or a model file. On failure the message holds one line
  // "file:line:column: what, what was expected" for every mistake.
  virtual Result<std::shared_ptr<Pipeline>> load(const std::string& path,
                                                 const LoadOptions& options) = 0;
  Result<std::shared_ptr<Pipeline>> load(const std::string& path) { return load(path, {}); }
  // The same from text; relative paths in it start at `folder`.
  virtual Result<std::shared_ptr<Pipeline>> load_text(std::string_view text,
                                                      const std::string& folder) = 0;
  // Prometheus text of every pipeline, step and arena: docs/serving.md lists it. Of pipelines of
  // one name and version, the one loaded last.
  virtual std::string metrics() const = 0;
  // Refuses new calls with kUnavailable and waits until those under way have ended, or until
  // `nanos` have passed, when the rest is cancelled. True if all ended by themselves.
  virtual bool drain(int64_t nanos) = 0;
};

}  // namespace leat
