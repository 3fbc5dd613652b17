// When things happen: batches, deadlines, turns, full queues, cancellation and the end of an
// engine, on a clock that only the test moves.
#include "pipeline/executor.h"

#include <gmock/gmock.h>

#include <functional>
#include <numeric>

#include "base/text.h"
#include "model/fake_model.h"
#include "pipeline/engine.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;  // within a batch: items go in the order of their memory
using Batches = std::vector<std::vector<int64_t>>;

// A model that gives back what it gets, writes every batch down, and calls `during` in the first.
class Recorder final : public ModelSource {
 public:
  Batches batches;
  std::function<void(RunStop*)> during;

  Result<std::shared_ptr<Model>> get(const std::string&, const ModelOptions&) override {
    if (!model_) {
      model_ = std::make_shared<FakeModel>(
          std::vector<FakeModel::Port>{{"x", "INT64[n]"}},
          std::vector<FakeModel::Port>{{"y", "INT64[n]"}},
          [this](std::span<const Tensor> in, std::span<Tensor> out, RunStop* stop) -> Status {
            auto values = in[0].values<int64_t>();
            batches.emplace_back(values.begin(), values.end());
            if (auto now = std::exchange(during, nullptr)) now(stop);
            out[0] = in[0];
            return {};
          });
    }
    return std::shared_ptr<Model>(model_);
  }

 private:
  std::shared_ptr<Model> model_;
};

struct Caller final : Completion {
  explicit Caller(const Clock& of) : clock(of) {}
  const Clock& clock;
  Ticket ticket;
  int answers = 0;
  Status status;
  Nanos at = 0;

  void done(Answer& answer) override {
    ++answers;
    status = answer.status;
    at = clock.now();
  }
};

class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() {
    EngineOptions options;
    options.clock = &clock_;
    engine_ = make_engine(options, models_);
  }
  ~ExecutorTest() override {
    engine_->drain(0);
    for (auto& caller : callers_) {
      EXPECT_EQ(caller->answers, 1);
      caller->ticket = Ticket();
    }
    EXPECT_EQ(executor().in_flight(), 0);
  }

  Executor& executor() { return executor_of(*engine_); }

  // A pipeline that runs the model once for each of xs; `options` of that step.
  void load(const std::string& options) {
    auto pipeline = engine_->load_text(cat("leat: 1\n"
                                           "inputs: { xs: \"INT64[?]\" }\n"
                                           "steps:\n"
                                           "  m:\n"
                                           "    model: recorder\n"
                                           "    for_each: xs\n"
                                           "    inputs: { x: xs }\n    ",
                                           options, "\noutputs: { y: m.y }\n"),
                                       "/");
    ASSERT_TRUE(pipeline.ok()) << pipeline.status().message();
    pipeline_ = *std::move(pipeline);
  }

  Caller& call(std::vector<int64_t> xs, const CallOptions& options = {}) {
    callers_.push_back(std::make_unique<Caller>(clock_));
    Caller& caller = *callers_.back();
    Request request(*pipeline_);
    Shape shape{static_cast<int64_t>(xs.size())};
    request.set(0, *Tensor::of(std::span<const int64_t>(xs), shape));
    request.options = options;
    caller.ticket = pipeline_->submit(std::move(request), caller);
    return caller;
  }
  static CallOptions priority(uint32_t of) {
    CallOptions options;
    options.priority = of;
    return options;
  }

  // Runs a call that keeps the model's only instance while `meanwhile` runs.
  void behind(std::function<void()> meanwhile) {
    models_->during = [=](RunStop*) { meanwhile(); };
    call({0});
    executor().work();
  }

  const Batches& batches() const { return models_->batches; }

  ManualClock clock_;
  std::shared_ptr<Recorder> models_ = std::make_shared<Recorder>();
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Pipeline> pipeline_;
  std::vector<std::unique_ptr<Caller>> callers_;
};

// Of lower priority than batches: while it has not run, more items may come.
constexpr uint32_t kLater = 8;

TEST_F(ExecutorTest, ABatchIsHeldForItsDelayAndNoLonger) {
  load("batch: { max: 4, delay: 10ms }");
  Caller& first = call({1});
  call({2}, priority(kLater));
  executor().work(1);
  clock_.advance(10 * kMillisecond - 1);
  executor().work(0);
  EXPECT_THAT(batches(), IsEmpty());
  clock_.advance(1);
  executor().work(1);
  EXPECT_THAT(batches(), ElementsAre(ElementsAre(1)));
  EXPECT_EQ(first.answers, 1);
  executor().work();
  EXPECT_EQ(batches().size(), 2u);
}

