#include "operators.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <memory>
#include <memory_resource>
#include <vector>

#include "arguments.h"
#include "base/text.h"
#include "errors.h"
#include "memory/lone_op.h"
#include "memory/op_params.h"
#include "values.h"

namespace leat {

namespace {

// A parameter's value as plain Python: an exact int, float, bool or str, or a tuple of these. Two
// of them are the same parameter if they are equal and of one type.
using Plain = nb::object;

bool is_simple(PyObject* value) {
  return PyFloat_CheckExact(value) || PyLong_CheckExact(value) || PyUnicode_CheckExact(value) ||
         PyBool_Check(value);
}

bool same_simple(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (Py_TYPE(a) != Py_TYPE(b)) return false;
  if (PyFloat_CheckExact(a)) return PyFloat_AS_DOUBLE(a) == PyFloat_AS_DOUBLE(b);
  int same = is_simple(a) ? PyObject_RichCompareBool(a, b, Py_EQ) : 0;
  if (same < 0) PyErr_Clear();
  return same == 1;
}

// `known` is plain; `value` may be a list yet.
bool same(PyObject* known, PyObject* value) {
  if (!known || !value) return known == value;
  if (!PyTuple_CheckExact(known)) return same_simple(known, value);
  if (known == value) return true;
  if (!PyTuple_CheckExact(value) && !PyList_CheckExact(value)) return false;
  const Py_ssize_t size = PyTuple_GET_SIZE(known);
  if (PySequence_Fast_GET_SIZE(value) != size) return false;
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!same_simple(PyTuple_GET_ITEM(known, i), PySequence_Fast_GET_ITEM(value, i))) return false;
  }
  return true;
}

// numpy's numbers, paths, element types of numpy: leat._values makes them plain.
nb::object plain_param(PyObject* value, const ParamSpec& spec) {
  bool relative = spec.type == ParamType::kPath;
  if (!relative && is_simple(value)) return nb::borrow(value);
  static nb::object& made =
      *new nb::object(nb::module_::import_("leat._values").attr("plain_param"));
  return made(nb::handle(value), relative);
}

// monostate: it does not fit.
ParamValue param_value(PyObject* value, const ParamSpec& spec) {
  auto number = [](PyObject* one) -> std::optional<double> {
    if (PyFloat_CheckExact(one)) return PyFloat_AS_DOUBLE(one);
    if (!PyLong_CheckExact(one)) return std::nullopt;
    double real = PyLong_AsDouble(one);
    if (real == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      return std::nullopt;
    }
    return real;
  };
  switch (spec.type) {
    case ParamType::kInt: {
      int overflow = 0;
      if (!PyLong_CheckExact(value)) return {};
      int64_t whole = PyLong_AsLongLongAndOverflow(value, &overflow);
      return overflow ? ParamValue{} : ParamValue{whole};
    }
    case ParamType::kFloat:
      if (auto real = number(value)) return *real;
      return {};
    case ParamType::kBool:
      return PyBool_Check(value) ? ParamValue{value == Py_True} : ParamValue{};
    case ParamType::kString:
    case ParamType::kChoice:
    case ParamType::kPath:
    case ParamType::kDType:
      return PyUnicode_CheckExact(value) ? ParamValue{text_of(value)} : ParamValue{};
    case ParamType::kFloats: {
      if (auto real = number(value)) return std::vector<double>{*real};
      if (!PyTuple_CheckExact(value)) return {};
      std::vector<double> reals;
      for (nb::handle one : nb::borrow<nb::tuple>(value)) {
        auto real = number(one.ptr());
        if (!real) return {};
        reals.push_back(*real);
      }
      return reals;
    }
    case ParamType::kStrings: {
      if (!PyTuple_CheckExact(value)) return {};
      std::vector<std::string> texts;
      for (nb::handle one : nb::borrow<nb::tuple>(value)) {
        if (!PyUnicode_CheckExact(one.ptr())) return {};
        texts.push_back(text_of(one.ptr()));
      }
      return texts;
    }
  }
  return {};
}

class Operator {
 public:
  explicit Operator(const OpSpec& spec) : spec_(spec) {
    for (const PortSpec& port : spec.inputs) {
      ports_.add(python_name(port.name));
      types_.push_back(Type::of(port.type));
    }
    for (const ParamSpec& param : spec.params) params_.add(python_name(param.name));
  }

