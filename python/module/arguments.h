// The arguments of a call, as Python's fast calling convention hands them over.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leat {

namespace nb = nanobind;

// Names of arguments, kept as Python's own strings so that one is mostly found by its address.
class Names {
 public:
  void add(const std::string& name);
  size_t size() const { return names_.size(); }
  PyObject* operator[](size_t i) const { return names_[i].ptr(); }
  std::string text(size_t i) const;
  std::optional<size_t> find(PyObject* name) const;

 private:
  std::vector<nb::object> names_;
};

// A name that is a word of Python's gets an underscore behind it: class_.
std::string python_name(const std::string& name);

std::string text_of(PyObject* string);

using FastCall = PyObject* (*)(PyObject* self, PyObject* const* values, Py_ssize_t count,
                               PyObject* keywords);

// A description, for ever, of a function whose arguments come by the fast convention.
PyMethodDef* describe_function(const std::string& name, const std::string& doc, FastCall call);
// Such a function; `self` is what it is told.
nb::object make_function(PyMethodDef* description, const std::string& module, nb::handle self);

}  // namespace leat
