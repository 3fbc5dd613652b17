#include "model/onnx/onnx_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <thread>

#include "memory/arena.h"
#include "model/testing/model_files.h"

namespace leat {
namespace {

using testing::HasSubstr;
using testing::Not;

// Any bytes that are values of `type` (a BOOL is 0 or 1).
Tensor filled(DType type, const Shape& shape) {
  Tensor tensor = *Tensor::allocate(type, shape);
  for (size_t i = 0; i < tensor.byte_size(); ++i) {
    tensor.mutable_data()[i] = static_cast<std::byte>(type == DType::kBool ? i % 2 : i * 37 + 5);
  }
  return tensor;
}

std::string bytes_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.data()), tensor.byte_size()};
}

Tensor texts(std::vector<std::string_view> all, const Shape& shape) {
  return *Tensor::strings(all, shape);
}

// One input, one output.
Result<Tensor> run(Model& model, const Tensor& input, Tensor output = {}) {
  Status status = model.run({&input, 1}, {&output, 1}, nullptr);
  if (!status.ok()) return status;
  return output;
}

std::string failure(Model& model, const Tensor& input, Tensor output = {}) {
  auto result = run(model, input, std::move(output));
  if (result.ok()) return "no failure";
  return std::string(code_name(result.status().code())) + ": " + result.status().message();
}

class OfNumbers : public testing::TestWithParam<int> {
 protected:
  DType type() const { return static_cast<DType>(GetParam()); }
  std::string text(std::string_view dims) const {
    return std::string(dtype_name(type())) + std::string(dims);
  }
};

TEST_P(OfNumbers, GoThroughUnchanged) {
  auto model = loaded(tiny_onnx::identity(text("[n,3]")));
  for (int64_t rows : {0, 1, 2, 1000}) {
    Tensor input = filled(type(), Shape{rows, 3});
    auto output = run(*model, input);
    ASSERT_TRUE(output.ok()) << output.status().message();
    EXPECT_EQ(output->dtype(), type());
    EXPECT_EQ(output->shape(), input.shape());
    EXPECT_EQ(bytes_of(*output), bytes_of(input));
    EXPECT_NE(output->block(), input.block());
    EXPECT_EQ(output->where().arena, Arena::heap().id());
  }
}

TEST_P(OfNumbers, AreWrittenIntoWhatIsGiven) {
  auto model = loaded(tiny_onnx::identity(text("[n,3]")));
  Tensor input = filled(type(), Shape{4, 3});
  Tensor whole = *Tensor::allocate(type(), Shape{8, 3});
  std::memset(whole.mutable_data(), 0, whole.byte_size());
  auto output = run(*model, input, whole.rows(3, 7));
  ASSERT_TRUE(output.ok()) << output.status().message();
  EXPECT_EQ(output->block(), whole.block());
  EXPECT_EQ(bytes_of(whole.rows(3, 7)), bytes_of(input));
  EXPECT_THAT(bytes_of(whole.rows(0, 3)), testing::Each('\0'));
  EXPECT_THAT(bytes_of(whole.rows(7, 8)), testing::Each('\0'));
}

TEST_P(OfNumbers, MayHaveNoDimension) {
  auto model = loaded(tiny_onnx::identity(text("[]")));
  Tensor input = filled(type(), Shape{});
  auto output = run(*model, input);
  ASSERT_TRUE(output.ok()) << output.status().message();
  EXPECT_EQ(output->shape(), Shape{});
  EXPECT_EQ(bytes_of(*output), bytes_of(input));
}

INSTANTIATE_TEST_SUITE_P(Values, OfNumbers, testing::Range(0, static_cast<int>(DType::kBytes)),
                         [](const auto& i) {
                           return std::string(dtype_name(static_cast<DType>(i.param)));
                         });

