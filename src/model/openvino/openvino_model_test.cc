#include "model/openvino/openvino_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <thread>

#include "base/cpu.h"
#include "memory/arena.h"
#include "model/openvino/library.h"
#include "model/testing/model_files.h"
#include "model/testing/tiny_openvino.h"

namespace leat {
namespace {

using testing::HasSubstr;

std::unique_ptr<Model> openvino(std::string_view bytes, int threads = 1) {
  return loaded(bytes, threads, Runtime::kOpenVino);
}

// Small values of `type`, which are exact in each.
Tensor counted(DType type, const Shape& shape) {
  Tensor tensor = *Tensor::allocate(type, shape);
  std::memset(tensor.mutable_data(), 0, tensor.byte_size());
  const size_t size = dtype_size(type);
  const bool floating = type == DType::kFp16 || type == DType::kBf16 || type == DType::kFp32;
  for (size_t i = 0; i < tensor.byte_size(); i += size) {
    // Of integers the lowest byte; of floating numbers the highest, 0x40 or so: 2 and more.
    size_t at = floating ? i + size - 1 : i;
    size_t value = i / size;
    tensor.mutable_data()[at] =
        static_cast<std::byte>(type == DType::kBool ? value % 2 : 0x40 + value % 3);
  }
  return tensor;
}

std::string bytes_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.data()), tensor.byte_size()};
}

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

std::string refusal(std::string_view bytes) {
  ScratchFolder folder;
  auto model = load_model(folder.file("m.onnx", bytes), {.runtime = Runtime::kOpenVino});
  if (model.ok()) return "none";
  const std::string& message = model.status().message();
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_EQ(message.find("src/"), std::string::npos) << message;
  return std::string(code_name(model.status().code())) + message.substr(message.find(": "));
}

class OpenVinoNumbers : public testing::TestWithParam<int> {
 protected:
  DType type() const { return static_cast<DType>(GetParam()); }
  std::string text(std::string_view dims) const {
    return std::string(dtype_name(type())) + std::string(dims);
  }
};

TEST_P(OpenVinoNumbers, GoThroughUnchanged) {
  if (type() == DType::kFp64) {
    EXPECT_THAT(refusal(tiny_onnx::identity("FP64[n]")),
                HasSubstr("unsupported: input x is FP64, which OpenVINO would compute as FP32"));
    return;
  }
  auto model = openvino(tiny_onnx::identity(text("[n,3]")));
  for (int64_t rows : {0, 1, 2, 1000, 1}) {
    Tensor input = counted(type(), Shape{rows, 3});
    auto output = run(*model, input);
    ASSERT_TRUE(output.ok()) << output.status().message();
    EXPECT_EQ(output->dtype(), type());
    EXPECT_EQ(output->shape(), input.shape());
    EXPECT_EQ(bytes_of(*output), bytes_of(input));
    EXPECT_NE(output->block(), input.block());
    EXPECT_EQ(output->where().arena, Arena::heap().id());
  }
}

TEST_P(OpenVinoNumbers, AreWrittenIntoWhatIsGiven) {
  if (type() == DType::kFp64) return;
  for (std::string dims : {"[n,3]", "[4,3]"}) {
    auto model = openvino(tiny_onnx::identity(text(dims)));
    Tensor input = counted(type(), Shape{4, 3});
    Tensor whole = *Tensor::allocate(type(), Shape{8, 3});
    std::memset(whole.mutable_data(), 0, whole.byte_size());
    auto output = run(*model, input, whole.rows(3, 7));
    ASSERT_TRUE(output.ok()) << output.status().message();
    EXPECT_EQ(output->block(), whole.block());
    EXPECT_EQ(bytes_of(whole.rows(3, 7)), bytes_of(input));
    EXPECT_THAT(bytes_of(whole.rows(0, 3)), testing::Each('\0'));
    EXPECT_THAT(bytes_of(whole.rows(7, 8)), testing::Each('\0'));
    // The next run writes elsewhere.
    Tensor other = counted(type(), Shape{4, 3});
    other.mutable_data()[0] = std::byte{0};
    std::string before = bytes_of(whole);
    EXPECT_EQ(bytes_of(*run(*model, other)), bytes_of(other));
    EXPECT_EQ(bytes_of(whole), before);
  }
}

INSTANTIATE_TEST_SUITE_P(Values, OpenVinoNumbers,
                         testing::Range(0, static_cast<int>(DType::kBytes)), [](const auto& i) {
                           return std::string(dtype_name(static_cast<DType>(i.param)));
                         });

