// Models for the tests in this folder: small ones written on the spot, and the real ones of the
// assets, for tests that are skipped where these are absent.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "model/model.h"
#include "model/testing/tiny_onnx.h"

namespace leat {

// A directory that goes away with the test.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "leat-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  // Writes a file and gives its path.
  std::string file(std::string_view name, std::string_view bytes) const {
    std::string whole = path_ / name;
    tiny_onnx::write(whole, bytes);
    return whole;
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<Model> loaded(std::string_view bytes, int threads = 1,
                                     Runtime runtime = Runtime::kOfFile) {
  ScratchFolder folder;
  auto model =
      load_model(folder.file("model.onnx", bytes), {.threads = threads, .runtime = runtime});
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *std::move(model) : nullptr;
}

// The folder of real models and data; empty where there is none.
inline std::filesystem::path assets() {
  const char* given = std::getenv("LEAT_ASSETS");
  std::filesystem::path path = given ? given : "../shared/assets";
  return std::filesystem::exists(path / "MANIFEST.tsv") ? path : std::filesystem::path();
}

#define LEAT_NEED_ASSETS() \
  if (assets().empty()) GTEST_SKIP() << "needs ../shared/assets (or LEAT_ASSETS)"

}  // namespace leat
