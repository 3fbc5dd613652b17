// An output that is made of other tensors' elements, whatever their type.
#pragma once

#include <string_view>
#include <vector>

#include "leat/op.h"

namespace leat {

class Runs {
 public:
  // kTooLarge, or what OpCall::output() says, before anything is read.
  static Result<Runs> begin(OpCall& call, size_t port, DType type, const Shape& shape);

  // The next `count` elements: those of `from` at `first`, `first` + `step`, ...
  void add(const Tensor& from, int64_t first, size_t count, int64_t step = 1);
  // Gives the output, once there are as many as the shape has.
  Status end();

 private:
  Runs(OpCall& call, size_t port, const Shape& shape) : call_(call), port_(port), shape_(shape) {}

  OpCall& call_;
  size_t port_;
  Shape shape_;
  size_t size_ = 0;                      // of an element in bytes; 0: texts
  std::byte* to_ = nullptr;              // where the next goes
  std::vector<std::string_view> texts_;  // until end()
};

}  // namespace leat