// A view in the middle of a block is aligned to its elements and no more.
TEST(OpenVinoInputs, NeedNoAlignmentAndAreLeftAlone) {
  auto model = openvino(tiny_onnx::add("FP32[n]"));
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
  EXPECT_THAT(all.values<float>(), testing::ElementsAreArray(numbers));
}

TEST(OpenVinoPorts, AreAsDeclared) {
  for (std::string type : {"FP32[batch,3,224,?]", "UINT8[n]", "INT64", "BOOL[2,1]"}) {
    auto model = openvino(tiny_onnx::identity(type));
    ASSERT_EQ(model->inputs().size(), 1u);
    ASSERT_EQ(model->outputs().size(), 1u);
    EXPECT_EQ(model->inputs()[0].name, "x");
    EXPECT_EQ(model->outputs()[0].name, "y");
    EXPECT_EQ(model->inputs()[0].type, Type::of(type)) << model->inputs()[0].type.text();
    EXPECT_EQ(model->outputs()[0].type, Type::of(type)) << model->outputs()[0].type.text();
  }
  auto model = openvino(tiny_onnx::add("FP32[n]"));
  EXPECT_EQ(model->inputs()[1].name, "b");
  EXPECT_EQ(model->platform(), "OpenVINO");
  EXPECT_EQ(model->weight_bytes(), tiny_onnx::add("FP32[n]").size());
}

TEST(OpenVinoErrors, NameThePortAndWhatItTakes) {
  auto model = openvino(tiny_onnx::identity("FP32[n,3]"));
  Tensor good = counted(DType::kFp32, Shape{2, 3});
  EXPECT_EQ(failure(*model, Tensor()), "bad_input: input x is absent");
  EXPECT_EQ(failure(*model, counted(DType::kInt64, Shape{2, 3})),
            "bad_input: input x: INT64[2,3] given, FP32[n,3] wanted");
  EXPECT_EQ(failure(*model, counted(DType::kFp32, Shape{2, 4})),
            "bad_input: input x: FP32[2,4] given, FP32[n,3] wanted");
  EXPECT_EQ(failure(*model, good, counted(DType::kInt32, Shape{2, 3})),
            "bad_input: output y (FP32[n,3]) cannot be written into a given INT32 tensor");
  EXPECT_EQ(failure(*model, good, counted(DType::kFp32, Shape{3, 3})),
            "step_failed: output y: is [2,3], and was to go into [3,3]");
  EXPECT_TRUE(run(*model, good).ok());
  auto fixed = openvino(tiny_onnx::identity("FP32[2,3]"));
  EXPECT_THAT(failure(*fixed, good, counted(DType::kFp32, Shape{3, 3})),
              HasSubstr("step_failed: "));
  EXPECT_TRUE(run(*fixed, good).ok());
}

// 64 bits would be cut to 32 without a word.
TEST(OpenVinoErrors, TellOfIntegersThatDoNotFit) {
  auto model = openvino(tiny_onnx::add("INT64[n]"));
  auto sum = [&](std::vector<int64_t> values) -> std::string {
    Tensor inputs[2], output;
    inputs[0] = *Tensor::of<int64_t>(values, Shape{static_cast<int64_t>(values.size())});
    inputs[1] = *Tensor::of<int64_t>(std::vector<int64_t>(values.size()), inputs[0].shape());
    Status status = model->run(inputs, {&output, 1}, nullptr);
    if (!status.ok()) return status.message();
    return std::ranges::equal(output.values<int64_t>(), values) ? "same" : "other";
  };
  EXPECT_EQ(sum({1, 2147483647, -2147483648}), "same");
  EXPECT_EQ(sum({1, 2147483648}),
            "input a: 2147483648 does not fit 32 bits, in which OpenVINO "
            "computes INT64");
  EXPECT_THAT(sum({-5000000000}), HasSubstr("input a: -5000000000 does not fit"));
}