  const OpSpec& spec() const { return spec_; }
  // What several outputs are given as: a subclass of tuple.
  void set_answer(nb::object type) { answer_ = std::move(type); }
  void set_function(nb::object function) { function_ = std::move(function); }
  nb::object function() const { return function_; }

  nb::object call(PyObject* const* values, size_t count, PyObject* keywords);

 private:
  // A made operator and what it was made for.
  struct Made {
    std::vector<Plain> params;  // by parameter; invalid where none is given
    uint64_t connected;
    std::shared_ptr<const LoneOp> op;
  };
  static constexpr size_t kMade = 8;

  std::shared_ptr<const LoneOp> op_for(std::span<PyObject* const> params, uint64_t connected);
  std::shared_ptr<const LoneOp> make(std::span<PyObject* const> params, uint64_t connected);
  Status sort(PyObject* const* values, size_t count, PyObject* keywords, std::span<PyObject*> ports,
              std::span<PyObject*> params) const;
  Result<Tensor> tensor(PyObject* value, size_t port) const;

  const OpSpec& spec_;
  Names ports_, params_;
  std::vector<Type> types_;
  nb::object answer_, function_;
  std::vector<Made> made_;  // the last used first; guarded by the GIL
};

Status Operator::sort(PyObject* const* values, size_t count, PyObject* keywords,
                      std::span<PyObject*> ports, std::span<PyObject*> params) const {
  auto refuse = [](std::string why) { return Status(Code::kBadInput, std::move(why)); };
  if (count > ports.size()) {
    return refuse(cat(count, " positional values given, at most ", ports.size(),
                      " are allowed; parameters are given by name"));
  }
  for (size_t i = 0; i < count; ++i) ports[i] = values[i];
  const size_t named = keywords ? static_cast<size_t>(PyTuple_GET_SIZE(keywords)) : 0;
  for (size_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GET_ITEM(keywords, static_cast<Py_ssize_t>(i));
    PyObject* value = values[count + i];
    if (auto param = params_.find(name)) {
      params[*param] = value == Py_None ? nullptr : value;
    } else if (auto port = ports_.find(name)) {
      if (*port < count) return refuse(cat("input ", text_of(name), " is given twice"));
      ports[*port] = value;
    } else {
      std::vector<std::string> known;
      for (size_t k = 0; k < ports_.size(); ++k) known.push_back(ports_.text(k));
      for (size_t k = 0; k < params_.size(); ++k) known.push_back(params_.text(k));
      std::string_view near = nearest(text_of(name), known);
      return refuse(cat(
          "there is no input or parameter ", text_of(name),
          near.empty() ? cat("; there are ", join_or(known)) : cat("; did you mean ", near, "?")));
    }
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i] == Py_None) ports[i] = nullptr;
    if (ports[i] || spec_.inputs[i].optional) continue;
    return refuse(cat("input ", ports_.text(i), " is missing: ", spec_.inputs[i].type, ", ",
                      spec_.inputs[i].doc));
  }
  return {};
}

std::shared_ptr<const LoneOp> Operator::make(std::span<PyObject* const> params,
                                             uint64_t connected) {
  std::map<std::string, ParamValue> given;
  for (size_t i = 0; i < params.size(); ++i) {
    if (!params[i]) continue;
    const ParamSpec& spec = spec_.params[i];
    ParamValue value = param_value(params[i], spec);
    if (value.index() == 0) {
      nb::object shown = own(PyObject_Repr(params[i]));
      std::string text = text_of(shown.ptr());
      if (text.size() > 60) text = text.substr(0, 57) + "...";
      raise(Status(Code::kBadInput, cat(spec_.name, ": parameter ", params_.text(i), ": ", text,
                                        " found, ", wanted(spec), " wanted")));
    }
    given[spec.name] = std::move(value);
  }
  auto made = LoneOp::make(spec_, given, connected);
  if (!made.ok()) raise(made.status().within(spec_.name));
  return std::shared_ptr<const LoneOp>(*std::move(made));
}

