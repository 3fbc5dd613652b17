// What a worker writes to its standard output and error: lines for the server's log.
//
// One pipe takes both, so that they stay in order. A worker that writes more than anybody reads is
// not waited for and not slowed down: so many lines are told in a second, and then how many were
// not. A line is told when it ends, or the worker does.
//
// Threads: one at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "worker/descriptor.h"

namespace leat {

class Printed {
 public:
  using Log = std::function<void(std::string_view line)>;

  static constexpr size_t kLongestLine = 4096;  // bytes: what is more is cut off
  static constexpr int kMostLines = 200;        // in a second
  static constexpr size_t kAtOnce = 64 << 10;   // bytes that one read() takes

  Printed() = default;  // nothing is printed
  // `pipe`: its reading end, non-blocking.
  Printed(Descriptor pipe, Log log) : pipe_(std::move(pipe)), log_(std::move(log)) {}

  // To be watched; -1: nothing comes any more.
  int descriptor() const { return pipe_.get(); }
  // Tells of what is there now, and of lines that were left out until due().
  void read(Nanos now);
  Nanos due() const { return left_out_ > 0 ? second_ + kSecond : kNever; }
  // Nobody writes any more: tells of the rest.
  void finish(Nanos now);

 private:
  bool take();  // False: there is nothing now, or never again
  void add(std::string_view text);
  void end_line();
  void tell_left_out();

  Descriptor pipe_;
  Log log_;
  std::string line_;       // what has come of one, with one byte more where it is to be cut
  Nanos second_ = 0;       // when the last second began
  int told_ = 0;           // in it
  uint64_t left_out_ = 0;  // likewise
};

}  // namespace leat
