// Values both ways.
//
// What comes from Python is borrowed where it lies in one piece, row-major, and is copied once
// otherwise; a tensor on borrowed memory holds a reference to its owner. What goes to Python is an
// array on leat's memory, which holds the tensor, except for BYTES, which become bytes: one for a
// text, nested lists for others. docs/python.md has the rules for users.
//
// The GIL is held in all of these; tensors may be dropped without it.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "leat/pipeline.h"
#include "leat/tensor.h"
#include "leat/type.h"

namespace leat {

namespace nb = nanobind;

// `value` as a tensor for a port that takes `type`. Arrays are never converted: whether they fit is
// for the caller to check. Numbers and lists, which have no element type, get one that the port
// takes. kBadInput for what can be no tensor.
Result<Tensor> tensor_from(PyObject* value, const Type& type);

// `fresh`: made for this caller, so that the array may be written to where nothing else shares it.
nb::object to_python(const Tensor& tensor, bool fresh);
// Of a call to `from`: absent: None, a list: a list. What lies in memory of the engine's own keeps
// the engine.
nb::object to_python(const Value& value, const std::shared_ptr<Pipeline>& from);

// A tuple as `type`, which is a subclass of tuple.
nb::object as_answer(nb::handle type, nb::handle tuple);

// Makes the type that keeps tensors alive. Once, at import.
void make_memory_type();

}  // namespace leat
