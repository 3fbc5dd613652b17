#include "pipeline/format.h"

#include <algorithm>

#include "base/text.h"

namespace leat {

const Table& pipeline_table() {
  static const Table table = {
      "pipeline",
      "The file itself.",
      {
          {.name = "leat",
           .forms = kInteger,
           .takes = "`1`",
           .fallback = "",
           .doc = "The version of the format. It comes first by habit.",
           .min = 1,
           .max = 1,
           .required = true},
          {.name = "name",
           .forms = kText,
           .takes = "text",
           .fallback = "",
           .doc = "What the pipeline is served as: letters, digits, `_`, `.` and `-`. Default: the "
                  "file's name without its ending."},
          {.name = "description",
           .forms = kText,
           .takes = "text",
           .fallback = "",
           .doc = "One or two sentences for people."},
          {.name = "inputs",
           .forms = kMapping,
           .takes = "mapping of a name to a type",
           .fallback = "",
           .doc = "What a caller gives, in this order.",
           .required = true},
          {.name = "batched",
           .forms = kFlag,
           .takes = "bool",
           .fallback = "false",
           .doc = "A call may bring N items at once, along a leading axis of every input; inputs "
                  "and outputs are declared as one item's."},
          {.name = "python_env",
           .forms = kText,
           .takes = "path",
           .fallback = "",
           .doc = "The virtual environment, or the interpreter, that runs Python steps. Default: "
                  "the server's."},
          {.name = "plugin",
           .forms = kText | kList,
           .takes = "path, or list of paths",
           .fallback = "",
           .doc = "Shared libraries with operators of your own, relative to this file; its steps "
                  "name them with `op`, as those of this build. `leat ops --plugin FILE` lists "
                  "them."},
          {.name = "timeout",
           .forms = kDuration,
           .takes = "duration",
           .fallback = "",
           .doc = "The longest that a call may take. In a pipeline that is a step of another, the "
                  "longest that each of its steps may take for one item."},
          {.name = "steps",
           .forms = kMapping,
           .takes = "mapping of a name to a step",
           .fallback = "",
           .doc = "What is done. Their order means nothing.",
           .required = true},
          {.name = "outputs",
           .forms = kMapping,
           .takes = "mapping of a name to a value",
           .fallback = "",
           .doc = "What a caller gets, in this order.",
           .required = true},
      }};
  return table;
}

const Table& input_table() {
  static const Table table = {
      "input",
      "An input of the pipeline, when its type alone does not say enough.",
      {
          {.name = "type",
           .forms = kText,
           .takes = "type",
           .fallback = "",
           .doc = "`FP32`, or with its shape `FP32[3,224,224]`.",
           .required = true},
          {.name = "shape",
           .forms = kList,
           .takes = "list of integers and names",
           .fallback = "",
           .doc = "The shape, if it does not stand in `type`; `-1` or a name where it is open."},
          {.name = "default",
           .forms = kAnything,
           .takes = "constant",
           .fallback = "",
           .doc = "The value when a caller leaves the input out."},
          {.name = "optional",
           .forms = kFlag,
           .takes = "bool",
           .fallback = "false",
           .doc = "A caller may leave the input out; without a default it is then absent."},
      }};
  return table;
}

const Table& step_table() {
  static const Table table = {
      "step",
      "One node of the graph. Exactly one of `op`, `model`, `pipeline` and `python` says what "
      "runs.",
      {
          {.name = "op",
           .forms = kText,
           .takes = "name",
           .fallback = "",
           .doc = "An operator of this build, which `leat ops` lists, or of a `plugin`."},
          {.name = "model",
           .forms = kText,
           .takes = "path",
           .fallback = "",
           .doc = "A model file, relative to the pipeline file."},
          {.name = "pipeline",
           .forms = kText,
           .takes = "path",
           .fallback = "",
           .doc = "Another pipeline file. Its steps take this step's place; of the options only "
                  "`inputs`, `for_each` and `when` may be said here."},
          {.name = "python",
           .forms = kText,
           .takes = "`FILE.py:CLASS`",
           .fallback = "",
           .doc = "A Python class, of a file relative to the pipeline file; it runs in processes "
                  "of its own."},
          {.name = "inputs",
           .forms = kMapping,
           .takes = "mapping of a port to a value",
           .fallback = "",
           .doc = "What each input port gets."},
          {.name = "params",
           .forms = kMapping,
           .takes = "mapping",
           .fallback = "",
           .doc = "Parameters of the operator; `leat ops NAME` documents them. Of a Python class, "
                  "the arguments that it is made with."},
          {.name = "ports",
           .forms = kMapping,
           .takes = "mapping of a new name to the model's",
           .fallback = "",
           .doc = "New names for ports of a model."},
          {.name = "runtime",
           .forms = kWord,
           .takes = "`onnxruntime` or `openvino`",
           .fallback = "",
           .doc = "What runs a model. Default: ONNX Runtime; OpenVINO's own files (`.xml`) are run "
                  "by OpenVINO in any case.",
           .words = {"onnxruntime", "openvino"}},
          {.name = "for_each",
           .forms = kText | kList | kMapping,
           .takes = "value, or list of values",
           .fallback = "",
           .doc = "Runs once for every row of the value; of several, walked together."},
          {.name = "when",
           .forms = kText | kFlag,
           .takes = "expression",
           .fallback = "",
           .doc = "The step is skipped where this is false."},
          {.name = "batch",
           .forms = kTable,
           .takes = "mapping",
           .fallback = "",
           .doc = "How items join into batches of a model or a Python class.",
           .table = &batch_table()},
          {.name = "pad",
           .forms = kTable,
           .takes = "mapping",
           .fallback = "",
           .doc = "Lets items of different length share a batch of a model.",
           .table = &pad_table()},
          {.name = "trim",
           .forms = kTable | kList,
           .takes = "mapping, or list of them",
           .fallback = "",
           .doc = "Cuts outputs back to what belongs to the unpadded item.",
           .table = &trim_table()},
          {.name = "instances",
           .forms = kInteger,
           .takes = "integer",
           .fallback = "",
           .doc =
               "How many executions may run at once. Default: as many as the CPU budget carries; "
               "those of a model share one session. Processes: one, and more up to that number "
               "when "
               "items wait for long.",
           .min = 1,
           .max = 1024},
          {.name = "threads",
           .forms = kInteger,
           .takes = "integer",
           .fallback = "1",
           .doc = "Threads of one instance of a model, or of the libraries that a Python class "
                  "uses (`OMP_NUM_THREADS` and the like, unless the server has them).",
           .min = 1,
           .max = 1024},
          {.name = "run_in",
           .forms = kWord,
           .takes = "`thread` or `process`",
           .fallback = "thread",
           .doc = "Where it runs: in this program, or in processes of its own, as many as it has "
                  "instances. Python always does the latter.",
           .words = {"thread", "process"}},
          {.name = "worker",
           .forms = kTable,
           .takes = "mapping",
           .fallback = "",
           .doc = "What the processes of the step may do.",
           .table = &worker_table()},
          {.name = "python_env",
           .forms = kText,
           .takes = "path",
           .fallback = "",
           .doc = "The virtual environment, or the interpreter, of a Python class. Default: the "
                  "pipeline's, or else the server's."},
          {.name = "signature",
           .forms = kTable,
           .takes = "mapping",
           .fallback = "",
           .doc = "What a Python class takes and gives, if it does not say so itself.",
           .table = &signature_table()},
          {.name = "device",
           .forms = kText,
           .takes = "`cpu` or `cuda:N`",
           .fallback = "cpu",
           .doc = "What it runs on.",
           .words_not_yet = {"cuda"}},
          {.name = "queue",
           .forms = kTable,
           .takes = "mapping",
           .fallback = "",
           .doc = "How many items may wait for the step.",
           .table = &queue_table()},
          {.name = "timeout",
           .forms = kDuration,
           .takes = "duration",
           .fallback = "",
           .doc = "The longest that one item may wait and run here."},
          {.name = "on_error",
           .forms = kWord | kTable,
           .takes = "`fail`, `skip` or `{ use: ... }`",
           .fallback = "fail",
           .doc = "When the step fails on an item: the call fails, the step counts as skipped, or "
                  "its outputs have these values. A deadline, a cancellation and a full queue are "
                  "never caught.",
           .words = {"fail", "skip"},
           .table = &use_table()},
          {.name = "retry",
           .forms = kInteger,
           .takes = "integer",
           .fallback = "0",
           .doc = "How often an item on which the step failed is tried again, while the deadline "
                  "allows. Wrong input is not tried again.",
           .min = 0,
           .max = 100},
          {.name = "side_effects",
           .forms = kFlag,
           .takes = "bool",
           .fallback = "false",
           .doc = "The step does something outside of the pipeline, so that no item is given to it "
                  "twice, whatever happens."},
          {.name = "cache",
           .forms = kInteger,
           .takes = "integer",
           .fallback = "0",
           .doc = "How many answers are kept for equal inputs.",
           .min = 0,
           .not_yet = true},
          {.name = "state",
           .forms = kMapping,
           .takes = "mapping of an output to an input",
           .fallback = "",
           .doc = "Outputs that come back as inputs of the next call.",
           .not_yet = true},
      }};
  return table;
}

const Table& value_table() {
  static const Table table = {"value",
                              "A constant.",
                              {{.name = "value",
                                .forms = kAnything,
                                .takes = "number, text, bool, or nested lists",
                                .fallback = "",
                                .doc = "It gets the element type that the port wants.",
                                .required = true}}};
  return table;
}

const Table& first_of_table() {
  static const Table table = {
      "first_of",
      "The first value that is present.",
      {{.name = "first_of",
        .forms = kList,
        .takes = "list of values",
        .fallback = "",
        .doc = "References, `{ gather: ... }` and `{ value: ... }`, in the order of preference.",
        .required = true}}};
  return table;
}

const Table& gather_table() {
  static const Table table = {
      "gather",
      "All rows of a value that lies inside of a loop.",
      {
          {.name = "gather",
           .forms = kText | kMapping,
           .takes = "value inside of a loop",
           .fallback = "",
           .doc = "Closes the innermost loop around it; may be a `gather` itself.",
           .required = true},
          {.name = "absent",
           .forms = kWord | kTable,
           .takes = "`fail`, `drop` or `{ use: ... }`",
           .fallback = "fail",
           .doc = "What becomes of rows that are absent. With `drop` the numbers of the rows kept "
                  "can be had as `rows(x)`.",
           .words = {"fail", "drop"},
           .table = &use_table()},
      }};
  return table;
}

const Table& optional_table() {
  static const Table table = {"optional",
                              "A value without which the step runs all the same.",
                              {{.name = "optional",
                                .forms = kText | kMapping,
                                .takes = "value",
                                .fallback = "",
                                .doc = "A reference, `{ gather: ... }` or `{ first_of: ... }`.",
                                .required = true}}};
  return table;
}

std::vector<const Table*> all_tables() {
  return {&pipeline_table(), &input_table(),     &step_table(),   &value_table(),
          &first_of_table(), &optional_table(),  &gather_table(), &batch_table(),
          &pad_table(),      &multiple_table(),  &trim_table(),   &queue_table(),
          &worker_table(),   &signature_table(), &use_table()};
}

const KeySpec* Table::find(std::string_view key) const {
  auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.name == key; });
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace leat
