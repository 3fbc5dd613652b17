// What the parts of Runner share.
#pragma once

#include <vector>

#include "model/run_stop.h"
#include "pipeline/join.h"
#include "pipeline/metrics.h"
#include "pipeline/runner.h"
#include "pipeline/step_process.h"

namespace leat {

// A batch from its taking to its end.
struct Runner::Batch {
  Nanos begin = 0, end = 0;
  std::vector<BatchMember> members;
  BatchTimes times;
  Status status;              // of all
  std::vector<Status> apart;  // of each member, when they differ
};

}  // namespace leat