TEST(OpenVinoErrors, OfARunAreOnOneLine) {
  tiny_onnx::Graph graph{
      .inputs = {{"x", "FP32[n]"}, {"shape", "INT64[2]"}},
      .outputs = {{"y", "FP32[a,b]"}},
      .nodes = {{"Reshape", {"x", "shape"}, {"y"}, {}, "fold"}},
  };
  auto model = openvino(graph.encode());
  int64_t shape[] = {2, 2};
  Tensor inputs[] = {counted(DType::kFp32, Shape{3}), *Tensor::of<int64_t>(shape, Shape{2})};
  Tensor output;
  Status status = model->run(inputs, {&output, 1}, nullptr);
  EXPECT_EQ(status.code(), Code::kStepFailed);
  EXPECT_THAT(status.message(), HasSubstr("reshape"));
  EXPECT_EQ(status.message().find('\n'), std::string::npos) << status.message();
  EXPECT_EQ(status.message().find("src/"), std::string::npos) << status.message();
  inputs[0] = counted(DType::kFp32, Shape{4});
  ASSERT_TRUE(model->run(inputs, {&output, 1}, nullptr).ok());
  EXPECT_EQ(output.shape(), (Shape{2, 2}));
}

TEST(OpenVinoLoad, RefusesOnOneLine) {
  std::string whole = tiny_onnx::identity("FP32[n]");
  tiny_onnx::Graph unknown{.inputs = {{"x", "FP32[n]"}},
                           .outputs = {{"y", "FP32[n]"}},
                           .nodes = {{"Frobnicate", {"x"}, {"y"}}}};
  tiny_onnx::Graph sequence{.inputs = {{"x", "FP32[n]"}},
                            .outputs = {{"y", "sequence of FP32[n]"}},
                            .nodes = {{"SequenceConstruct", {"x"}, {"y"}}}};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_THAT(refusal(whole.substr(0, whole.size() / 2)), HasSubstr("bad_input: is cut off"));
  EXPECT_THAT(
      refusal(unknown.encode()),
      HasSubstr("unsupported: OpenVINO cannot convert it: No conversion rule found for "
                "operations: Frobnicate-17; without `runtime: openvino`, ONNX Runtime may"));
  EXPECT_THAT(refusal(sequence.encode()), HasSubstr("unsupported: OpenVINO cannot convert it: "));
  EXPECT_THAT(refusal(tiny_onnx::identity("BYTES[n]")), HasSubstr("unsupported: "));
  EXPECT_THAT(refusal(tiny_onnx::identity("FP32[...]")),
              HasSubstr("unsupported: input x has no number of dimensions of its own"));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  ScratchFolder folder;
  auto threads =
      load_model(folder.file("m.onnx", whole), {.threads = 0, .runtime = Runtime::kOpenVino});
  EXPECT_THAT(threads.status().message(), HasSubstr("threads is 0; at least 1 is needed"));
}

TEST(OpenVinoLoad, SurvivesEveryDamagedByte) {
  ScratchFolder folder;
  std::string whole = tiny_onnx::identity("FP32[n]");
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x81);
    auto model = load_model(folder.file("m.onnx", damaged), {.runtime = Runtime::kOpenVino});
    if (model.ok()) continue;
    EXPECT_EQ(model.status().message().find('\n'), std::string::npos);
  }
}

TEST(OpenVinoLoad, SaysWhatIsMissing) {
  auto none = ov::open("libopenvino_none.so");
  EXPECT_EQ(none.code(), Code::kUnsupported);
  EXPECT_THAT(none.message(),
              HasSubstr("this build has no OpenVINO: libopenvino_none.so: cannot open"));
  EXPECT_THAT(none.message(), HasSubstr("`tools/setup.sh` brings it"));
  auto other = ov::open("libz.so.1");
  EXPECT_THAT(other.message(), HasSubstr("libz.so.1 has no ov_"));
}

TEST(OpenVinoFiles, AreRunByOpenVino) {
  ScratchFolder folder;
  std::string path = folder.file("m.xml", tiny_openvino::relu());
  auto alone = load_model(path, {});
  EXPECT_EQ(alone.status().code(), Code::kBadInput);
  EXPECT_THAT(alone.status().message(), HasSubstr("without its weights: m.bin is not beside it"));
  EXPECT_FALSE(is_model_name(path));
  folder.file("m.bin", "");
  EXPECT_TRUE(is_model_name(path));
  auto other = load_model(path, {.runtime = Runtime::kOnnxRuntime});
  EXPECT_THAT(other.status().message(), HasSubstr("is an OpenVINO model, which ONNX Runtime"));
  for (Runtime runtime : {Runtime::kOfFile, Runtime::kOpenVino}) {
    auto model = load_model(path, {.runtime = runtime});
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_EQ((*model)->platform(), "OpenVINO");
    EXPECT_EQ((*model)->weight_bytes(), tiny_openvino::relu().size());
    EXPECT_EQ((*model)->inputs()[0].name, "x");
    EXPECT_EQ((*model)->inputs()[0].type, Type::of("FP32[?,3]"));
    EXPECT_EQ((*model)->outputs()[0].name, "y");
    float values[] = {-1, 2, 0, 4, -5, 6};
    auto output = run(**model, *Tensor::of<float>(values, Shape{2, 3}));
    ASSERT_TRUE(output.ok()) << output.status().message();
    EXPECT_THAT(output->values<float>(), testing::ElementsAre(0, 2, 0, 4, 0, 6));
  }
}

