#include <algorithm>

#include "base/text.h"
#include "pipeline/format.h"

namespace leat {

const Table& batch_table() {
  static const Table table = {
      "batch",
      "How items join into batches of a model.",
      {
          {.name = "max",
           .forms = kInteger,
           .takes = "integer",
           .fallback = "4",
           .doc =
               "The most items of a batch. Models without a batch axis, or fixed at batch 1, run "
               "item by item: there the default is 1, and more is refused.",
           .min = 1,
           .max = 4096},
          {.name = "delay",
           .forms = kDuration,
           .takes = "duration",
           .fallback = "0ms",
           .doc = "How long the oldest item may be held for others to join. A free instance starts "
                  "earlier at `max`, or when no call in flight can still reach the step."},
          {.name = "axis",
           .forms = kInteger | kWord | kMapping,
           .takes = "integer, `none`, or mapping of a port to these",
           .fallback = "",
           .doc = "The batch axis of all ports, or port by port. Default: axis 0 where the model "
                  "leaves it open.",
           .words = {"none"},
           .min = 0,
           .max = 7},
      }};
  return table;
}

const Table& pad_table() {
  static const Table table = {
      "pad",
      "Lets items whose length along one axis differs share a batch.",
      {
          {.name = "port",
           .forms = kText,
           .takes = "input port",
           .fallback = "",
           .doc = "The input that is padded.",
           .required = true},
          {.name = "axis",
           .forms = kInteger,
           .takes = "integer",
           .fallback = "0",
           .doc = "Along which axis of an item.",
           .min = 0,
           .max = 7},
          {.name = "to",
           .forms = kWord | kTable,
           .takes = "`longest` or `{ multiple: N }`",
           .fallback = "longest",
           .doc = "The length of all: the longest of the batch, or that rounded up.",
           .words = {"longest"},
           .table = &multiple_table()},
          {.name = "within",
           .forms = kNumber,
           .takes = "number",
           .fallback = "",
           .doc = "Only lengths between two powers of this join: 1.25 fills up a quarter at most. "
                  "Default: all lengths do.",
           .min = 1.01,
           .max = 100},
          {.name = "value",
           .forms = kNumber,
           .takes = "number",
           .fallback = "0",
           .doc = "What is filled in."},
          {.name = "lengths",
           .forms = kText,
           .takes = "input port",
           .fallback = "",
           .doc = "An input of the model that is to get each item's true length; it needs no "
                  "connection then."},
      }};
  return table;
}

const Table& multiple_table() {
  static const Table table = {"multiple",
                              "Rounds a padded length up.",
                              {{.name = "multiple",
                                .forms = kInteger,
                                .takes = "integer",
                                .fallback = "",
                                .doc = "The length of all is a multiple of this.",
                                .min = 1,
                                .max = 65536,
                                .required = true}}};
  return table;
}

const Table& trim_table() {
  static const Table table = {
      "trim",
      "Cuts an output of a padded batch back to what belongs to each item.",
      {
          {.name = "port",
           .forms = kText,
           .takes = "output port",
           .fallback = "",
           .doc = "The output that is cut.",
           .required = true},
          {.name = "axis",
           .forms = kInteger,
           .takes = "integer",
           .fallback = "0",
           .doc = "Along which axis of an item.",
           .min = 0,
           .max = 7},
          {.name = "scale",
           .forms = kNumber,
           .takes = "number",
           .fallback = "1",
           .doc = "Of the item's true length this share is kept, rounded up.",
           .min = 1e-6,
           .max = 1e6},
      }};
  return table;
}

const Table& queue_table() {
  static const Table table = {
      "queue",
      "How many items may wait for a step, and what happens to one more.",
      {
          {.name = "max",
           .forms = kInteger,
           .takes = "integer",
           .fallback = "0",
           .doc = "How many may wait; 0: as many as the calls in flight bring.",
           .min = 0,
           .max = 1'000'000},
          {.name = "when_full",
           .forms = kWord,
           .takes = "`reject`, `wait` or `drop_oldest`",
           .fallback = "reject",
           .doc = "The new item is refused, held back, or takes the oldest one's place.",
           .words = {"reject", "wait", "drop_oldest"}},
      }};
  return table;
}

const Table& worker_table() {
  static const Table table = {
      "worker",
      "What the processes of a step may do.",
      {
          {.name = "time_limit",
           .forms = kDuration,
           .takes = "duration",
           .fallback = "1m",
           .doc = "How long one batch may take; a process that takes longer is ended. The step's "
                  "`timeout`, if it is shorter, counts."},
          {.name = "memory",
           .forms = kText,
           .takes = "size",
           .fallback = "",
           .doc = "How much memory each may use, as in `512MiB`."},
          {.name = "cpus",
           .forms = kText | kInteger,
           .takes = "list of CPUs as in `0-3,6`",
           .fallback = "",
           .doc = "The CPUs that they may use."},
          {.name = "sandbox",
           .forms = kFlag,
           .takes = "bool",
           .fallback = "false",
           .doc = "Once it has been set up, the process can compute and answer, and nothing else: "
                  "no files, no network, no programs."},
          {.name = "spare",
           .forms = kFlag,
           .takes = "bool",
           .fallback = "true",
           .doc = "One more process is kept ready, to take the place of one that dies."},
      }};
  return table;
}

const Table& signature_table() {
  static const Table table = {
      "signature",
      "What a Python class takes and gives, of one item: instead of what the class says.",
      {
          {.name = "inputs",
           .forms = kMapping,
           .takes = "mapping of a name to a type",
           .fallback = "",
           .doc = "As in `{ x: FP32[16] }`."},
          {.name = "outputs",
           .forms = kMapping,
           .takes = "mapping of a name to a type",
           .fallback = "",
           .doc = "Likewise."},
      }};
  return table;
}

const Table& use_table() {
  static const Table table = {"use",
                              "What a step gives when it fails.",
                              {{.name = "use",
                                .forms = kMapping,
                                .takes = "mapping of an output port to a constant",
                                .fallback = "",
                                .doc = "Outputs that are not named are absent.",
                                .required = true}}};
  return table;
}

}  // namespace leat
