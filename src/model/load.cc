#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "model/model.h"
#include "model/onnx/onnx_model.h"

namespace leat {

namespace {

constexpr std::string_view kSupported = "; this build runs ONNX models (.onnx)";

// Files that are taken for models now and then.
struct Other {
  size_t offset;
  std::string_view bytes;
  std::string_view what;
};
constexpr Other kOthers[] = {
    {0, "version https://git-lfs", "a Git LFS pointer instead of the file it stands for"},
    {4, "TFL3", "a TensorFlow Lite model"},
    {4, "ORTM", "a model in ONNX Runtime's own format"},
    {0, "\x89HDF", "an HDF5 file, as Keras writes"},
    {0, "PK\x03\x04", "a ZIP archive, as PyTorch and Keras write"},
    {0, "\x80\x02", "a Python pickle"},
    {0, "\x80\x04", "a Python pickle"},
    {0, "GGUF", "a GGUF file"},
    {0, "\xff\xd8\xff", "a JPEG picture"},
    {0, "\x89PNG", "a PNG picture"},
    {0, "<!DOCTYPE", "a web page"},
    {0, "<html", "a web page"},
    {0, "<?xml", "an XML file"},
};

bool is_text(std::string_view bytes) {
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 32 && byte != '\n' && byte != '\r' && byte != '\t') return false;
  }
  return true;
}

// What the file is, going by its first bytes, if it is no model that we run; or empty.
std::string_view other_kind(std::string_view head) {
  for (const Other& other : kOthers) {
    if (head.size() >= other.offset && head.substr(other.offset).starts_with(other.bytes)) {
      return other.what;
    }
  }
  return is_text(head) ? "a text file" : "";
}

// The file beside `path` whose name is nearest.
std::string meant(const std::string& path) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator at(fs::absolute(path, error).parent_path(), error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    names.push_back(at->path().filename());
  }
  std::string_view near = nearest(fs::path(path).filename().string(), names);
  return near.empty() ? "" : cat("; did you mean ", near, "?");
}

Result<std::unique_ptr<Model>> load(const std::string& path, const ModelOptions& options) {
  struct stat file;
  if (stat(path.c_str(), &file) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return Status(Code::kNotFound, cat("no such file", meant(path)));
    }
    return Status(Code::kBadInput, cat("cannot be read: ", std::strerror(errno)));
  }
  if (S_ISDIR(file.st_mode)) {
    return Status(Code::kBadInput, "is a directory; name a model file in it (.onnx)");
  }
  if (!S_ISREG(file.st_mode)) return Status(Code::kBadInput, cat("is no regular file", kSupported));
  if (file.st_size == 0) return Status(Code::kBadInput, "is empty; fetch it again");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Status(Code::kBadInput, cat("cannot be read: ", std::strerror(errno)));
  std::array<char, 1024> head;
  stream.read(head.data(), head.size());
  std::string_view kind = other_kind({head.data(), static_cast<size_t>(stream.gcount())});
  if (!kind.empty()) return Status(Code::kBadInput, cat("is ", kind, kSupported));
  return load_onnx(path, options);
}

}  // namespace

Result<std::unique_ptr<Model>> load_model(const std::string& path, const ModelOptions& options) {
  auto model = load(path, options);
  if (!model.ok()) return model.status().within(path);
  return model;
}

}  // namespace leat
