#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/fake_model.h"
#include "model/testing/model_files.h"

namespace leat {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const tiny_onnx::Graph kGood{.inputs = {{"x", "FP32[n]"}},
                             .outputs = {{"y", "FP32[n]"}},
                             .nodes = {{"Identity", {"x"}, {"y"}}}};

struct Refusal {
  std::string bytes;
  Code code;
  std::string why;  // part of the message
};

std::vector<Refusal> refusals() {
  using namespace std::string_literals;
  std::string whole = kGood.encode();
  tiny_onnx::Graph sequence = kGood, unknown = kGood, opset = kGood, old = kGood, loose = kGood;
  sequence.outputs = {{"y", "sequence of FP32[n]"}};
  sequence.nodes = {{"SequenceConstruct", {"x"}, {"y"}}};
  unknown.nodes = {{"Frobnicate", {"x"}, {"y"}}};
  opset.opset = 0;
  old.ir_version = 99;
  loose.nodes = {{"Identity", {"z"}, {"y"}}};
  return {
      {"", Code::kBadInput, "is empty"},
      {"hello\n", Code::kBadInput, "is a text file; this build runs ONNX models (.onnx)"},
      {"version https://git-lfs.github.com/spec/v1\n", Code::kBadInput, "is a Git LFS pointer"},
      {"\x20\0\0\0TFL3\0\0"s, Code::kBadInput, "is a TensorFlow Lite model"},
      {"PK\x03\x04\0\0"s, Code::kBadInput, "is a ZIP archive"},
      {"\xff\xd8\xff\xe0\0\x10JFIF"s, Code::kBadInput, "is a JPEG picture"},
      {"\xff\xd8\xee\xe0\0\x10"s, Code::kBadInput, "is no ONNX model: its bytes are no"},
      {"\x08\x08"s, Code::kBadInput, "is no ONNX model: it has no graph"},
      {whole.substr(0, whole.size() - 1), Code::kBadInput, "is cut off"},
      {whole.substr(0, whole.size() / 2), Code::kBadInput, "is cut off"},
      {whole.substr(0, 3), Code::kBadInput, "is cut off"},
      {opset.encode(), Code::kBadInput, "Missing opset in the model"},
      {old.encode(), Code::kBadInput, "Unsupported model IR version: 99"},
      {unknown.encode(), Code::kBadInput, "No Op registered for Frobnicate"},
      {loose.encode(), Code::kBadInput, "'z'"},
      {sequence.encode(), Code::kUnsupported,
       "output y is a sequence of tensors, which this build cannot carry"},
  };
}

TEST(LoadModel, RefusesOnOneLine) {
  ScratchFolder folder;
  testing::internal::CaptureStderr();
  for (const Refusal& refusal : refusals()) {
    std::string path = folder.file("m.onnx", refusal.bytes);
    auto model = load_model(path, {});
    ASSERT_FALSE(model.ok()) << refusal.why;
    const std::string& message = model.status().message();
    EXPECT_EQ(model.status().code(), refusal.code) << message;
    EXPECT_THAT(message, StartsWith(path + ": "));
    EXPECT_THAT(message, HasSubstr(refusal.why));
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_EQ(message.find(".cc:"), std::string::npos) << message;
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(LoadModel, TellsWhatIsThereInsteadOfAFile) {
  ScratchFolder folder;
  auto none = load_model(folder.path() + "/none.onnx", {});
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_THAT(none.status().message(), HasSubstr("none.onnx: no such file"));
  folder.file("nine.onnx", "");
  EXPECT_THAT(load_model(folder.path() + "/nin.onnx", {}).status().message(),
              HasSubstr("no such file; did you mean nine.onnx?"));
  EXPECT_THAT(load_model(folder.path(), {}).status().message(), HasSubstr("is a directory"));
  EXPECT_THAT(load_model("/dev/null", {}).status().message(), HasSubstr("is no regular file"));
  auto threads = load_model(folder.file("m.onnx", kGood.encode()), {.threads = 0});
  EXPECT_THAT(threads.status().message(), HasSubstr("threads is 0; at least 1 is needed"));
}

TEST(LoadModel, GoesByTheContentNotTheName) {
  ScratchFolder folder;
  EXPECT_TRUE(load_model(folder.file("model.bin", kGood.encode()), {}).ok());
  EXPECT_FALSE(load_model(folder.file("text.onnx", "x"), {}).ok());
}

// A damaged file is refused or is still a model; never a crash.
TEST(LoadModel, SurvivesEveryDamagedByte) {
  ScratchFolder folder;
  std::string whole = kGood.encode();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x81);
    auto model = load_model(folder.file("m.onnx", damaged), {});
    if (model.ok()) continue;
    EXPECT_EQ(model.status().message().find('\n'), std::string::npos);
  }
}

TEST(WarmUp, RunsOnZerosOfTheGivenShapes) {
  std::vector<std::string> seen;
  FakeModel model({{"x", "FP32[n,4]"}, {"s", "BYTES[n]"}, {"any", "UINT8[...]"}},
                  {{"y", "FP32[n]"}},
                  [&](std::span<const Tensor> in, std::span<Tensor>, RunStop*) -> Status {
                    seen.clear();
                    for (const Tensor& t : in) seen.push_back(t.shape().text());
                    EXPECT_THAT(in[0].values<float>(), testing::Each(0.f));
                    EXPECT_EQ(in[1].string(0), "");
                    return Status(Code::kStepFailed, "too small");
                  });
  EXPECT_EQ(warm_up(model).message(), "too small");
  EXPECT_THAT(seen, testing::ElementsAre("[1,4]", "[1]", "[]"));
  Shape shapes[] = {{2, 4}, {3}, {5}};
  EXPECT_FALSE(warm_up(model, shapes).ok());
  EXPECT_THAT(seen, testing::ElementsAre("[2,4]", "[3]", "[5]"));
}

}  // namespace
}  // namespace leat
