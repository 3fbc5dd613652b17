// A pipeline between its file and its plan: every name has become a number, but which loop a step
// runs in, what types flow, and where values lie is being settled.
//
// The phases, in order, each a file compile_*.cc but where others are named:
//   read     files -> units and steps
//   connect  references -> Ref: compile_values.cc, compile_names.cc, compile_outputs.cc
//   used     what no output needs
//   scopes   for_each -> loops; the scope of every value; the order of the steps
//   types    types along the edges, forward; operators made, backward; types again
//   lower    Draft -> Plan: compile_plan.cc
//
// A Unit is one file: the pipeline itself is unit 0, every `pipeline:` step adds one. Steps and
// values of all units lie in one list, so that inlining is nothing but naming.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "leat/op.h"
#include "pipeline/document.h"
#include "pipeline/format.h"
#include "pipeline/mistakes.h"
#include "pipeline/model_ports.h"
#include "pipeline/plan.h"

namespace leat {

class Plugin;

// A value, by what makes it.
struct Ref {
  enum class Kind : uint8_t {
    kWrong,     // a mistake that has been noted; everything is silent about it
    kInput,     // at: of the pipeline
    kStep,      // at: step, port: output
    kGather,    // at: of Draft::gathers
    kRows,      // at: of Draft::rows
    kIndex,     // the row's number in the reader's innermost loop
    kConstant,  // at: of Draft::constants
    kOutput,    // at: of Draft::outputs; gone after close_outputs()
    kClosed,    // at: of Draft::closed
  };
  Kind kind = Kind::kWrong;
  int at = 0;
  int port = 0;
  auto operator<=>(const Ref&) const = default;
  bool wrong() const { return kind == Kind::kWrong; }
};

// As Item of the plan, with where it is written.
struct DraftItem {
  std::vector<Ref> alternatives;
  bool optional = false;
  Place place;
  std::string written;  // for messages
};

// Rows of a value of a loop, collected in the scope around the loop.
struct DraftGather {
  Ref inner;
  IfAbsent absent = IfAbsent::kFail;
  const Node* use = nullptr;
  Place place;
  std::string written;
};

// rows(inner): the numbers of the rows that the gather of `inner` with `drop` kept.
struct DraftRows {
  Ref inner;
  Place place;
  std::string written;
  int gather = -1;
};

// An output of a unit seen from outside: gathered through all loops of that unit.
struct DraftClosed {
  Ref inner;
  int unit;
  bool used = false;
};

struct DraftOutput {
  std::string name;
  int unit = 0;
  DraftItem item;
};

// One `for_each`, as written. Those that turn out to be one loop get the same scope.
struct DraftSet {
  int unit = 0;
  std::vector<Ref> lists;
  Place place;
  std::string written;
};

struct DraftCondition {
  std::string text;
  Place place;
  std::vector<Ref> references;  // as Expression::references()
};

struct DraftStep {
  std::string name;  // with the prefix of its unit
  int unit = 0;
  Place place;       // of its name
  Place what_place;  // of the operator's or the model's name
  const Node* node = nullptr;
  int set = -1;                            // its own for_each
  std::vector<DraftCondition> conditions;  // all must hold; the outer units' first
  std::vector<std::vector<DraftItem>> inputs;
  std::vector<std::string> input_names, output_names;
  std::vector<Type> input_types, output_types;  // of the signature
  StepOptions options;
  const Node* use = nullptr;  // on_error: { use: ... }, by output
  const OpSpec* spec = nullptr;
  const Plugin* plugin = nullptr;  // that brought it
  Params params;
  std::shared_ptr<Model> model;
  std::shared_ptr<StepWorkers> workers;
  std::vector<std::string> description;  // of an operator, for its workers
  ModelPorts ports;
  std::string model_key;
  bool broken = false;  // what runs is not known; its ports cannot be checked
  bool used = false;
};

struct DraftInput {
  std::string name;
  Place place;
  Type type;
  bool optional = false;
  int fallback = -1;  // constant
};

struct Unit {
  std::unique_ptr<Document> document;
  std::string file;    // as messages name it
  std::string folder;  // absolute; paths in it start here
  std::string prefix;  // "outer." of its steps' names
  int parent = -1;
  std::string path;                   // canonical; empty for texts
  std::map<std::string, int> inputs;  // of `input_list`
  std::vector<DraftInput> input_list;
  std::vector<Ref> input_values;       // what stands behind each: in unit 0 the input itself
  std::vector<DraftItem> connections;  // of its inputs, where it is a step
  std::map<std::string, int> steps;    // of Draft::steps
  std::map<std::string, int> units;    // `pipeline` steps: of Draft::units
  std::map<std::string, int> outputs;  // of Draft::outputs
  std::vector<std::string> broken;     // names of steps that could not be read
  std::vector<const Plugin*> plugins;
  bool plugin_missing = false;             // one could not be loaded, and with it its operators
  int set = -1;                            // for_each of the step that it is
  std::vector<DraftCondition> conditions;  // `when` of the step that it is, and of those around it
  Place place;                             // of that step's name
  Nanos timeout = kNever;
  bool used = false;
};

// A loop once it is settled, or scope 0.
struct DraftScope {
  int parent = -1;
  int unit = 0;
  std::vector<Ref> lists;
  Place place;
  std::string written;
};

// What is known of a value.
struct Known {
  Type type = Type::anything();  // as if it were a tensor
  int ragged = 0;                // so many leading axes may be lists instead
  bool may_be_absent = false;
};

struct Draft {
  ModelSource* models = nullptr;
  Mistakes mistakes;
  std::vector<std::unique_ptr<Unit>> units;
  std::vector<std::unique_ptr<DraftStep>> steps;
  std::vector<DraftGather> gathers;
  std::vector<DraftRows> rows;
  std::vector<DraftClosed> closed;
  std::vector<DraftOutput> outputs;
  std::vector<DraftSet> sets;
  std::vector<Value> constants;
  bool lost = false;  // a name means nothing, so that what it meant may seem unused

