#include "values.h"

#include <new>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "courier.h"
#include "engine.h"
#include "errors.h"
#include "memory/arena.h"
#include "numpy.h"

namespace leat {

namespace {

// What an array on leat's memory has as its base.
struct Memory {
  PyObject_HEAD;
  Rooted<std::shared_ptr<Pipeline>> engine;  // of the arena, where it is not the heap
  Tensor tensor;
};

PyTypeObject* memory_type = nullptr;

void free_memory(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  auto* memory = reinterpret_cast<Memory*>(self);
  memory->tensor.~Tensor();
  memory->engine.~Rooted();
  type->tp_free(self);
  Py_DECREF(type);
}

nb::object memory_of(const Tensor& tensor, const std::shared_ptr<Pipeline>& from) {
  nb::object made = own(memory_type->tp_alloc(memory_type, 0));
  auto* memory = reinterpret_cast<Memory*>(made.ptr());
  new (&memory->tensor) Tensor(tensor);
  const uint32_t arena = tensor.block()->arena;
  const bool lent = arena == 0 || arena == Arena::heap().id();  // or of the heap
  new (&memory->engine) Rooted<std::shared_ptr<Pipeline>>(lent ? nullptr : from);
  return made;
}

nb::object array_of(const Tensor& tensor, bool writable, const std::shared_ptr<Pipeline>& from) {
  return Numpy::get().view(tensor, writable, memory_of(tensor, from));
}

void let_go(void* object) { Courier::drop(static_cast<PyObject*>(object)); }

// A view on memory that `owner` keeps.
Tensor lend(DType type, const Shape& shape, const void* data, PyObject* owner) {
  Py_INCREF(owner);
  return Tensor::borrow(type, shape, const_cast<void*>(data), let_go, owner);
}

Tensor lend_text(const void* data, Py_ssize_t size, PyObject* owner) {
  // The length of a text is its size in bytes, which no shape says.
  Tensor whole = lend(DType::kUint8, Shape{size}, data, owner);
  return Tensor::view(whole.block(), DType::kBytes, Shape{}, whole.mutable_data(),
                      whole.byte_size());
}

Status wrong(PyObject* value, const Type& type, std::string_view why = {}) {
  return Status(Code::kBadInput, cat(Py_TYPE(value)->tp_name, " given", why.empty() ? "" : ", ",
                                     why, ", ", type.text(), " wanted"));
}

constexpr uint16_t kBytesBit = 1 << static_cast<int>(DType::kBytes);

bool takes_text(const Type& type) { return (type.dtypes & kBytesBit) != 0 && type.dims.empty(); }

// An array whose elements leat knows, in one piece.
Result<Tensor> from_array(const NumpyArray& array, DType dtype, PyObject* owner) {
  if (array.rank > Shape::kMaxRank) {
    return Status(Code::kBadInput, cat("an array of ", array.rank, " dimensions given, at most ",
                                       Shape::kMaxRank, " are allowed"));
  }
  Shape shape;
  if constexpr (sizeof(Py_ssize_t) == sizeof(int64_t)) {
    shape = Shape(
        std::span(reinterpret_cast<const int64_t*>(array.dims), static_cast<size_t>(array.rank)));
  }
  if (array.base && Py_TYPE(array.base) == memory_type) {  // ours, as it was or another view
    const Tensor& known = reinterpret_cast<Memory*>(array.base)->tensor;
    bool same = known.data() == reinterpret_cast<std::byte*>(array.data) &&
                known.dtype() == dtype && known.shape() == shape;
    if (same) return known;
  }
  return lend(dtype, shape, array.data, owner);
}

// Texts in a list, or in an array of them: leat._values has made them one flat list of bytes.
Result<Tensor> from_texts(nb::handle texts, nb::handle dims) {
  std::vector<std::string_view> views;
  for (nb::handle text : texts) {
    char* data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(text.ptr(), &data, &size) != 0) raise_python();
    views.emplace_back(data, static_cast<size_t>(size));
  }
  Shape shape;
  for (nb::handle size : dims) {
    if (shape.rank() == Shape::kMaxRank) {
      return Status(Code::kBadInput, "lists nested deeper than 8 given");
    }
    shape = shape.with(shape.rank(), nb::cast<int64_t>(size));
  }
  return Tensor::strings(views, shape);
}

// Whatever is neither an array nor a text: leat._values makes it one, or texts.
Result<Tensor> from_other(PyObject* value, const Type& type) {
  static nb::object& plain = *new nb::object(nb::module_::import_("leat._values").attr("plain"));
  nb::object made = plain(nb::handle(value), type.dtypes, nb::str(type.text().c_str()));
  if (nb::isinstance<nb::tuple>(made)) return from_texts(made[0], made[1]);
  if (nb::isinstance<nb::str>(made)) {  // why not
    return wrong(value, type, nb::cast<nb::str>(made).c_str());
  }
  const Numpy& numpy = Numpy::get();
  const NumpyArray* array = numpy.array(made.ptr());
  auto dtype = array ? numpy.dtype(*array) : std::nullopt;
  if (!dtype || !array->contiguous()) return wrong(value, type);
  return from_array(*array, *dtype, made.ptr());
}

nb::object bytes_of(std::string_view text) {
  return own(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

nb::object texts_of(const Tensor& tensor, int axis, int64_t& next) {
  if (axis == tensor.shape().rank()) return bytes_of(tensor.string(next++));
  const int64_t size = tensor.shape()[axis];
  nb::object list = own(PyList_New(size));
  for (int64_t i = 0; i < size; ++i) {
    PyList_SET_ITEM(list.ptr(), i, texts_of(tensor, axis + 1, next).release().ptr());
  }
  return list;
}

}  // namespace

void make_memory_type() {
  static PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(free_memory)},
      {Py_tp_doc, const_cast<char*>("Memory of leat that an array lies on.")},
      {0, nullptr},
  };
  static PyType_Spec spec = {"leat._leat.Memory", sizeof(Memory), 0, Py_TPFLAGS_DEFAULT, slots};
  memory_type = reinterpret_cast<PyTypeObject*>(own(PyType_FromSpec(&spec)).release().ptr());
  memory_type->tp_new = nullptr;
}