TEST(OpenVinoFiles, SurviveDamage) {
  ScratchFolder folder;
  folder.file("m.bin", "");
  std::string whole = tiny_openvino::relu();
  for (size_t i = 0; i < whole.size(); i += 7) {
    for (std::string damaged : {whole.substr(0, i), whole}) {
      if (damaged.size() == whole.size()) damaged[i] = static_cast<char>(damaged[i] ^ 0x11);
      auto model = load_model(folder.file("m.xml", damaged), {});
      if (model.ok()) continue;
      EXPECT_EQ(model.status().message().find('\n'), std::string::npos);
    }
  }
}

TEST(Sessions, AreSharedByWhatOneServes) {
  using enum Runtime;
  auto key = [](const char* path, ModelOptions options) { return session_key(path, options); };
  EXPECT_EQ(key("a.onnx", {.instances = 1}), key("a.onnx", {.runtime = kOnnxRuntime}));
  EXPECT_NE(key("a.onnx", {.runtime = kOpenVino}), key("a.onnx", {}));
  EXPECT_NE(key("a.onnx", {.threads = 2}), key("a.onnx", {}));
  EXPECT_NE(key("a.onnx", {.runtime = kOpenVino, .instances = 1}),
            key("a.onnx", {.runtime = kOpenVino}));
}

// x times itself, many times: seconds, for a large one.
std::unique_ptr<Model> slow() {
  tiny_onnx::Graph graph{
      .inputs = {{"x", "FP32[n,n]"}}, .outputs = {{"y200", "FP32[n,n]"}}, .nodes = {}};
  std::string last = "x";
  for (int i = 1; i <= 200; ++i) {
    std::string next = "y" + std::to_string(i);
    graph.nodes.push_back({"MatMul", {last, "x"}, {next}});
    last = next;
  }
  return openvino(graph.encode());
}

TEST(OpenVinoStop, EndsARunThatIsGoingOn) {
  auto model = slow();
  Tensor input = *Tensor::of<float>(std::vector<float>(1 << 20), Shape{1 << 10, 1 << 10});
  Tensor small = *Tensor::of<float>(std::vector<float>(4), Shape{2, 2});
  ASSERT_TRUE(run(*model, small).ok());
  uint64_t before = Arena::heap().stats().in_use;
  RunStop stop;
  std::thread runner([&] {
    Tensor output;
    Status status = model->run({&input, 1}, {&output, 1}, &stop);
    EXPECT_EQ(status.code(), Code::kCancelled);
    EXPECT_EQ(status.message(), "stopped while it ran");
    // The next run does not inherit the request.
    EXPECT_TRUE(run(*model, small).ok());
  });
  // Until it has computed for a while.
  std::thread counter([&] {
    int64_t begin = process_cpu_nanos();
    while (process_cpu_nanos() < begin + 300'000'000) std::this_thread::yield();
    stop.request();
  });
  counter.join();
  runner.join();
  EXPECT_EQ(Arena::heap().stats().in_use, before);
}

TEST(OpenVinoStop, KeepsARunFromStarting) {
  auto model = openvino(tiny_onnx::identity("FP32[n]"));
  RunStop stop;
  stop.request();
  Tensor input = counted(DType::kFp32, Shape{8}), output;
  EXPECT_EQ(model->run({&input, 1}, {&output, 1}, &stop).code(), Code::kCancelled);
}

TEST(OpenVinoThreads, ShareOneModel) {
  for (int own_threads : {1, 2}) {
    auto model = openvino(tiny_onnx::add("FP32[n]"), own_threads);
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
TEST(OpenVinoOutputs, OutliveTheModel) {
  uint64_t before = Arena::heap().stats().in_use;
  for (std::string type : {"FP32[n]", "FP32[300000]"}) {
    auto model = openvino(tiny_onnx::identity(type));
    Tensor input = counted(DType::kFp32, Shape{300'000});
    Tensor output = *run(*model, input);
    model.reset();
    EXPECT_EQ(bytes_of(output), bytes_of(input));
  }
  EXPECT_EQ(Arena::heap().stats().in_use, before);
}

}  // namespace
}  // namespace leat
