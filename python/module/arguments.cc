#include "arguments.h"

#include <algorithm>

#include "errors.h"

namespace leat {

void Names::add(const std::string& name) {
  PyObject* made = PyUnicode_InternFromString(name.c_str());
  names_.push_back(own(made));
}

std::string Names::text(size_t i) const { return text_of(names_[i].ptr()); }

std::optional<size_t> Names::find(PyObject* name) const {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].ptr() == name) return i;
  }
  for (size_t i = 0; i < names_.size(); ++i) {
    if (PyUnicode_Compare(names_[i].ptr(), name) == 0) return i;
  }
  return std::nullopt;
}

std::string python_name(const std::string& name) {
  static nb::object& is_keyword =
      *new nb::object(nb::module_::import_("keyword").attr("iskeyword"));
  return nb::cast<bool>(is_keyword(name.c_str())) ? name + "_" : name;
}

std::string text_of(PyObject* string) {
  Py_ssize_t size;
  const char* data = PyUnicode_AsUTF8AndSize(string, &size);
  if (!data) raise_python();
  return std::string(data, static_cast<size_t>(size));
}

PyMethodDef* describe_function(const std::string& name, const std::string& doc, FastCall call) {
  auto* kept_name = new std::string(name);
  auto* kept_doc = new std::string(doc);
  return new PyMethodDef{kept_name->c_str(),
                         reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call)),
                         METH_FASTCALL | METH_KEYWORDS, kept_doc->c_str()};
}

nb::object make_function(PyMethodDef* description, const std::string& module, nb::handle self) {
  nb::str where(module.c_str());
  return own(PyCFunction_NewEx(description, self.ptr(), where.ptr()));
}

}  // namespace leat
