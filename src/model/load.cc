#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "model/model.h"
#include "model/onnx/onnx_model.h"
#include "model/openvino/openvino_model.h"

namespace leat {

namespace {

constexpr std::string_view kSupported =
    "; this build runs ONNX models (.onnx) and OpenVINO's (.xml)";

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
    return Status(Code::kBadInput, "is a directory; name a model file in it (.onnx, .xml)");
  }
  if (!S_ISREG(file.st_mode)) return Status(Code::kBadInput, cat("is no regular file", kSupported));
  if (file.st_size == 0) return Status(Code::kBadInput, "is empty; fetch it again");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Status(Code::kBadInput, cat("cannot be read: ", std::strerror(errno)));
  std::array<char, 1024> head;
  stream.read(head.data(), head.size());
  const std::string_view begin(head.data(), static_cast<size_t>(stream.gcount()));
  if (is_openvino(begin)) {
    if (options.runtime == Runtime::kOnnxRuntime) {
      return Status(Code::kBadInput,
                    "is an OpenVINO model, which ONNX Runtime cannot run; leave `runtime` out");
    }
    return load_openvino(path, false, options);
  }
  std::string_view kind = other_kind(begin);
  if (!kind.empty()) return Status(Code::kBadInput, cat("is ", kind, kSupported));
  if (options.runtime == Runtime::kOpenVino) return load_openvino(path, true, options);
  return load_onnx(path, options);
}

bool is_openvino_name(const std::string& path) { return path.ends_with(".xml"); }

}  // namespace

std::string session_key(const std::string& path, const ModelOptions& options) {
  // By name, which is enough: the worst is that a file is loaded twice.
  bool onnx = options.runtime != Runtime::kOpenVino && !is_openvino_name(path);
  return cat(path, "\n", options.threads, onnx ? "" : cat(" openvino ", options.instances));
}

bool is_model_name(const std::string& path) {
  std::error_code error;
  if (!is_openvino_name(path)) return path.ends_with(".onnx");
  return std::filesystem::exists(std::filesystem::path(path).replace_extension(".bin"), error);
}

Result<std::unique_ptr<Model>> load_model(const std::string& path, const ModelOptions& options) {
  auto model = load(path, options);
  if (!model.ok()) return model.status().within(path);
  return model;
}

}  // namespace leat
