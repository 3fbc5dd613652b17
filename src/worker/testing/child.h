// The children of this folder's tests: the test program starts itself as a worker, with a first
// argument "part=NAME" that says what it is to do.
#pragma once

#include <string>

#include "worker/worker.h"

namespace leat {

// The NAME of this process; empty: it is the test itself.
std::string child_part();

// This program as a worker that does `part`:
//   twice  gives every input back, doubled (FP32)
//   same   gives every input back
//   obey   does what its first input says, with the others: see child.cc
WorkerSetup child(const std::string& part, uint64_t arena_bytes = 64 << 20);

}  // namespace leat
