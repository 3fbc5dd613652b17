// An operator that keeps a core busy for a stated time: a step whose cost is known.
#pragma once

#include <time.h>

#include "leat/op.h"

namespace bench {

// CPU time of the calling thread: what other threads take from the core is not counted.
inline int64_t thread_nanos() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class Busy final : public leat::Op {
 public:
  explicit Busy(int64_t nanos) : nanos_(nanos) {}
  leat::Status run(leat::OpCall& call) const override {
    int64_t end = thread_nanos() + nanos_;
    while (thread_nanos() < end) {
    }
    call.give(0, call.input(0));
    return {};
  }

 private:
  int64_t nanos_;
};

LEAT_OP(({.name = "bench.busy",
          .doc = "Gives what it gets, after keeping a core busy.",
          .inputs = {{"x", "ANY[...]", "a value"}},
          .outputs = {{"y", "ANY[...]", "the same"}},
          .params = {{.name = "us",
                      .type = leat::ParamType::kInt,
                      .fallback = int64_t{1000},
                      .min = 0,
                      .max = 1e9,
                      .doc = "microseconds of CPU time"}},
          .make = [](leat::OpSetup& setup) -> leat::Result<std::unique_ptr<leat::Op>> {
            return std::unique_ptr<leat::Op>(new Busy(setup.params.integer("us") * 1000));
          }}));

}  // namespace bench
