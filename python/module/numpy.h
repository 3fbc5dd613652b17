// numpy's arrays, through the table of functions that it hands to extensions, so that its headers
// are not needed to build. What is used of the table, and of an array's layout, has stayed the same
// since numpy 1.7 and through 2.x.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
#include <span>

#include "leat/tensor.h"

namespace leat {

namespace nb = nanobind;

// The head of an array, as numpy lays it out.
struct NumpyArray {
  PyObject_HEAD;
  char* data;
  int rank;
  Py_ssize_t* dims;
  Py_ssize_t* strides;
  PyObject* base;
  PyObject* descr;
  int flags;

  bool contiguous() const { return (flags & 1) != 0; }
  bool aligned() const { return (flags & 0x100) != 0; }
  bool writable() const { return (flags & 0x400) != 0; }
  std::span<const Py_ssize_t> shape() const { return {dims, static_cast<size_t>(rank)}; }
};

class Numpy {
 public:
  // The GIL is held. Raises ImportError where there is no numpy.
  static const Numpy& get();

  // Null when it is not an array.
  const NumpyArray* array(PyObject* object) const {
    return PyObject_TypeCheck(object, type_) ? reinterpret_cast<NumpyArray*>(object) : nullptr;
  }
  // Of its elements; nothing where leat has no such type or they are in another byte order. BF16 is
  // ml_dtypes' bfloat16.
  std::optional<DType> dtype(const NumpyArray& array) const;

  // An array on the memory of `tensor`, which is not BYTES, that `base` keeps alive. BF16 needs
  // ml_dtypes.
  nb::object view(const Tensor& tensor, bool writable, nb::object base) const;

 private:
  Numpy();
  nb::object bfloat16() const;

  PyTypeObject* type_;
  PyObject* (*descr_from_type_)(int);
  PyObject* (*new_from_descr_)(PyTypeObject*, PyObject*, int, const Py_ssize_t*, const Py_ssize_t*,
                               void*, int, PyObject*);
  int (*set_base_)(PyObject*, PyObject*);
};

}  // namespace leat
