// Engines that Python holds, each of the process (the generation) that made it.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "courier.h"
#include "leat/pipeline.h"
#include "process.h"

namespace leat {

namespace nb = nanobind;

// Unavailable: made in the parent of this process.
[[noreturn]] void raise_forked();

// Something with threads behind it. In a child of the process that made it these are gone: get()
// raises, and letting it go leaks it, as it could only be ended by them. So does the end of the
// process, which waits for nothing. Else it is let go without the GIL, since that may wait.
template <typename T>
class Rooted {
 public:
  Rooted() = default;
  explicit Rooted(T object) : object_(std::move(object)), generation_(generation()) {}
  Rooted(Rooted&&) = default;
  Rooted& operator=(Rooted&&) = default;
  ~Rooted() {
    if (!object_) return;
    if (generation_ != generation() || Courier::closed()) {
      new T(std::move(object_));
      return;
    }
    nb::gil_scoped_release released;
    object_ = {};
  }

  const T& get() const {
    if (generation_ != generation()) raise_forked();
    return object_;
  }

 private:
  T object_;
  uint32_t generation_ = 0;
};

class EngineHandle {
 public:
  explicit EngineHandle(const EngineOptions& options);
  const std::shared_ptr<Engine>& get() const { return engine_.get(); }

 private:
  Rooted<std::shared_ptr<Engine>> engine_;
};

void bind_engine(nb::module_& module);

// Cancels the calls of every engine of this process, refuses new ones, and waits a moment for what
// runs. Needs the GIL.
void end_engines();

}  // namespace leat
