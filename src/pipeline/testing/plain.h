// Values as a naive interpreter holds them: vectors of whole numbers, no arenas, no views, no
// counts. A text is the number n written as "tn"; floats hold small whole numbers, exactly.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "leat/pipeline.h"

namespace leat::toy {

struct Plain {
  enum class Kind : uint8_t {
    kAbsent,
    kTensor,
    kList,    // ragged: rows
    kPoison,  // of the interpreter: what would make it has failed
  };
  Kind kind = Kind::kAbsent;
  DType dtype = DType::kInt64;  // kInt64, kFp32 or kBytes
  std::vector<int64_t> dims;
  std::vector<int64_t> numbers;
  std::vector<Plain> rows;

  static Plain scalar(int64_t number, DType dtype = DType::kInt64);
  static Plain list(std::vector<int64_t> numbers, DType dtype = DType::kInt64);
  static Plain poison();

  bool present() const { return kind == Kind::kTensor || kind == Kind::kList; }
  bool poisoned() const { return kind == Kind::kPoison; }
  int64_t one() const { return numbers.at(0); }  // of a scalar
  int64_t length() const;                        // of axis 0
  Plain row(int64_t i) const;
  std::string text() const;  // for a person
  bool operator==(const Plain&) const = default;
};

// Rows put together: a tensor where all are tensors of one type and shape, else a list. Of no rows:
// `dtype` and [0, row_dims...], where -1 becomes 0.
Plain stacked(const std::vector<Plain>& rows, DType dtype, const std::vector<int64_t>& row_dims);

Plain plain_of(const Value& value);
Plain plain_of(const Tensor& tensor);
Tensor tensor_of(const Plain& plain);  // a tensor's
// Writes a tensor's elements (no texts) to `to`.
void write(const Plain& plain, Tensor& to);

}  // namespace leat::toy