std::shared_ptr<const LoneOp> Operator::op_for(std::span<PyObject* const> params,
                                               uint64_t connected) {
  auto find = [&](const auto& wanted_params) {
    return std::ranges::find_if(made_, [&](const Made& one) {
      if (one.connected != connected) return false;
      for (size_t i = 0; i < wanted_params.size(); ++i) {
        bool relative = spec_.params[i].type == ParamType::kPath && !one.params[i].is_valid();
        if (relative && wanted_params[i]) return false;
        if (!same(one.params[i].ptr(), wanted_params[i])) return false;
      }
      return true;
    });
  };
  auto found = find(params);
  if (found == made_.end()) {
    std::vector<Plain> plain(params.size());
    std::vector<PyObject*> plain_values(params.size());
    for (size_t i = 0; i < params.size(); ++i) {
      if (params[i]) plain[i] = plain_param(params[i], spec_.params[i]);
      plain_values[i] = plain[i].ptr();
    }
    found = find(plain_values);
    if (found == made_.end()) {
      auto op = make(plain_values, connected);
      if (made_.size() == kMade) made_.pop_back();
      found = made_.insert(made_.begin(), Made{std::move(plain), connected, std::move(op)});
    }
  }
  if (found != made_.begin()) std::rotate(made_.begin(), found, found + 1);
  return made_.front().op;
}

Result<Tensor> Operator::tensor(PyObject* value, size_t port) const {
  auto made = tensor_from(value, types_[port]);
  if (made.ok()) return made;
  return made.status().within(cat(spec_.name, ": input ", ports_.text(port)));
}

nb::object Operator::call(PyObject* const* values, size_t count, PyObject* keywords) {
  std::byte room[2048];  // for what this call needs of lists
  std::pmr::monotonic_buffer_resource memory(room, sizeof room);
  std::pmr::vector<PyObject*> ports(ports_.size(), &memory), params(params_.size(), &memory);
  Status sorted = sort(values, count, keywords, ports, params);
  if (!sorted.ok()) {
    PyErr_SetString(PyExc_TypeError, cat(spec_.name, ": ", sorted.message()).c_str());
    raise_python();
  }
  uint64_t connected = 0;
  std::pmr::vector<Tensor> tensors(&memory);
  std::pmr::vector<size_t> begins(&memory);
  tensors.reserve(ports.size());
  begins.reserve(ports.size() + 1);
  for (size_t i = 0; i < ports.size(); ++i) {
    begins.push_back(tensors.size());
    if (!ports[i]) continue;
    connected |= uint64_t{1} << i;
    if (!spec_.inputs[i].many) {
      tensors.push_back(value_of(tensor(ports[i], i)));
      continue;
    }
    bool several = PyList_Check(ports[i]) || PyTuple_Check(ports[i]);
    if (!several || PySequence_Fast_GET_SIZE(ports[i]) == 0) {
      raise(Status(Code::kBadInput, cat(spec_.name, ": input ", ports_.text(i),
                                        ": a list of one or more values is wanted")));
    }
    nb::object list = own(PySequence_Tuple(ports[i]));
    for (nb::handle one : nb::borrow<nb::tuple>(list)) {
      tensors.push_back(value_of(tensor(one.ptr(), i)));
    }
  }
  begins.push_back(tensors.size());
  auto op = op_for(params, connected);

  std::pmr::vector<const Tensor*> pointers(&memory);
  pointers.reserve(tensors.size());
  for (const Tensor& one : tensors) pointers.push_back(&one);
  std::pmr::vector<std::span<const Tensor* const>> spans(&memory);
  spans.reserve(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) {
    spans.emplace_back(pointers.data() + begins[i], begins[i + 1] - begins[i]);
  }
  std::pmr::vector<Tensor> outputs(spec_.outputs.size(), &memory);
  Status ran;
  {
    nb::gil_scoped_release released;
    ran = op->run(spans, outputs);
  }
  if (!ran.ok()) raise(ran.within(spec_.name));
  if (outputs.size() == 1) return outputs[0] ? to_python(outputs[0], true) : nb::none();
  nb::object made = own(PyTuple_New(static_cast<Py_ssize_t>(outputs.size())));
  for (size_t i = 0; i < outputs.size(); ++i) {
    nb::object value = outputs[i] ? to_python(outputs[i], true) : nb::none();
    PyTuple_SET_ITEM(made.ptr(), static_cast<Py_ssize_t>(i), value.release().ptr());
  }
  return as_answer(answer_, made);
}

