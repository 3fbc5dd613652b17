#include <cmath>

#include "ops/tensor/axes.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

// Vectors one after the other, each as long as 1, or 0 if it was 0.
struct Directions {
  size_t count = 0, size = 0;
  std::vector<double> numbers;

  void read(const Tensor& x) {
    size = static_cast<size_t>(x.shape()[x.shape().rank() - 1]);
    count = x.shape().rank() == 1 ? 1 : static_cast<size_t>(x.shape()[0]);
    numbers.resize(x.byte_size() / dtype_size(x.dtype()));
    visit_real(x.dtype(), [&]<typename T>() {
      auto from = x.values<T>();
      for (size_t i = 0; i < from.size(); ++i) numbers[i] = wide(from[i]);
    });
    for (size_t i = 0; i < numbers.size(); i += size) {
      const std::span vector(numbers.data() + i, size);
      double most = 0;  // squares of what is divided by it are neither too large nor too small
      for (double number : vector) most = std::fmax(most, std::fabs(number));
      if (most == 0) continue;
      double sum = 0;
      for (double& number : vector) {
        number /= most;
        sum += number * number;
      }
      for (double& number : vector) number /= std::sqrt(sum);
    }
  }
  const double* at(size_t i) const { return numbers.data() + i * size; }
};

Status check(const Type& a, const Type& b) {
  const auto size_of = [](const Type& x) {
    return x.open || x.dims.empty() ? -1 : x.dims.back().size;
  };
  const int64_t of_a = size_of(a), of_b = size_of(b);
  for (const auto& [name, type] : {std::pair("a", &a), std::pair("b", &b)}) {
    if (!type->open && type->dims.size() > 2) {
      return Status(Code::kBadInput,
                    cat(name, " is ", type->text(), "; a vector or a matrix of them is wanted"));
    }
  }
  if (of_a < 0 || of_b < 0 || of_a == of_b) return {};
  return Status(Code::kBadInput, cat("vectors of a have ", of_a, " numbers, and those of b ", of_b,
                                     "; as many are wanted"));
}

class CosineSimilarity final : public Op {
 public:
  Status run(OpCall& call) const override {
    const Tensor &a = call.input(0), &b = call.input(1);
    LEAT_TRY(check(Type::exactly(a.dtype(), a.shape()), Type::exactly(b.dtype(), b.shape())));
    Shape shape;
    for (const Tensor* x : {&a, &b}) {
      if (x->shape().rank() == 2) shape = shape.with(shape.rank(), x->shape()[0]);
    }
    LEAT_ASSIGN(Tensor * y, call.output(0, DType::kFp32, shape));
    if (y->byte_size() == 0) return {};
    thread_local Directions of_a, of_b;
    of_a.read(a);
    of_b.read(b);
    float* to = y->mutable_values<float>().data();
    for (size_t i = 0; i < of_a.count; ++i) {
      if (i % 64 == 0 && call.abandoned()) return Status(Code::kCancelled, "nobody waits for it");
      for (size_t j = 0; j < of_b.count; ++j) {
        double sum = 0;
        for (size_t k = 0; k < of_a.size; ++k) sum += of_a.at(i)[k] * of_b.at(j)[k];
        *to++ = static_cast<float>(sum);
      }
    }
    return {};
  }
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const auto &a = setup.inputs[0], &b = setup.inputs[1];
  if (a && b) {
    LEAT_TRY(check(*a, *b));
    if (!a->open && !b->open) {
      Type y = Type::exactly(DType::kFp32, {});
      for (const Type* x : {&*a, &*b}) {
        if (x->dims.size() == 2) y.dims.push_back(x->dims[0]);
      }
      narrow(setup.outputs[0], y);
    }
  }
  return std::make_unique<CosineSimilarity>();
}

LEAT_OP(
    ({.name = "tensor.cosine_similarity",
      .doc = "The cosine of the angle between vectors: how alike they are, from -1 to 1. 0 where "
             "one of them is 0, NaN where one has NaN or infinity.",
      .inputs = {{"a", "FP16|BF16|FP32|FP64[?,...]", "a vector [d], or n of them [n,d]"},
                 {"b", "FP16|BF16|FP32|FP64[?,...]", "likewise [d] or [m,d]"}},
      .outputs = {{"similarity", "FP32[...]",
                   "of each of a with each of b: [n,m]; without the axis of what is one "
                   "vector"}},
      .params = {},
      .make = make}));

}  // namespace

}  // namespace leat
