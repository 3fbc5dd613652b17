#include "memory/lone_op.h"

#include <gtest/gtest.h>

#include <thread>

namespace leat {
namespace {

// y = x * by, and twice only with the parameter; `more` may be left out.
class Scale final : public Op {
 public:
  Scale(double by, bool twice, bool more) : by_(by), twice_(twice), more_(more) {}

  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(Tensor * y, call.output(0, DType::kFp32, x.shape()));
    auto from = x.values<float>();
    auto to = y->mutable_values<float>();
    for (size_t i = 0; i < from.size(); ++i) to[i] = from[i] * static_cast<float>(by_);
    EXPECT_EQ(call.has(1), more_);
    if (call.has(1)) to[0] += call.input(1).values<float>()[0];
    if (twice_) call.give(1, x);
    return {};
  }

 private:
  const double by_;
  const bool twice_, more_;
};

const OpSpec& scale() {
  static const OpSpec spec{
      .name = "test.scale",
      .doc = "Multiplies.",
      .inputs = {{"x", "FP32[n]", "values"}, {"more", "FP32[n]", "added", /*optional=*/true}},
      .outputs = {{"y", "FP32[n]", "products"},
                  {.name = "same", .type = "FP32[n]", .doc = "x", .only_with = "twice"}},
      .params = {{.name = "by", .type = ParamType::kFloat, .required = true, .min = 0, .max = 9},
                 {.name = "twice", .type = ParamType::kBool, .fallback = false}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        EXPECT_EQ(setup.inputs[0]->text(), "FP32[n]");
        return std::make_unique<Scale>(setup.params.real("by"), setup.params.flag("twice"),
                                       setup.inputs[1].has_value());
      }};
  return spec;
}

Tensor row(std::vector<float> values) {
  return *Tensor::of<float>(values, Shape{static_cast<int64_t>(values.size())});
}

Status run(const LoneOp& op, const std::vector<Tensor>& inputs, std::vector<Tensor>& outputs) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(input ? &input : nullptr);
  std::vector<std::span<const Tensor* const>> ports;
  for (const Tensor*& pointer : pointers) ports.emplace_back(&pointer, pointer ? 1 : 0);
  outputs.assign(2, Tensor());
  return op.run(ports, outputs);
}

TEST(LoneOp, ServesAllShapes) {
  auto op = LoneOp::make(scale(), {{"by", 2.0}}, 1);
  ASSERT_TRUE(op.ok());
  std::vector<Tensor> outputs;
  for (size_t size : {0, 1, 5}) {
    Tensor x = row(std::vector<float>(size, 3));
    ASSERT_TRUE(run(**op, {x, Tensor()}, outputs).ok());
    EXPECT_EQ(outputs[0].shape(), x.shape());
    for (float y : outputs[0].values<float>()) EXPECT_EQ(y, 6);
    EXPECT_FALSE(outputs[1]);
  }
}

TEST(LoneOp, IsToldWhatIsConnected) {
  auto op = LoneOp::make(scale(), {{"by", int64_t{2}}, {"twice", true}}, 3);
  ASSERT_TRUE(op.ok());
  std::vector<Tensor> outputs;
  Tensor x = row({1, 2});
  ASSERT_TRUE(run(**op, {x, row({10, 0})}, outputs).ok());
  EXPECT_EQ(outputs[0].values<float>()[0], 12);
  EXPECT_EQ(outputs[1].data(), x.data());
}

TEST(LoneOp, RefusesWhatDoesNotFit) {
  auto op = LoneOp::make(scale(), {{"by", 2.0}}, 1);
  std::vector<Tensor> outputs;
  auto message = [&](const std::vector<Tensor>& inputs) {
    Status status = run(**op, inputs, outputs);
    EXPECT_EQ(status.code(), Code::kBadInput);
    return status.message();
  };
  EXPECT_EQ(message({Tensor(), Tensor()}), "input x is missing");
  EXPECT_EQ(message({row({1, 2}), row({1})}), "input more: n is 1 here and 2 elsewhere");
  EXPECT_EQ(message({*Tensor::scalar(1.0f), Tensor()}), "input x: FP32[] given, FP32[n] wanted");
}

TEST(LoneOp, ParametersAreChecked) {
  auto message = [](const std::map<std::string, ParamValue>& given) {
    auto op = LoneOp::make(scale(), given, 1);
    EXPECT_FALSE(op.ok());
    return op.ok() ? "" : op.status().message();
  };
  EXPECT_EQ(message({}), "parameter by is missing: a number from 0 to 9");
  EXPECT_EQ(message({{"by", 10.0}}), "parameter by: 10 found, a number from 0 to 9 wanted");
  EXPECT_EQ(message({{"by", 1.0}, {"twise", true}}),
            "there is no parameter twise; did you mean twice?");
}

TEST(LoneOp, RunsOnManyThreads) {
  auto op = LoneOp::make(scale(), {{"by", 3.0}}, 1);
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k) {
    threads.emplace_back([&, k] {
      std::vector<Tensor> outputs;
      for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(run(**op, {row({static_cast<float>(i + k)}), Tensor()}, outputs).ok());
        ASSERT_EQ(outputs[0].values<float>()[0], static_cast<float>(3 * (i + k)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace leat