PyObject* call_operator(PyObject* self, PyObject* const* values, Py_ssize_t count,
                        PyObject* keywords) {
  try {
    return nb::inst_ptr<Operator>(self)
        ->call(values, static_cast<size_t>(count), keywords)
        .release()
        .ptr();
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

nb::object param_object(const ParamValue& value) {
  struct Made {
    nb::object operator()(std::monostate) const { return nb::none(); }
    nb::object operator()(int64_t one) const { return nb::int_(one); }
    nb::object operator()(double one) const { return nb::float_(one); }
    nb::object operator()(bool one) const { return nb::bool_(one); }
    nb::object operator()(const std::string& one) const { return nb::str(one.c_str()); }
    nb::object operator()(const std::vector<double>& all) const {
      nb::list list;
      for (double one : all) list.append(one);
      return list;
    }
    nb::object operator()(const std::vector<std::string>& all) const {
      nb::list list;
      for (const std::string& one : all) list.append(one.c_str());
      return list;
    }
  };
  return std::visit(Made{}, value);
}

nb::list described(const std::vector<PortSpec>& ports) {
  nb::list list;
  for (const PortSpec& port : ports) {
    nb::dict one;
    one["name"] = python_name(port.name).c_str();
    one["type"] = port.type.c_str();
    one["doc"] = port.doc.c_str();
    one["optional"] = port.optional;
    one["many"] = port.many;
    one["only_with"] = port.only_with.c_str();
    list.append(one);
  }
  return list;
}

// What the file format calls the kinds of parameters, by ParamType.
constexpr const char* kKinds[] = {"int",    "float",   "bool", "str",  "choice",
                                  "floats", "strings", "path", "dtype"};

// Everything that a signature says, for documentation, signatures and stubs.
nb::dict describe(const OpSpec& spec) {
  nb::dict out;
  out["name"] = spec.name.c_str();
  out["doc"] = spec.doc.c_str();
  out["inputs"] = described(spec.inputs);
  out["outputs"] = described(spec.outputs);
  nb::list params;
  for (const ParamSpec& param : spec.params) {
    nb::dict one;
    one["name"] = python_name(param.name).c_str();
    one["kind"] = kKinds[static_cast<size_t>(param.type)];
    one["default"] = param_object(param.fallback);
    one["required"] = param.required;
    one["takes"] = wanted(param).c_str();
    one["doc"] = param.doc.c_str();
    nb::list choices;
    for (const std::string& choice : param.choices) choices.append(choice.c_str());
    one["choices"] = choices;
    params.append(one);
  }
  out["params"] = params;
  return out;
}

}  // namespace

void bind_operators(nb::module_& module) {
  nb::class_<Operator>(module, "Operator", "What stands behind the function of an operator.")
      .def("__getattr__",
           [](const Operator& self, const std::string& name) {
             if (self.spec().name.ends_with("." + name)) return self.function();
             throw nb::attribute_error(name.c_str());
           })
      .def("__reduce__", [](const Operator& self) {
        nb::object find = nb::module_::import_("leat._operators").attr("behind");
        return nb::make_tuple(find, nb::make_tuple(self.spec().name.c_str()));
      });
  module.def("describe_operators", [] {
    nb::list list;
    for (const auto& [name, spec] : OpCatalogue::all()) list.append(describe(spec));
    return list;
  });
  module.def(
      "make_operator",
      [](const std::string& name, const std::string& short_name, const std::string& doc,
         const std::string& home, nb::object answer) {
        const OpSpec* spec = OpCatalogue::find(name);
        if (!spec) raise(Status(Code::kNotFound, cat("there is no operator ", name)));
        nb::object self = nb::cast(new Operator(*spec), nb::rv_policy::take_ownership);
        auto* made = nb::inst_ptr<Operator>(self);
        made->set_answer(std::move(answer));
        nb::object function =
            make_function(describe_function(short_name, doc, call_operator), home, self);
        made->set_function(function);
        return function;
      },
      nb::arg("name"), nb::arg("short_name"), nb::arg("doc"), nb::arg("home"),
      nb::arg("answer").none());
}

}  // namespace leat
