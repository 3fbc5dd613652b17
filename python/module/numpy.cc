#include "numpy.h"

#include "errors.h"

namespace leat {

namespace {

// Places in the table.
enum : size_t { kArrayType = 2, kDescrFromType = 45, kNewFromDescr = 94, kSetBaseObject = 282 };

constexpr int kWritable = 0x400;

// numpy's numbers of element types, by DType.
constexpr int kUserTypes = 256;
constexpr int kNumbers[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 23, 4, 11, 12};

// The head of a description of elements.
struct Descr {
  PyObject_HEAD;
  PyObject* scalar;
  char kind, type, byte_order, flags;
  int number;
};

}  // namespace

const Numpy& Numpy::get() {
  static const Numpy* numpy = new Numpy;
  return *numpy;
}

Numpy::Numpy() {
  nb::object core = nb::steal(PyImport_ImportModule("numpy._core._multiarray_umath"));
  if (!core.is_valid()) {
    PyErr_Clear();
    core = own(PyImport_ImportModule("numpy.core._multiarray_umath"));
  }
  nb::object capsule = core.attr("_ARRAY_API");
  auto** table = static_cast<void**>(PyCapsule_GetPointer(capsule.ptr(), nullptr));
  if (!table) raise_python();
  type_ = static_cast<PyTypeObject*>(table[kArrayType]);
  descr_from_type_ = reinterpret_cast<decltype(descr_from_type_)>(table[kDescrFromType]);
  new_from_descr_ = reinterpret_cast<decltype(new_from_descr_)>(table[kNewFromDescr]);
  set_base_ = reinterpret_cast<decltype(set_base_)>(table[kSetBaseObject]);
}

std::optional<DType> Numpy::dtype(const NumpyArray& array) const {
  const auto& descr = *reinterpret_cast<const Descr*>(array.descr);
  if (descr.byte_order == '>') return std::nullopt;
  switch (descr.number) {
    case 0:
      return DType::kBool;
    case 1:
      return DType::kInt8;
    case 2:
      return DType::kUint8;
    case 3:
      return DType::kInt16;
    case 4:
      return DType::kUint16;
    case 5:
      return DType::kInt32;
    case 6:
      return DType::kUint32;
    case 7:
    case 9:
      return DType::kInt64;
    case 8:
    case 10:
      return DType::kUint64;
    case 11:
      return DType::kFp32;
    case 12:
      return DType::kFp64;
    case 23:
      return DType::kFp16;
    default:
      break;
  }
  if (descr.number < kUserTypes) return std::nullopt;
  nb::object name = nb::borrow(array.descr).attr("name");
  if (nb::isinstance<nb::str>(name) && nb::cast<nb::str>(name).equal(nb::str("bfloat16"))) {
    return DType::kBf16;
  }
  return std::nullopt;
}

nb::object Numpy::view(const Tensor& tensor, bool writable, nb::object base) const {
  Py_ssize_t dims[Shape::kMaxRank];
  const int rank = tensor.shape().rank();
  for (int i = 0; i < rank; ++i) dims[i] = tensor.shape()[i];
  PyObject* descr = tensor.dtype() == DType::kBf16
                        ? bfloat16().release().ptr()
                        : descr_from_type_(kNumbers[static_cast<size_t>(tensor.dtype())]);
  if (!descr) raise_python();
  auto* data = const_cast<std::byte*>(tensor.data());
  nb::object array = own(
      new_from_descr_(type_, descr, rank, dims, nullptr, data, writable ? kWritable : 0, nullptr));
  if (set_base_(array.ptr(), base.release().ptr()) != 0) raise_python();
  return array;
}

nb::object Numpy::bfloat16() const {
  nb::object module = nb::steal(PyImport_ImportModule("ml_dtypes"));
  if (!module.is_valid()) {
    PyErr_Clear();
    raise(Status(Code::kUnsupported,
                 "a BF16 value becomes an array of ml_dtypes.bfloat16: pip install ml_dtypes"));
  }
  return nb::module_::import_("numpy").attr("dtype")(module.attr("bfloat16"));
}

}  // namespace leat
