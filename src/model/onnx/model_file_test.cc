#include "model/onnx/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/testing/model_files.h"

namespace leat {
namespace {

using Names = std::set<std::string>;

struct Case {
  std::string input;
  std::string output;
  Names shapeless;
  bool many_shapes;
};

TEST(InspectOnnx, TellsWhatTheFileLeavesOpen) {
  const Case cases[] = {
      {"FP32[1,3]", "FP32[1,3]", {}, false}, {"FP32[n,3]", "FP32[...]", {"y"}, false},
      {"FP32[n,m]", "FP32[n]", {}, true},    {"FP32[?,3,?]", "FP32[...]", {"y"}, true},
      {"FP32[...]", "FP32", {"x"}, true},    {"INT64", "FP32[n,m]", {}, false},
      {"BYTES[?]", "BYTES[?]", {}, false},   {"sequence of FP32[n,m]", "FP32", {}, false},
  };
  ScratchFolder folder;
  for (const Case& c : cases) {
    tiny_onnx::Graph graph{.inputs = {{"x", c.input}},
                           .outputs = {{"y", c.output}},
                           .nodes = {{"Identity", {"x"}, {"y"}}}};
    std::string bytes = graph.encode();
    auto file = inspect_onnx(folder.file("m.onnx", bytes));
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(file->bytes, bytes.size());
    EXPECT_EQ(file->shapeless, c.shapeless) << c.input;
    EXPECT_EQ(file->many_shapes, c.many_shapes) << c.input;
  }
}

// A value that the file brings along is no input, though some files list it as one.
TEST(InspectOnnx, NamesPortsAndTheirDimensions) {
  tiny_onnx::Graph graph{.inputs = {{"x", "FP32[n,3,?]"}, {"w", "FP32[k]"}},
                         .outputs = {{"y", "FP32[...]"}, {"z", "FP32[a]"}},
                         .nodes = {{"Identity", {"x"}, {"y"}}, {"Identity", {"w"}, {"z"}}}};
  tiny_onnx::Message weights;
  weights.message(5, tiny_onnx::Message().text(8, "w"));
  tiny_onnx::Message whole;
  whole.number(1, 8).text(7, graph.subgraph().bytes + weights.bytes());
  ScratchFolder folder;
  auto file = inspect_onnx(folder.file("m.onnx", whole.bytes()));
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->inputs.size(), 1u);
  EXPECT_EQ(file->inputs[0].name, "x");
  EXPECT_THAT(file->inputs[0].dims, testing::ElementsAre("n", "", ""));
  ASSERT_EQ(file->outputs.size(), 2u);
  EXPECT_EQ(file->outputs[0].name, "y");
  EXPECT_THAT(file->outputs[0].dims, testing::ElementsAre());
  EXPECT_THAT(file->outputs[1].dims, testing::ElementsAre("a"));
}

TEST(InspectOnnx, KnowsAFileThatIsCutOffAnywhere) {
  ScratchFolder folder;
  // The graph is the last field but one; the operator set that follows is a whole field of 6 bytes.
  std::string bytes = tiny_onnx::identity("FP32[n]");
  for (size_t size = 3; size < bytes.size(); ++size) {
    if (size == bytes.size() - 6) continue;
    auto file = inspect_onnx(folder.file("m.onnx", bytes.substr(0, size)));
    ASSERT_FALSE(file.ok()) << size << " of " << bytes.size();
    EXPECT_THAT(file.status().message(), testing::StartsWith("is cut off")) << size;
  }
}

}  // namespace
}  // namespace leat
