#include "leat/op.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

class Scale final : public Op {
 public:
  explicit Scale(double by) : by_(by) {}
  Status run(OpCall& call) const override {
    const Tensor& x = call.input(0);
    LEAT_ASSIGN(Tensor * y, call.output(0, DType::kFp32, x.shape()));
    for (size_t i = 0; i < x.values<float>().size(); ++i) {
      if (call.abandoned()) return Status(Code::kCancelled, "nobody waits");
      y->mutable_values<float>()[i] = x.values<float>()[i] * static_cast<float>(by_);
    }
    if (call.has(1)) call.give(1, call.input(1, call.count(1) - 1));
    return {};
  }

 private:
  double by_;
};

LEAT_OP(
    ({.name = "test.scale",
      .doc = "Multiplies, and passes the last of `rest` on.",
      .inputs = {{"x", "FP32[n,...]", "numbers"},
                 {.name = "rest", .type = "FP32[n]", .doc = "", .optional = true, .many = true}},
      .outputs = {{"y", "FP32[n,...]", "the same shape"},
                  {.name = "last", .type = "FP32[n]", .doc = "", .only_with = "rest"}},
      .params = {{.name = "by",
                  .type = ParamType::kFloat,
                  .fallback = 2.0,
                  .min = 0,
                  .max = 8,
                  .doc = "factor"}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        return std::make_unique<Scale>(setup.params.real("by"));
      }}));

class Silent final : public Op {
 public:
  Status run(OpCall&) const override { return {}; }
};

LEAT_OP(({.name = "test.silent",
          .doc = "Does not give what it promises.",
          .inputs = {},
          .outputs = {{"y", "FP32", ""}},
          .params = {},
          .make = [](OpSetup&) -> Result<std::unique_ptr<Op>> {
            return std::make_unique<Silent>();
          }}));

Tensor numbers(std::vector<float> values) {
  return *Tensor::of(std::span<const float>(values), Shape{static_cast<int64_t>(values.size())});
}

TEST(OpCatalogue, Finds) {
  ASSERT_NE(OpCatalogue::find("test.scale"), nullptr);
  EXPECT_EQ(OpCatalogue::find("test.scale"), &OpCatalogue::all().at("test.scale"));
  EXPECT_EQ(OpCatalogue::find("test.scal"), nullptr);
}

TEST(OpCall, InputsAndOutputs) {
  OpFixture op("test.scale");
  op.input("x", numbers({1, 2}));
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(op["y"].values<float>(), ::testing::ElementsAre(2, 4));
  EXPECT_FALSE(op["last"]);
  op.inputs("rest", {numbers({3, 4}), numbers({5, 6})});
  ASSERT_TRUE(op.run().ok());
  EXPECT_THAT(op["last"].values<float>(), ::testing::ElementsAre(5, 6));
}

TEST(OpFixture, ChecksAsTheExecutorWould) {
  const auto run = [](const std::string& name, auto prepare) {
    OpFixture op(name);
    prepare(op);
    return op.run();
  };
  EXPECT_EQ(run("test.none", [](OpFixture&) {}).code(), Code::kNotFound);
  EXPECT_EQ(run("test.silent", [](OpFixture&) {}).message(), "output y was not given");
  EXPECT_THAT(run("test.scale", [](OpFixture&) {}).message(), HasSubstr("input x is missing"));
  EXPECT_THAT(run("test.scale", [](OpFixture& op) { op.param("by", 9.0).input("x", numbers({1})); })
                  .message(),
              HasSubstr("parameter by: 9 found, a number from 0 to 8 wanted"));
  EXPECT_THAT(run("test.scale", [](OpFixture& op) { op.param("bye", 1.0); }).message(),
              HasSubstr("no parameter bye"));
  EXPECT_THAT(
      run("test.scale", [](OpFixture& op) { op.input("x", *Tensor::scalar(1.0f)); }).message(),
      HasSubstr("input x: FP32[] given, FP32[n,...] wanted"));
  EXPECT_THAT(run("test.scale",
                  [](OpFixture& op) {
                    op.input("x", numbers({1})).inputs("rest", {numbers({1, 2})});
                  })
                  .message(),
              HasSubstr("n is 2 here and 1 elsewhere"));
  EXPECT_EQ(run("test.scale",
                [](OpFixture& op) {
                  op.input("x", numbers({1, 2, 3})).abandon_after(2);
                })
                .code(),
            Code::kCancelled);
}

TEST(Params, WholeNumbersAreReal) {
  Params params;
  params.set("a", int64_t{3});
  params.set("b", ParamValue{});
  EXPECT_EQ(params.real("a"), 3.0);
  EXPECT_TRUE(params.has("a"));
  EXPECT_FALSE(params.has("b"));
  EXPECT_FALSE(params.has("c"));
}

TEST(ImageNeed, SmallestScaleThatIsEnough) {
  struct Case {
    ImageNeed need;
    int width, height;
    double scale;
  };
  const Case cases[] = {
      {{100, 100, Fit::kStretch}, 400, 200, 0.5},    {{100, 100, Fit::kCover}, 400, 200, 0.5},
      {{100, 100, Fit::kLetterbox}, 400, 200, 0.25}, {{100, 100, Fit::kLetterbox}, 50, 20, 1},
      {{100, 10, Fit::kStretch}, 400, 400, 0.25},
  };
  for (const Case& c : cases) EXPECT_EQ(c.need.scale_for(c.width, c.height), c.scale);
}

}  // namespace
}  // namespace leat
