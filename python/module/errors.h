// Failures become the exceptions of leat/_errors.py.
#pragma once

#include <nanobind/nanobind.h>

#include <utility>

#include "leat/status.h"

namespace leat {

namespace nb = nanobind;

// Raises what `status`, which is not ok, stands for. Needs the GIL.
[[noreturn]] void raise(const Status& status);

inline void check(const Status& status) {
  if (!status.ok()) raise(status);
}

// The value, or its exception.
template <typename T>
T value_of(Result<T> result) {
  if (!result.ok()) raise(result.status());
  return *std::move(result);
}

// The exception itself, as an object.
nb::object exception_of(const Status& status);

// Passes on the Python exception that is set.
[[noreturn]] inline void raise_python() { throw nb::python_error(); }

// A Python object that may be missing because an exception is set.
inline nb::object own(PyObject* made) {
  if (!made) raise_python();
  return nb::steal(made);
}

}  // namespace leat