TEST(OnnxStrings, GoThroughUnchanged) {
  using namespace std::string_view_literals;
  auto model = loaded(tiny_onnx::identity("BYTES[...]"));
  std::string large(100'000, 'x');
  Tensor some = texts({"a", "", "with\0nul"sv, "é", large, "\xff\xfe"}, Shape{6});
  Tensor all[] = {texts({"alone\0."sv}, Shape{}),
                  texts({""}, Shape{}),
                  some,
                  some.reshaped(Shape{2, 3}),
                  some.row(2),
                  some.rows(1, 4),
                  texts({}, Shape{0}),
                  texts({"", ""}, Shape{2}),
                  texts({}, Shape{3, 0})};
  for (const Tensor& input : all) {
    auto output = run(*model, input);
    ASSERT_TRUE(output.ok()) << input.shape().text() << output.status().message();
    ASSERT_EQ(output->shape(), input.shape());
    EXPECT_EQ(output->dtype(), DType::kBytes);
    for (int64_t i = 0; i < input.shape().elements(); ++i) {
      EXPECT_EQ(output->string(i), input.string(i));
    }
  }
}

// A view in the middle of a block is aligned to its elements and no more.
TEST(OnnxInputs, NeedNoAlignmentBeyondTheirElements) {
  auto model = loaded(tiny_onnx::add("FP32[n]"));
  std::vector<float> numbers(100);
  std::iota(numbers.begin(), numbers.end(), 0.f);
  Tensor all = *Tensor::of<float>(numbers, Shape{100});
  for (int64_t begin : {1, 2, 3, 17}) {
    Tensor inputs[] = {all.rows(begin, begin + 70), all.rows(begin + 1, begin + 71)};
    Tensor sum;
    ASSERT_TRUE(model->run(inputs, {&sum, 1}, nullptr).ok());
    for (int64_t i = 0; i < 70; ++i) {
      EXPECT_EQ(sum.values<float>()[static_cast<size_t>(i)],
                static_cast<float>(2 * (begin + i) + 1));
    }
  }
}

TEST(OnnxPorts, AreAsDeclared) {
  for (std::string type : {"FP32[batch,3,224,?]", "UINT8[...]", "INT64", "BYTES[n,1]", "BOOL[0]"}) {
    auto model = loaded(tiny_onnx::identity(type));
    ASSERT_EQ(model->inputs().size(), 1u);
    ASSERT_EQ(model->outputs().size(), 1u);
    EXPECT_EQ(model->inputs()[0].name, "x");
    EXPECT_EQ(model->outputs()[0].name, "y");
    EXPECT_EQ(model->inputs()[0].type, Type::of(type)) << model->inputs()[0].type.text();
    EXPECT_EQ(model->outputs()[0].type, Type::of(type)) << model->outputs()[0].type.text();
  }
  auto model = loaded(tiny_onnx::add("FP32[n]"));
  EXPECT_EQ(model->inputs()[1].name, "b");
  EXPECT_EQ(model->platform(), "onnxruntime_onnx");
  EXPECT_EQ(model->weight_bytes(), tiny_onnx::add("FP32[n]").size());
}

// PaddlePaddle's exporter calls every open dimension "?", which does not make them equal.
TEST(OnnxPorts, TakeAQuestionMarkForNoName) {
  std::string file = tiny_onnx::identity("FP32[n,Q,Q]");
  std::ranges::replace(file, 'Q', '?');
  auto model = loaded(file);
  EXPECT_EQ(model->inputs()[0].type, Type::of("FP32[n,?,?]")) << model->inputs()[0].type.text();
}

// Models in the wild declare [1] and give [n].
TEST(OnnxPorts, MayGiveAnotherShapeThanDeclared) {
  tiny_onnx::Graph graph{.inputs = {{"x", "FP32[...]"}},
                         .outputs = {{"y", "FP32[1]"}},
                         .nodes = {{"Identity", {"x"}, {"y"}}}};
  auto model = loaded(graph.encode());
  auto output = run(*model, filled(DType::kFp32, Shape{5}));
  ASSERT_TRUE(output.ok()) << output.status().message();
  EXPECT_EQ(output->shape(), Shape{5});
}

TEST(OnnxErrors, NameThePortAndWhatItTakes) {
  auto model = loaded(tiny_onnx::identity("FP32[n,3]"));
  Tensor good = filled(DType::kFp32, Shape{2, 3});
  EXPECT_EQ(failure(*model, Tensor()), "bad_input: input x is absent");
  EXPECT_EQ(failure(*model, filled(DType::kFp64, Shape{2, 3})),
            "bad_input: input x: FP64[2,3] given, FP32[n,3] wanted");
  EXPECT_EQ(failure(*model, filled(DType::kFp32, Shape{3})),
            "bad_input: input x: FP32[3] given, FP32[n,3] wanted");
  EXPECT_EQ(failure(*model, filled(DType::kFp32, Shape{2, 4})),
            "bad_input: input x: FP32[2,4] given, FP32[n,3] wanted");
  EXPECT_EQ(failure(*model, good, filled(DType::kInt32, Shape{2, 3})),
            "bad_input: output y (FP32[n,3]) cannot be written into a given INT32 tensor");
  EXPECT_THAT(failure(*model, good, filled(DType::kFp32, Shape{3, 3})), HasSubstr("step_failed: "));
  EXPECT_TRUE(run(*model, good).ok());
}

TEST(OnnxErrors, OfARunNameTheNodeOnOneLine) {
  tiny_onnx::Graph graph{
      .inputs = {{"x", "FP32[n]"}, {"shape", "INT64[2]"}},
      .outputs = {{"y", "FP32[...]"}},
      .nodes = {{"Reshape", {"x", "shape"}, {"y"}, {}, "fold"}},
  };
  auto model = loaded(graph.encode());
  int64_t shape[] = {2, 2};
  Tensor inputs[] = {filled(DType::kFp32, Shape{3}), *Tensor::of<int64_t>(shape, Shape{2})};
  Tensor output;
  Status status = model->run(inputs, {&output, 1}, nullptr);
  EXPECT_EQ(status.code(), Code::kStepFailed);
  EXPECT_THAT(status.message(), HasSubstr("node fold (Reshape): "));
  EXPECT_THAT(status.message(), HasSubstr("requested shape:{2,2}"));
  EXPECT_THAT(status.message(), Not(HasSubstr("\n")));
  EXPECT_THAT(status.message(), Not(HasSubstr(".h:")));
  inputs[0] = filled(DType::kFp32, Shape{4});
  ASSERT_TRUE(model->run(inputs, {&output, 1}, nullptr).ok());
  EXPECT_EQ(output.shape(), (Shape{2, 2}));
}

TEST(OnnxErrors, MemoryThatIsNotThereIsNoCrash) {
  tiny_onnx::Graph graph{.inputs = {{"shape", "INT64[1]"}},
                         .outputs = {{"y", "FP32[n]"}},
                         .nodes = {{"ConstantOfShape", {"shape"}, {"y"}}}};
  auto model = loaded(graph.encode());
  int64_t much = int64_t{1} << 50;
  EXPECT_THAT(failure(*model, *Tensor::of<int64_t>({&much, 1}, Shape{1})),
              HasSubstr("overloaded: a buffer of 4503599627370496 bytes"));
  int64_t little = 7;
  auto output = run(*model, *Tensor::of<int64_t>({&little, 1}, Shape{1}));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->shape(), Shape{7});
}