TEST_F(ExecutorTest, AFullBatchDoesNotWait) {
  load("batch: { max: 2, delay: 10ms }");
  Nanos begin = clock_.now();
  call({1, 2});
  call({3}, priority(kLater));
  executor().work();
  EXPECT_THAT(batches(), ElementsAre(UnorderedElementsAre(1, 2), ElementsAre(3)));
  EXPECT_EQ(callers_[0]->at, begin);
}

TEST_F(ExecutorTest, RunsAreCountedByTheSizeOfTheirBatch) {
  load("batch: { max: 3, delay: 10ms }");
  models_->during = [this](RunStop*) { clock_.advance(3 * kMillisecond); };
  for (const auto& xs : {std::vector<int64_t>{1, 2, 3}, {4}, {5}}) {
    call(xs);
    executor().work();
  }
  PipelineStats stats = pipeline_->stats();
  EXPECT_EQ(stats.executions, 3u);
  EXPECT_EQ(stats.compute_infer.nanos, 3u * kMillisecond);
  EXPECT_EQ(stats.compute_input.nanos + stats.compute_output.nanos, 0u);
  ASSERT_EQ(stats.batches.size(), 2u);
  EXPECT_EQ(stats.batches[0].size, 1u);
  EXPECT_EQ(stats.batches[0].count, 2u);
  EXPECT_EQ(stats.batches[0].infer_nanos, 0u);
  EXPECT_EQ(stats.batches[1].size, 3u);
  EXPECT_EQ(stats.batches[1].count, 1u);
  EXPECT_EQ(stats.batches[1].infer_nanos, 3u * kMillisecond);
}

TEST_F(ExecutorTest, ABatchStartsEarlyWhenNoCallCanReachTheStep) {
  load("batch: { max: 4, delay: 10ms }");
  for (bool by_deadline : {false, true}) {
    SCOPED_TRACE(by_deadline);
    models_->batches.clear();
    call({1});
    CallOptions options = priority(kLater);
    if (by_deadline) options.timeout = kMillisecond;
    Caller& other = call({100}, options);
    executor().work(1);
    EXPECT_THAT(batches(), IsEmpty());
    if (by_deadline) {
      clock_.advance(kMillisecond);
    } else {
      other.ticket.cancel();
    }
    executor().work();
    EXPECT_THAT(batches(), ElementsAre(ElementsAre(1)));
    EXPECT_EQ(other.status.code(), by_deadline ? Code::kDeadline : Code::kCancelled);
  }
}

TEST_F(ExecutorTest, ACallWithoutRowsHoldsNobodyUp) {
  load("batch: { max: 4, delay: 10ms }");
  call({1});
  call({2}, priority(kLater));
  executor().work(1);
  EXPECT_THAT(batches(), IsEmpty());
  call({}, priority(kLater));
  Nanos begin = clock_.now();
  callers_[1]->ticket.cancel();
  executor().work();
  EXPECT_THAT(batches(), ElementsAre(ElementsAre(1)));
  EXPECT_EQ(callers_[0]->at, begin);
  EXPECT_TRUE(callers_[2]->status.ok());
}

TEST_F(ExecutorTest, ADeadlineAnswersExactlyThen) {
  load("batch: { max: 4, delay: 10ms }");
  CallOptions options;
  options.timeout = 5 * kMillisecond;
  Nanos begin = clock_.now();
  Caller& caller = call({1}, options);
  call({2}, priority(kLater));
  executor().work(1);
  clock_.advance(5 * kMillisecond - 1);
  executor().work(0);
  EXPECT_EQ(caller.answers, 0);
  clock_.advance(1);
  executor().work(0);
  EXPECT_EQ(caller.status.code(), Code::kDeadline);
  EXPECT_EQ(caller.at, begin + 5 * kMillisecond);
  executor().work();
  EXPECT_THAT(batches(), ElementsAre(ElementsAre(2)));  // what nobody waits for is not run
}

TEST_F(ExecutorTest, AStepsTimeoutCountsWaiting) {
  load("batch: { max: 1 }\n    timeout: 1ms");
  behind([&] {
    call({1});
    executor().work();
    clock_.advance(kMillisecond + 1);
  });
  EXPECT_EQ(callers_[0]->status.code(), Code::kDeadline);  // it took longer
  EXPECT_EQ(callers_[1]->status.code(), Code::kDeadline);  // it waited longer
  EXPECT_THAT(callers_[1]->status.message(), HasSubstr("step m, row 0: waited longer"));
  EXPECT_THAT(batches(), ElementsAre(ElementsAre(0)));
}