  // Filled by settle_scopes().
  std::vector<DraftScope> scopes;  // a parent stands before its children
  std::vector<int> set_scope;      // by set
  std::vector<int> step_scope;     // by step
  std::vector<int> unit_scope;     // by unit: where its steps are, or inside of it
  std::vector<int> order;          // steps, each after what it uses

  // Filled by settle_types().
  std::vector<std::vector<Known>> known;       // by step and output
  std::vector<std::vector<Type>> input_types;  // by step and input, dimensions unified
  std::vector<std::unique_ptr<Op>> ops;        // by step
  std::vector<Known> output_known;             // by output of unit 0

  int add_constant(Value value) {
    constants.push_back(std::move(value));
    return static_cast<int>(constants.size()) - 1;
  }
};

constexpr size_t kMostSteps = 1000;
constexpr int64_t kItemsAtOnce = 32;  // that go to a process as one batch, unless the file says

// Reads unit 0 from `document` and everything that it includes.
void read_units(Draft& draft, std::unique_ptr<Document> document, const std::string& file,
                const std::string& folder, const std::string& path);

// The parts of reading.
void read_plugins(Draft& draft, Unit& unit, const Node& files);
// The operator `name` of this build or of the unit's plug-ins. Null: noted as a mistake.
const OpSpec* find_op(Draft& draft, const Unit& unit, const Node& name, const Plugin*& plugin);
void read_step(Draft& draft, Unit& unit, int unit_number, const Entry& entry);  // all but values
void read_options(const Fields& fields, const Unit& unit, DraftStep& step, Mistakes& mistakes);
std::optional<Params> read_params(const Node* node, const OpSpec& spec, const Place& place,
                                  const std::string& folder, Mistakes& mistakes);
void connect_units(Draft& draft);  // the values that steps, conditions, loops and outputs name
// What `text` names in the unit's file; `shown` is how it is written there, for messages.
Ref resolve(Draft& draft, Unit& unit, const std::string& text, const std::string& shown,
            const Place& place);
void close_outputs(Draft& draft);  // the last of it: kOutput becomes kClosed

// Notes steps that nothing needs, and takes out those of inlined pipelines that are not needed
// here.
void find_used(Draft& draft);

bool settle_scopes(Draft& draft);  // false: there is a cycle, and nothing more can be said
void settle_types(Draft& draft);
std::unique_ptr<Plan> lower(Draft& draft);

std::string name_of(const Draft& draft, const Ref& ref);  // for messages

// After settle_scopes().
// The scope that holds the value; of a constant 0; of kIndex 0.
int scope_of(const Draft& draft, const Ref& ref);
// A list of a loop around (or at) `reader` is seen as its row: the loop and which list. {-1, -1}:
// it is seen whole.
struct Row {
  int scope = -1;
  int list = -1;
};
Row row_of(const Draft& draft, const Ref& ref, int reader);

// Every value that a step names: inputs, conditions and lists.
void for_each_use(const Draft& draft, const DraftStep& step,
                  const std::function<void(const Ref&, const Place&)>& use);

}  // namespace leat