// Doubles x for ever.
std::unique_ptr<Model> endless() {
  tiny_onnx::Graph body{.inputs = {{"i", "INT64"}, {"go", "BOOL"}, {"v", "FP32[n]"}},
                        .outputs = {{"go_on", "BOOL"}, {"w", "FP32[n]"}},
                        .nodes = {{"Identity", {"go"}, {"go_on"}}, {"Add", {"v", "v"}, {"w"}}}};
  return loaded(
      tiny_onnx::Graph{.inputs = {{"x", "FP32[n]"}},
                       .outputs = {{"y", "FP32[n]"}},
                       .nodes = {{"Loop", {"", "", "x"}, {"y"}, {{"body", body.subgraph()}}}}}
          .encode());
}

TEST(OnnxStop, EndsARunThatIsGoingOn) {
  auto model = endless();
  auto same_thread = loaded(tiny_onnx::identity("FP32[n]"));
  Tensor input = filled(DType::kFp32, Shape{1 << 20});
  uint64_t before = Arena::heap().stats().in_use;
  RunStop stop;
  std::thread runner([&] {
    Tensor output;
    Status status = model->run({&input, 1}, {&output, 1}, &stop);
    EXPECT_EQ(status.code(), Code::kCancelled);
    EXPECT_EQ(status.message(), "stopped while it ran");
    EXPECT_FALSE(output);
    // The next run of this thread does not inherit the request.
    EXPECT_TRUE(run(*same_thread, input).ok());
  });
  // The loop holds a copy of its input of 4 MB.
  while (Arena::heap().stats().in_use < before + input.byte_size()) std::this_thread::yield();
  stop.request();
  runner.join();
  EXPECT_EQ(Arena::heap().stats().in_use, before);
}

TEST(OnnxStop, KeepsARunFromStarting) {
  auto model = endless();
  RunStop stop;
  stop.request();
  Tensor input = filled(DType::kFp32, Shape{8}), output;
  EXPECT_EQ(model->run({&input, 1}, {&output, 1}, &stop).code(), Code::kCancelled);
}

TEST(OnnxThreads, ShareOneModel) {
  for (int own_threads : {1, 2}) {
    auto model = loaded(tiny_onnx::add("FP32[n]"), own_threads);
    auto work = [&](int seed) {
      for (int i = 0; i < 200; ++i) {
        int64_t size = 1 + (seed * 977 + i * 131) % 5000;
        std::vector<float> a(static_cast<size_t>(size), static_cast<float>(seed));
        std::vector<float> b(static_cast<size_t>(size), static_cast<float>(i));
        Tensor inputs[] = {*Tensor::of<float>(a, Shape{size}), *Tensor::of<float>(b, Shape{size})};
        Tensor sum;
        ASSERT_TRUE(model->run(inputs, {&sum, 1}, nullptr).ok());
        ASSERT_EQ(sum.shape(), Shape{size});
        ASSERT_THAT(sum.values<float>(), testing::Each(static_cast<float>(seed + i)));
      }
    };
    std::vector<std::thread> threads;
    for (int seed = 0; seed < 4; ++seed) threads.emplace_back(work, seed);
    for (auto& thread : threads) thread.join();
  }
}

// An output outlives the model that made it, and its memory goes back when it is dropped.
TEST(OnnxOutputs, OutliveTheModel) {
  uint64_t before = Arena::heap().stats().in_use;
  {
    auto model = loaded(tiny_onnx::identity("FP32[n]"));
    Tensor input = filled(DType::kFp32, Shape{300'000});
    Tensor output = *run(*model, input);
    model.reset();
    EXPECT_EQ(bytes_of(output), bytes_of(input));
  }
  EXPECT_EQ(Arena::heap().stats().in_use, before);
}

}  // namespace
}  // namespace leat