Result<Tensor> tensor_from(PyObject* value, const Type& type) {
  const bool text = takes_text(type);
  if (text && PyBytes_CheckExact(value)) {
    return lend_text(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), value);
  }
  const Numpy& numpy = Numpy::get();
  if (const NumpyArray* array = numpy.array(value)) {
    auto dtype = numpy.dtype(*array);
    if (dtype && array->contiguous() && array->aligned()) {
      // A row of UINT8 where nothing but a text is taken is that text.
      if (text && *dtype == DType::kUint8 && array->rank == 1 && type.dtypes == kBytesBit) {
        return lend_text(array->data, array->dims[0], value);
      }
      return from_array(*array, *dtype, value);
    }
    return from_other(value, type);
  }
  if (text && PyUnicode_Check(value)) {
    Py_ssize_t size;
    const char* data = PyUnicode_AsUTF8AndSize(value, &size);
    if (!data) raise_python();
    return lend_text(data, size, value);
  }
  if (text && PyObject_CheckBuffer(value)) {
    nb::object view = own(PyMemoryView_FromObject(value));
    const Py_buffer* buffer = PyMemoryView_GET_BUFFER(view.ptr());
    bool bytes = buffer->itemsize == 1 && PyBuffer_IsContiguous(buffer, 'C') != 0;
    if (bytes && (type.dtypes == kBytesBit || PyBytes_Check(value))) {
      return lend_text(buffer->buf, buffer->len, view.ptr());
    }
  }
  return from_other(value, type);
}

nb::object to_python(const Tensor& tensor, bool fresh) {
  if (tensor.dtype() == DType::kBytes) {
    int64_t next = 0;
    return texts_of(tensor, 0, next);
  }
  bool alone = fresh && tensor.block()->refs.load(std::memory_order_acquire) == 1;
  return array_of(tensor, alone, nullptr);
}

nb::object to_python(const Value& value, const std::shared_ptr<Pipeline>& from) {
  if (!value.present()) return nb::none();
  if (!value.is_list()) {
    const Tensor& tensor = value.tensor();
    return tensor.dtype() == DType::kBytes ? to_python(tensor, false)
                                           : array_of(tensor, false, from);
  }
  nb::object list = own(PyList_New(static_cast<Py_ssize_t>(value.rows().size())));
  Py_ssize_t i = 0;
  for (const Value& row : value.rows()) {
    PyList_SET_ITEM(list.ptr(), i++, to_python(row, from).release().ptr());
  }
  return list;
}

nb::object as_answer(nb::handle type, nb::handle tuple) {
  nb::object arguments = own(PyTuple_Pack(1, tuple.ptr()));
  return own(
      PyTuple_Type.tp_new(reinterpret_cast<PyTypeObject*>(type.ptr()), arguments.ptr(), nullptr));
}

}  // namespace leat
