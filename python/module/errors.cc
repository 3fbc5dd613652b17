#include "errors.h"

namespace leat {

nb::object exception_of(const Status& status) {
  std::string_view code = code_name(status.code());
  const std::string& message = status.message();
  nb::object text =
      own(PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()), "replace"));
  return nb::module_::import_("leat._errors").attr("made")(nb::str(code.data(), code.size()), text);
}

void raise(const Status& status) {
  nb::object exception = exception_of(status);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  raise_python();
}

}  // namespace leat