TEST_F(ExecutorTest, CallsTakeTurnsInABatch) {
  load("batch: { max: 2 }");
  behind([&] {
    call({11, 12, 13, 14});
    call({21});
    executor().work();
  });
  EXPECT_THAT(batches(), ElementsAre(ElementsAre(0), UnorderedElementsAre(11, 21),
                                     UnorderedElementsAre(12, 13), ElementsAre(14)));
}

TEST_F(ExecutorTest, UrgentCallsGoFirst) {
  load("batch: { max: 1 }");
  behind([&] {
    call({1}, priority(8));
    call({2});
    call({3}, priority(1));
    executor().work();
  });
  EXPECT_THAT(batches(),
              ElementsAre(ElementsAre(0), ElementsAre(3), ElementsAre(2), ElementsAre(1)));
}

TEST_F(ExecutorTest, AFullQueue) {
  struct Case {
    const char* when_full;
    std::vector<int64_t> refused;
    std::vector<int64_t> order;
  };
  const Case cases[] = {
      {"reject", {3, 4}, {0, 1, 2}},
      {"drop_oldest", {1, 2}, {0, 3, 4}},
      {"wait", {}, {0, 1, 2, 3, 4}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.when_full);
    callers_.clear();
    models_->batches.clear();
    load(cat("batch: { max: 1 }\n    queue: { max: 2, when_full: ", c.when_full, " }"));
    behind([&] {
      for (int64_t i = 1; i <= 4; ++i) {
        call({i});
        executor().work();
      }
      for (int64_t i = 1; i <= 4; ++i) {
        bool refused = std::ranges::count(c.refused, i) > 0;
        EXPECT_EQ(callers_[static_cast<size_t>(i)]->answers, refused ? 1 : 0) << i;
      }
    });
    std::vector<int64_t> order;
    for (const auto& batch : batches()) order.push_back(batch[0]);
    EXPECT_EQ(order, c.order);
    for (int64_t i = 0; i <= 4; ++i) {
      bool refused = std::ranges::count(c.refused, i) > 0;
      EXPECT_EQ(callers_[static_cast<size_t>(i)]->status.code(),
                refused ? Code::kOverloaded : Code::kOk);
    }
  }
}

TEST_F(ExecutorTest, ThoseOutsideAQueueFillItsBatches) {
  load("batch: { max: 3 }\n    queue: { max: 1, when_full: wait }");
  behind([&] {
    call({1, 2});
    call({3, 4});
    executor().work();
  });
  EXPECT_THAT(batches(),
              ElementsAre(ElementsAre(0), UnorderedElementsAre(1, 2, 3), ElementsAre(4)));
}

TEST_F(ExecutorTest, CancellationTakesOutWhatWaits) {
  for (const char* queue : {"", "queue: { max: 1, when_full: wait }"}) {
    SCOPED_TRACE(queue);
    callers_.clear();
    models_->batches.clear();
    load(cat("batch: { max: 8 }\n    ", queue));
    behind([&] {
      call({1, 2, 3});
      call({4, 5});
      executor().work();
      callers_[1]->ticket.cancel();
      EXPECT_EQ(callers_[1]->status.code(), Code::kCancelled);
      callers_[1]->ticket.cancel();  // once is enough
    });
    EXPECT_THAT(batches(), ElementsAre(ElementsAre(0), UnorderedElementsAre(4, 5)));
    EXPECT_TRUE(callers_[2]->status.ok());
  }
}

TEST_F(ExecutorTest, AModelIsStoppedWhenAllOfItsBatchAreDead) {
  load("batch: { max: 2 }");
  bool with_one_alive = true, with_none = false;
  behind([&] {
    call({1});
    call({2});
    executor().work();
    models_->during = [&](RunStop* stop) {
      callers_[1]->ticket.cancel();
      with_one_alive = stop->requested();
      callers_[2]->ticket.cancel();
      with_none = stop->requested();
    };
  });
  EXPECT_THAT(batches(), ElementsAre(ElementsAre(0), UnorderedElementsAre(1, 2)));
  EXPECT_FALSE(with_one_alive);
  EXPECT_TRUE(with_none);
  EXPECT_EQ(callers_[2]->status.code(), Code::kCancelled);
}

TEST_F(ExecutorTest, DrainEndsWhatItCanAndRefusesTheRest) {
  load("batch: { max: 4, delay: 10ms }");
  call({1});
  EXPECT_TRUE(engine_->drain(0));  // it could run at once
  EXPECT_TRUE(callers_[0]->status.ok());
  Caller& late = call({2});
  EXPECT_EQ(late.status.code(), Code::kUnavailable);
}

