// The plan: a checked pipeline with every name turned into a number.
//
// Scopes. Scope 0 is the item itself; every loop (`for_each`) is a scope inside the scope that its
// lists live in. At run time a scope has one frame for every row (scope 0: for every item), and a
// frame is an array of slots, one for every value of the scope:
//   scope 0:  inputs, in file order | step outputs and gathered values
//   a loop:   the rows of its lists, in order | `index`, if used | step outputs, gathered values
// A Source names a value by the scope that holds it, which is the reader's own or one around it.
// compile() makes a Plan from a file; link() (executor) turns it into counters and edges.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "leat/op.h"
#include "leat/pipeline.h"
#include "model/model.h"
#include "pipeline/expression.h"

namespace leat {

class StepWorkers;

struct Place {
  std::string file;
  int line = 0;              // from 1; 0: not from a file
  int column = 0;            // from 1
  std::string text() const;  // "file:line:column"
};

// A value: of a slot, or a constant of the plan.
struct Source {
  int scope = 0;
  int slot = 0;
  int constant = -1;  // index into Plan::constants; then scope and slot mean nothing
  bool operator==(const Source&) const = default;
};

// What one reference of a step's input stands for.
struct Item {
  std::vector<Source> alternatives;  // the first that is present (`first_of`); usually one
  bool optional = false;             // the step runs even if all are absent
};

struct Condition {
  Expression expression;
  std::vector<Source> references;  // as expression.references()
  std::string text{};              // as written, for drawings
};

enum class WhenFull : uint8_t { kReject, kWait, kDropOldest };
enum class OnError : uint8_t { kFail, kSkip, kUse };

struct Pad {
  int input;             // of the model
  int axis;              // of the item
  int64_t multiple = 0;  // 0: to the longest of the batch; else also rounded up to a multiple
  double value = 0;
  int lengths = -1;   // model input that takes each item's true length (INT64 or INT32), if any
  double within = 0;  // lengths between two powers of it join; 0: all
};

struct Trim {
  int output;
  int axis;      // of the item
  double scale;  // kept = ceil(true length of the padded input * scale)
};

// A step that has processes of its own.
struct ProcessOptions {
  bool on = false;
  uint64_t memory = 0;              // bytes that each may use; 0: no limit of its own
  std::vector<int> cpus{};          // that they may use; empty: all of this process's
  Nanos time_limit = 60 * kSecond;  // of a batch
  bool sandbox = false;
  bool spare = true;     // one more, which is ready to take a dead one's place
  std::string python{};  // the interpreter or its environment; empty: the engine's
};

struct StepOptions {
  int instances = 0;           // 0: as many as threads allow
  int threads = 1;             // per instance
  int64_t batch_max = 1;       // compile() settles it
  bool batch_by_time = false;  // of items that go to a process: as many as take a while together
  Nanos batch_delay = 0;
  std::optional<Pad> pad;
  std::vector<Trim> trim;
  int64_t queue_max = 0;  // items that may wait; 0: no bound of its own (calls in flight bound it)
  WhenFull when_full = WhenFull::kReject;
  Nanos timeout = kNever;  // waiting and running of one item
  OnError on_error = OnError::kFail;
  std::vector<int> use;       // on_error: use -> constant by output port; -1: that output is absent
  int retry = 0;              // how often an item on which it failed is tried again
  bool side_effects = false;  // so that nothing is ever tried again
  ProcessOptions process;
};

struct Step {
  std::string name;  // "crop"; of an inlined pipeline "outer.inner"
  Place place;
  int scope = 0;
  std::optional<Condition> when;
  std::vector<std::vector<Item>> inputs;  // by port; none: unconnected
  std::vector<Type> input_types;  // by port, of one item: what each value is checked against
  std::vector<Type> outputs;      // by port, of one item
  std::vector<std::string> input_names, output_names;
  int first_slot = 0;  // outputs lie in slots first_slot, first_slot + 1, ...
  StepOptions options;

  // An operator, a model, or neither: then it is Python's and has workers.
  const OpSpec* spec = nullptr;  // with `op`
  std::unique_ptr<Op> op;
  std::shared_ptr<Model> model;
  std::shared_ptr<StepWorkers> workers;  // the processes that run it; null: this one does
  std::string what;       // the model's file, or FILE.py:CLASS, as written, for people
  std::string model_key;  // equal keys share one session and one queue
  std::vector<int> input_axis, output_axis;  // batch axis by model port; -1: none
  std::vector<int> model_outputs;            // all of the model's, by port
};

enum class IfAbsent : uint8_t { kFail, kDrop, kUse };

// Closes a loop: one value of a scope, collected over its rows into the scope around it.
struct Gather {
  std::string name;  // as written, for messages
  Place place;
  int scope = 0;  // where the result lies: the parent of source.scope
  Source source;  // a slot of the loop
  int slot = 0;
  IfAbsent absent = IfAbsent::kFail;
  int use = -1;        // constant
  int rows_slot = -1;  // where the kept row numbers (INT64[k]) go; -1: nobody asks
};

struct Scope {
  int parent = -1;
  std::vector<Source> lists;  // walked together; their rows are slots 0 .. lists.size()-1
  std::string name;           // "found.boxes" or "a.x, b.y", for messages
  Place place;
  int index_slot = -1;
  int slots = 0;  // how many in all
};

struct PlanInput {
  Port port;
  int fallback = -1;  // constant, when it is left out
};

struct PlanOutput {
  std::string name;
  Item item;  // in scope 0
  Type type;
  bool ragged = false;  // may be a list
  bool may_be_absent = false;
};

struct Plan {
  std::string name;
  std::string version = "1";
  std::string description;
  std::string platform = "leat";
  Place place;
  bool batched = false;
  Nanos timeout = kNever;
  std::vector<PlanInput> inputs;
  std::vector<Scope> scopes;  // a parent stands before its children
  std::vector<Step> steps;    // in an order in which every value is made before it is used
  std::vector<Gather> gathers;
  std::vector<PlanOutput> outputs;
  std::vector<Value> constants;
};

// Where compile() gets models from; the engine shares sessions behind it, tests put fakes here.
class ModelSource {
 public:
  virtual ~ModelSource() = default;
  // `path` is absolute.
  virtual Result<std::shared_ptr<Model>> get(const std::string& path,
                                             const ModelOptions& options) = 0;
  // Processes for a step: see step_process.h. The default: kUnsupported.
  virtual Result<std::shared_ptr<StepWorkers>> start(const std::vector<std::string>& first,
                                                     const StepOptions& options);
};

}  // namespace leat
