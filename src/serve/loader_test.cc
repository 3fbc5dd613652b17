#include "serve/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "serve/testing/fake_pipeline.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Loads every file whose text is not "broken".
class FakeEngine final : public Engine {
 public:
  Result<std::shared_ptr<Pipeline>> load(const std::string& path,
                                         const LoadOptions& options) override {
    ++loads;
    names.insert(options.name + " " + options.version);
    std::ifstream file(path);
    std::string text;
    std::getline(file, text);
    if (text == "broken") return Status(Code::kBadInput, path + ":1:1: broken");
    return std::shared_ptr<Pipeline>(FakePipeline::echoing(text));
  }
  Result<std::shared_ptr<Pipeline>> load_text(std::string_view, const std::string&) override {
    return Status(Code::kUnsupported, "not here");
  }
  std::string metrics() const override { return {}; }
  bool drain(int64_t) override { return true; }
  int loads = 0;
  std::set<std::string> names;  // that it was told, with versions
};

class LoaderTest : public testing::Test {
 protected:
  void SetUp() override {
    root = fs::path(testing::TempDir()) /
           ("loader." + std::to_string(getpid()) + "." +
            testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root);
    fs::create_directories(root);
  }
  void TearDown() override { fs::remove_all(root); }
  std::string write(const std::string& path, const std::string& text) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text << "\n";
    // Two writes within the file system's resolution of time would look the same.
    fs::last_write_time(root / path,
                        fs::file_time_type::clock::now() + std::chrono::seconds(++writes));
    return root / path;
  }
  // The input's type of what a name and version have now, or the failure.
  std::string served(const char* name, const char* version = "") {
    auto found = catalogue.find(name, version);
    if (!found.ok())
      return std::string(code_name(found.status().code())) + ": " + found.status().message();
    return (*found)->version + " " + (*found)->pipeline->inputs()[0].type.text();
  }

  fs::path root;
  int writes = 0;
  Catalogue catalogue;
  std::shared_ptr<FakeEngine> engine = std::make_shared<FakeEngine>();
  Loader loader{engine, catalogue};
};

TEST_F(LoaderTest, FilesFoldersAndRepositories) {
  write("flat/one.yaml", "FP32[1]");
  write("flat/two.onnx", "FP32[2]");
  write("flat/four.xml", "FP32[4]");
  write("flat/four.bin", "weights");
  write("flat/pom.xml", "no");
  write("flat/readme.txt", "no");
  write("repository/three/1/model.onnx", "FP32[3]");
  write("repository/three/10/any_name.yaml", "FP32[10]");
  write("repository/three/9/model.onnx", "FP32[9]");
  write("repository/three/config.pbtxt", "no");
  write("repository/five/1/model.xml", "FP32[5]");
  write("repository/five/1/model.bin", "weights");
  write("repository/five/1/other.yaml", "no");
  write("repository/three/draft/model.onnx", "no");
  std::string file = write("single.yml", "BYTES");
  EXPECT_FALSE(catalogue.ready());  // asked between listening and loading
  Status status = loader.load({root / "flat", root / "repository", file});
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(served("one"), "1 FP32[1]");
  EXPECT_EQ(served("two"), "1 FP32[2]");
  EXPECT_EQ(served("four"), "1 FP32[4]");
  EXPECT_EQ(served("five"), "1 FP32[5]");
  EXPECT_EQ(served("three"), "10 FP32[10]");
  EXPECT_EQ(served("three", "9"), "9 FP32[9]");
  EXPECT_EQ(served("single"), "1 BYTES");
  EXPECT_THAT(served("thre"), HasSubstr("did you mean \"three\"?"));
  EXPECT_THAT(served("three", "2"), HasSubstr("no version 2; there is 1, 9 or 10"));
  EXPECT_TRUE(catalogue.ready());
  EXPECT_EQ(engine->loads, 8);
  EXPECT_THAT(engine->names,
              testing::UnorderedElementsAre("one 1", "two 1", "four 1", "five 1", "three 1",
                                            "three 9", "three 10", "single 1"));
}

TEST_F(LoaderTest, WhatFailsSaysSoAndHindersNothingElse) {
  write("a.yaml", "broken");
  write("b.yaml", "BYTES");
  write("m/1/x.onnx", "BYTES");
  write("m/1/y.onnx", "BYTES");
  Status status = loader.load({root, root / "gone", root / "b.yaml"});
  EXPECT_THAT(status.message(), HasSubstr("a.yaml:1:1: broken"));
  EXPECT_THAT(status.message(), HasSubstr("gone: there is no such file"));
  EXPECT_THAT(status.message(), HasSubstr("2 pipeline or model files; one is wanted"));
  EXPECT_EQ(served("b"), "1 BYTES");
  EXPECT_THAT(served("a"), HasSubstr("unavailable: model \"a\" version 1 is not available"));
  EXPECT_FALSE(catalogue.ready());
}

TEST_F(LoaderTest, AnEmptyFolderAndOneNameTwiceAreMistakes) {
  EXPECT_THAT(loader.load({root}).message(), HasSubstr("nothing to serve"));
  write("a/x.yaml", "BYTES");
  write("b/x.yaml", "BYTES");
  Loader two(engine, catalogue);
  EXPECT_THAT(two.load({root / "a", root / "b"}).message(),
              HasSubstr("is served as \"x\" version 1 already"));
}

TEST_F(LoaderTest, FollowsChanges) {
  write("x.yaml", "FP32[1]");
  write("y.yaml", "FP32[1]");
  ASSERT_TRUE(loader.load({root}).ok());
  EXPECT_EQ(engine->loads, 2);
  ASSERT_TRUE(loader.look().ok());
  EXPECT_EQ(engine->loads, 2) << "nothing had changed";

  auto old = *catalogue.find("x", "");
  write("x.yaml", "FP32[2]");
  write("z.yaml", "FP32[3]");
  ASSERT_TRUE(loader.look().ok());
  EXPECT_EQ(served("x"), "1 FP32[2]");
  EXPECT_EQ(served("z"), "1 FP32[3]");
  EXPECT_EQ(old->pipeline->inputs()[0].type.text(), "FP32[1]")
      << "whoever has the old one keeps it";

  write("x.yaml", "broken");
  EXPECT_FALSE(loader.look().ok());
  EXPECT_EQ(served("x"), "1 FP32[2]");
  EXPECT_THAT((*catalogue.find("x", ""))->reason, HasSubstr("its reload failed"));
  int loads = engine->loads;
  EXPECT_TRUE(loader.look().ok());
  EXPECT_EQ(engine->loads, loads) << "a broken file is tried again when it changes";

  fs::remove(root / "y.yaml");
  ASSERT_TRUE(loader.look().ok());
  EXPECT_THAT(served("y"), HasSubstr("its file has gone"));
  write("y.yaml", "FP32[4]");
  write("x.yaml", "FP32[5]");
  ASSERT_TRUE(loader.look().ok());
  EXPECT_EQ(served("y"), "1 FP32[4]");
  EXPECT_EQ(served("x"), "1 FP32[5]");
  EXPECT_EQ((*catalogue.find("x", ""))->reason, "");
}

}  // namespace
}  // namespace leat