TEST_F(ExecutorTest, DrainCancelsWhatWaitsTooLong) {
  load("batch: { max: 1 }");
  bool by_themselves = true;
  behind([&] {
    call({1});
    executor().work();
    by_themselves = engine_->drain(0);
    EXPECT_EQ(callers_[1]->status.code(), Code::kUnavailable);
  });
  EXPECT_FALSE(by_themselves);
  EXPECT_EQ(callers_[0]->status.code(), Code::kUnavailable);
}

// With threads of the engine's own, which a manual clock has not.
// Three steps share a model's queue; only lengths between two powers of 1.25 join.
TEST(ExecutorPadding, JoinsWhatIsAboutAsLong) {
  struct Shapes final : ModelSource {
    std::vector<Shape> seen;
    Result<std::shared_ptr<Model>> get(const std::string&, const ModelOptions&) override {
      if (!model) {
        model = std::make_shared<FakeModel>(
            std::vector<FakeModel::Port>{{"x", "FP32[n,length]"}},
            std::vector<FakeModel::Port>{{"y", "FP32[n,length]"}},
            [this](std::span<const Tensor> in, std::span<Tensor> out, RunStop*) -> Status {
              seen.push_back(in[0].shape());
              out[0] = in[0];
              return {};
            });
      }
      return std::shared_ptr<Model>(model);
    }
    std::shared_ptr<Model> model;
  };
  for (const char* within : {"", ", within: 1.25"}) {
    auto models = std::make_shared<Shapes>();
    ManualClock clock;
    EngineOptions options;
    options.clock = &clock;
    auto engine = make_engine(options, models);
    std::string steps;
    for (const char* name : {"a", "b", "c"}) {
      steps += cat("  m", name, ": { model: m.onnx, inputs: { x: ", name,
                   " }, batch: { max: 4, delay: 1ms }, pad: { port: x", within, " } }\n");
    }
    auto pipeline = engine->load_text(
        cat("leat: 1\ninputs: { a: \"FP32[?]\", b: \"FP32[?]\", c: \"FP32[?]\" }\nsteps:\n", steps,
            "outputs: { a: ma.y, b: mb.y, c: mc.y }\n"),
        "/");
    ASSERT_TRUE(pipeline.ok()) << pipeline.status().message();
    Request request(**pipeline);
    for (size_t i = 0; i < 3; ++i) {
      request.set(i, *Tensor::allocate(DType::kFp32, Shape{i == 0 ? 101 : i == 1 ? 200 : 107}));
    }
    Caller caller(clock);
    caller.ticket = (*pipeline)->submit(std::move(request), caller);
    executor_of(*engine).work();
    EXPECT_EQ(caller.answers, 1);
    EXPECT_TRUE(caller.status.ok()) << caller.status.message();
    if (*within) {
      EXPECT_THAT(models->seen, UnorderedElementsAre(Shape({2, 107}), Shape({1, 200})));
    } else {
      EXPECT_THAT(models->seen, ElementsAre(Shape({3, 200})));
    }
    caller.ticket = Ticket();
  }
}

TEST(ExecutorWithThreads, RowsThatBeginInAQueueShareABatch) {
  constexpr std::string_view kRows =
      "leat: 1\ninputs: { xs: \"INT64[?]\" }\nsteps:\n"
      "  m: { model: recorder, for_each: xs, inputs: { x: xs }, batch: { max: 8 } }\n"
      "outputs: { y: m.y }\n";
  constexpr std::string_view kItems =
      "leat: 1\nbatched: true\ninputs: { x: \"INT64[]\" }\nsteps:\n"
      "  m: { model: recorder, inputs: { x: x }, batch: { max: 8 } }\n"
      "outputs: { y: m.y }\n";
  for (std::string_view text : {kRows, kItems}) {
    SCOPED_TRACE(text);
    auto models = std::make_shared<Recorder>();
    EngineOptions options;
    options.threads = 2;
    auto engine = make_engine(options, models);
    auto pipeline = engine->load_text(std::string(text), "/");
    ASSERT_TRUE(pipeline.ok()) << pipeline.status().message();
    for (int64_t count : {8, 3, 1}) {
      models->batches.clear();
      std::vector<int64_t> numbers(static_cast<size_t>(count));
      std::iota(numbers.begin(), numbers.end(), 0);
      Request request(**pipeline);
      request.set(0, *Tensor::of(std::span<const int64_t>(numbers), Shape{count}));
      Answer answer = (*pipeline)->run(std::move(request));
      ASSERT_TRUE(answer.status.ok()) << answer.status.message();
      EXPECT_THAT(models->batches, ElementsAre(testing::UnorderedElementsAreArray(numbers)));
    }
  }
}

}  // namespace
}  // namespace leat
