// `retry`, for steps in threads: how often a step runs on an item on which it fails.
#include <gmock/gmock.h>

#include <atomic>

#include "base/text.h"
#include "leat/op.h"
#include "model/fake_model.h"
#include "pipeline/engine.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

std::atomic<int> runs;  // of the step, in one test
Code failure = Code::kStepFailed;

// Fails on its first two runs.
Status flaky() { return ++runs > 2 ? Status() : Status(failure, "not yet"); }

class Flaky final : public Op {
 public:
  Status run(OpCall& call) const override {
    LEAT_TRY(flaky());
    call.give(0, call.input(0));
    return {};
  }
};
LEAT_OP(({.name = "retry.flaky",
          .doc = "Of a test.",
          .inputs = {{"x", "INT64", "a value"}},
          .outputs = {{"y", "INT64", "the same"}},
          .params = {},
          .make = [](OpSetup&) -> Result<std::unique_ptr<Op>> {
            return std::make_unique<Flaky>();
          }}));

class FlakyModel final : public ModelSource {
 public:
  Result<std::shared_ptr<Model>> get(const std::string&, const ModelOptions&) override {
    return std::make_shared<FakeModel>(
        std::vector<FakeModel::Port>{{"x", "INT64[n]"}},
        std::vector<FakeModel::Port>{{"y", "INT64[n]"}},
        [](std::span<const Tensor> in, std::span<Tensor> out, RunStop*) -> Status {
          LEAT_TRY(flaky());
          out[0] = in[0];
          return {};
        });
  }
};

// Ways in which a step can run.
constexpr std::string_view kWays[] = {
    "op: retry.flaky",
    "op: retry.flaky, instances: 1",
    "model: m, batch: { max: 4 }",
};

Status call(std::string_view step, std::string_view options) {
  runs = 0;
  auto engine = make_engine({.threads = 2}, std::make_shared<FlakyModel>());
  auto pipeline = engine->load_text(cat("leat: 1\ninputs: { x: \"INT64\" }\nsteps:\n  s: { ", step,
                                        ", inputs: { x: x }", options, " }\noutputs: { y: s.y }\n"),
                                    "/");
  if (!pipeline.ok()) return pipeline.status();
  Request request(**pipeline);
  request.set(0, *Tensor::scalar<int64_t>(7));
  Answer answer = (*pipeline)->run(std::move(request));
  if (answer.status.ok()) {
    EXPECT_EQ(answer.outputs[0].tensor().values<int64_t>()[0], 7);
  }
  return answer.status;
}

TEST(Retry, AnItemIsTriedSoOftenAgain) {
  for (std::string_view way : kWays) {
    SCOPED_TRACE(way);
    EXPECT_TRUE(call(way, ", retry: 2").ok());
    EXPECT_EQ(runs, 3);
    EXPECT_TRUE(call(way, ", retry: 100").ok());
    EXPECT_EQ(runs, 3);
    Status status = call(way, ", retry: 1");
    EXPECT_EQ(status.code(), Code::kStepFailed);
    EXPECT_THAT(status.message(), HasSubstr("step s: not yet"));
    EXPECT_EQ(runs, 2);
    EXPECT_FALSE(call(way, "").ok());
    EXPECT_EQ(runs, 1);
  }
}

TEST(Retry, WrongInputIsNot) {
  for (std::string_view way : kWays) {
    SCOPED_TRACE(way);
    for (Code code : {Code::kBadInput, Code::kBadMedia, Code::kTooLarge}) {
      failure = code;
      EXPECT_EQ(call(way, ", retry: 2").code(), code);
      EXPECT_EQ(runs, 1);
    }
    failure = Code::kStepFailed;
  }
}

}  // namespace
}  // namespace leat
