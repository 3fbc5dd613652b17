#include "pipeline/testing/plain.h"

#include <algorithm>

#include "base/text.h"

namespace leat::toy {

Plain Plain::scalar(int64_t number, DType dtype) {
  return {.kind = Kind::kTensor, .dtype = dtype, .dims = {}, .numbers = {number}, .rows = {}};
}

Plain Plain::list(std::vector<int64_t> numbers, DType dtype) {
  return {.kind = Kind::kTensor,
          .dtype = dtype,
          .dims = {static_cast<int64_t>(numbers.size())},
          .numbers = std::move(numbers),
          .rows = {}};
}

Plain Plain::poison() {
  Plain plain;
  plain.kind = Kind::kPoison;
  return plain;
}

int64_t Plain::length() const {
  return kind == Kind::kList ? static_cast<int64_t>(rows.size()) : dims.at(0);
}

Plain Plain::row(int64_t i) const {
  if (kind == Kind::kList) return rows.at(static_cast<size_t>(i));
  Plain out;
  out.kind = Kind::kTensor;
  out.dtype = dtype;
  out.dims.assign(dims.begin() + 1, dims.end());
  int64_t size = 1;
  for (int64_t dim : out.dims) size *= dim;
  out.numbers.assign(numbers.begin() + i * size, numbers.begin() + (i + 1) * size);
  return out;
}

std::string Plain::text() const {
  switch (kind) {
    case Kind::kAbsent:
      return "absent";
    case Kind::kPoison:
      return "failed";
    case Kind::kList: {
      std::string out = "(";
      for (const Plain& row : rows) out += cat(out.size() > 1 ? ", " : "", row.text());
      return out + ")";
    }
    case Kind::kTensor:
      break;
  }
  std::string out = cat(dtype_name(dtype), "[");
  for (size_t i = 0; i < dims.size(); ++i) out += cat(i > 0 ? "," : "", dims[i]);
  out += "]{";
  for (size_t i = 0; i < numbers.size(); ++i) out += cat(i > 0 ? " " : "", numbers[i]);
  return out + "}";
}

Plain stacked(const std::vector<Plain>& rows, DType dtype, const std::vector<int64_t>& row_dims) {
  Plain out;
  out.kind = Plain::Kind::kTensor;
  out.dtype = dtype;
  if (rows.empty()) {
    out.dims = {0};
    for (int64_t dim : row_dims) out.dims.push_back(std::max<int64_t>(0, dim));
    return out;
  }
  for (const Plain& row : rows) {
    if (row.kind != Plain::Kind::kTensor || row.dtype != rows[0].dtype ||
        row.dims != rows[0].dims) {
      out.kind = Plain::Kind::kList;
      out.dtype = DType::kInt64;
      out.rows = rows;
      return out;
    }
  }
  out.dtype = rows[0].dtype;
  out.dims = rows[0].dims;
  out.dims.insert(out.dims.begin(), static_cast<int64_t>(rows.size()));
  for (const Plain& row : rows) {
    out.numbers.insert(out.numbers.end(), row.numbers.begin(), row.numbers.end());
  }
  return out;
}

Plain plain_of(const Tensor& tensor) {
  Plain out;
  out.kind = Plain::Kind::kTensor;
  out.dtype = tensor.dtype();
  out.dims.assign(tensor.shape().dims().begin(), tensor.shape().dims().end());
  for (int64_t i = 0; i < tensor.shape().elements(); ++i) {
    switch (tensor.dtype()) {
      case DType::kInt64:
        out.numbers.push_back(tensor.values<int64_t>()[static_cast<size_t>(i)]);
        break;
      case DType::kFp32:
        out.numbers.push_back(static_cast<int64_t>(tensor.values<float>()[static_cast<size_t>(i)]));
        break;
      case DType::kBytes:
        out.numbers.push_back(std::stoll(std::string(tensor.string(i).substr(1))));
        break;
      default:
        std::abort();
    }
  }
  return out;
}

Plain plain_of(const Value& value) {
  if (!value.present()) return {};
  if (!value.is_list()) return plain_of(value.tensor());
  Plain out;
  out.kind = Plain::Kind::kList;
  for (const Value& row : value.rows()) out.rows.push_back(plain_of(row));
  return out;
}

void write(const Plain& plain, Tensor& to) {
  for (size_t i = 0; i < plain.numbers.size(); ++i) {
    if (plain.dtype == DType::kInt64) {
      to.mutable_values<int64_t>()[i] = plain.numbers[i];
    } else {
      to.mutable_values<float>()[i] = static_cast<float>(plain.numbers[i]);
    }
  }
}

Tensor tensor_of(const Plain& plain) {
  Shape shape(plain.dims);
  if (plain.dtype != DType::kBytes) {
    Tensor tensor = *Tensor::allocate(plain.dtype, shape);
    write(plain, tensor);
    return tensor;
  }
  std::vector<std::string> texts;
  for (int64_t number : plain.numbers) texts.push_back(cat("t", number));
  if (plain.dims.empty()) return *Tensor::bytes(texts[0]);
  std::vector<std::string_view> views(texts.begin(), texts.end());
  return *Tensor::strings(views, shape);
}

}  // namespace leat::toy
