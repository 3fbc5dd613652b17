// Files that are too large or nested too deep, which would be no readable data in
// tests/bad_pipelines.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "pipeline/testing/fakes.h"

namespace leat {
namespace {

namespace fs = std::filesystem;

std::string message_of(const std::string& text) {
  FakeModels models;
  return compile_text(text, "test.yaml", "tests/pipelines", models).status().message();
}

TEST(CompileBounds, OfOneFile) {
  std::string head = "leat: 1\ninputs: { x: \"FP32[4]\" }\n";
  EXPECT_EQ(message_of(head + std::string(1 << 20, '#')),
            cat("test.yaml: the file has ", head.size() + (1 << 20),
                " bytes; at most 1048576 are allowed"));
  EXPECT_EQ(message_of(head + '\0'),
            cat("test.yaml: byte ", head.size(), " is zero: this is no text file"));
  std::string steps = head + "steps:\n", outputs = "outputs:\n";
  for (int i = 0; i <= 1000; ++i) {
    steps += cat("  s", i, ": { op: fake.same, inputs: { x: x } }\n");
    outputs += cat("  o", i, ": s", i, ".y\n");
  }
  EXPECT_EQ(message_of(steps + outputs), "test.yaml:1004:3: more than 1000 steps");
  std::string many = "x";
  for (int i = 0; i < 70; ++i) many += ", x";
  EXPECT_EQ(message_of(head +
                       "steps:\n  s: { op: fake.same, inputs: { x: x } }\noutputs: { o: s.y, "
                       "p: { first_of: [" +
                       many + "] } }\n"),
            "test.yaml:5:23: first_of: more than 64 values");
}

// Pipelines in pipelines, deeper than anybody means.
TEST(CompileBounds, OfDepth) {
  fs::path folder = fs::path(testing::TempDir()) / cat("deep", getpid());
  fs::create_directories(folder);
  for (int i = 0; i < 20; ++i) {
    std::ofstream(folder / cat(i, ".yaml"))
        << "leat: 1\ninputs: { x: \"FP32[4]\" }\nsteps:\n  s: { pipeline: " << i + 1
        << ".yaml, inputs: { x: x } }\noutputs: { y: s.y }\n";
  }
  FakeModels models;
  auto plan = compile_file((folder / "0.yaml").string(), models);
  EXPECT_THAT(
      plan.status().message(),
      testing::HasSubstr("16.yaml:4:18: pipeline: more than 256 files, or nested deeper than 16"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace leat
