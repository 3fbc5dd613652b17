#include "ops/tensor/axes.h"

namespace leat {

namespace {

// `shape`, which may have one -1, for a value of the shape `of`.
Result<Shape> settled(Shape shape, const Shape& of) {
  int open = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] < 0) open = i;
  }
  // In the type whose elements are bytes, these are counted without overflowing.
  LEAT_ASSIGN(size_t count, of.bytes(DType::kUint8));
  const Shape known = open < 0 ? shape : shape.without(open);
  LEAT_ASSIGN(size_t part, known.bytes(DType::kUint8));
  if (open >= 0 && part > 0 && count % part == 0) {
    shape.set(open, static_cast<int64_t>(count / part));
    return shape;
  }
  if (open < 0 && part == count) return shape;
  return Status(Code::kBadInput,
                cat("x has the shape ", of.text(), ", ", count, " elements, which ", shape.text(),
                    open >= 0 && part == 0 ? " does not say what to make of" : " cannot hold"));
}

class Reshape final : public Op {
 public:
  explicit Reshape(const Shape& shape) : shape_(shape) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(Shape shape, settled(shape_, x.shape()));
    call.give(0, as_tensor(x.reshaped(shape)));
    return {};
  }

 private:
  Shape shape_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  LEAT_ASSIGN(std::vector<int64_t> sizes, integers_of(setup.params, "shape"));
  if (sizes.size() > Shape::kMaxRank) {
    return Status(Code::kBadInput, cat("shape has ", sizes.size(), " dimensions; up to ",
                                       Shape::kMaxRank, " are allowed"));
  }
  int open = 0;
  for (int64_t size : sizes) {
    open += size < 0;
    if (size >= -1 && open < 2) continue;
    return Status(Code::kBadInput, size < -1
                                       ? cat("shape: ", size, " found; sizes are 0 or more, or -1")
                                       : "shape has more than one -1");
  }
  Shape shape(sizes);
  if (const auto& x = setup.inputs[0]) {
    narrow(setup.outputs[0], x->dtypes);
    if (!x->open && x->shape().known()) {
      LEAT_ASSIGN(shape, settled(shape, x->shape()));
    }
  }
  Type y = Type::exactly(DType::kFp32, shape);
  y.dtypes = setup.outputs[0].dtypes;
  narrow(setup.outputs[0], y);
  return std::make_unique<Reshape>(Shape(sizes));
}

LEAT_OP(({.name = "tensor.reshape",
          .doc = "The same elements, in the same order, under another shape. Nothing is copied.",
          .inputs = {{"x", "ANY[...]", "any value"}},
          .outputs = {{"y", "ANY[...]", "the same elements"}},
          .params = {{.name = "shape",
                      .type = ParamType::kFloats,
                      .required = true,
                      .min = -1,
                      .max = 0x1p53,
                      .doc = "sizes, in whole numbers; one may be -1, which is as many as there "
                             "are. [] makes one element a scalar"}},
          .make = make}));

}  // namespace

}  // namespace leat
