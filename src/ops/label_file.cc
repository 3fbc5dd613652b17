#include "ops/label_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace leat {

namespace {

// What follows "i," in `line`, or nothing when it does not begin so.
std::optional<std::string_view> after_number(std::string_view line, size_t i) {
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof digits, i).ptr;
  std::string_view number(digits, static_cast<size_t>(end - digits));
  if (!line.starts_with(number) || line.size() <= number.size()) return std::nullopt;
  char separator = line[number.size()];
  if (separator != ',' && separator != '\t' && separator != ' ') return std::nullopt;
  return trim(line.substr(number.size() + 1));
}

void drop_numbers(std::vector<std::string_view>& lines) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!after_number(lines[i], i)) return;
  }
  for (size_t i = 0; i < lines.size(); ++i) lines[i] = *after_number(lines[i], i);
}

}  // namespace

ParamSpec LabelFile::param() {
  return {.name = "labels",
          .type = ParamType::kPath,
          .doc =
              "a text file with the name of each class, one a line; numbers in front of them, as "
              "in `7,cock`, are dropped. As many lines as there are classes"};
}

Result<LabelFile> LabelFile::lines_of(const Params& params, const std::string& name) {
  LabelFile file;
  file.path_ = params.text(name);
  std::error_code error;
  uint64_t size = std::filesystem::file_size(file.path_, error);
  if (error) {
    return Status(Code::kNotFound,
                  cat(name, ": ", file.path_, " cannot be read: ", error.message()));
  }
  if (size > kMostBytes) {
    return Status(Code::kTooLarge, cat(name, ": ", file.path_, " has ", size, " bytes; at most ",
                                       kMostBytes, " are allowed"));
  }
  std::ifstream stream(file.path_, std::ios::binary);
  file.text_ = std::make_unique<std::string>(size, '\0');
  if (!stream.read(file.text_->data(), static_cast<std::streamsize>(size))) {
    return Status(Code::kNotFound,
                  cat(name, ": ", file.path_, " cannot be read: ", std::strerror(errno)));
  }
  file.lines_ = split(*file.text_, '\n');
  if (file.lines_.back().empty()) file.lines_.pop_back();
  for (std::string_view& line : file.lines_) {
    if (line.ends_with('\r')) line.remove_suffix(1);
  }
  if (file.lines_.size() > kMostLines) {
    return Status(Code::kTooLarge, cat(name, ": ", file.path_, " has ", file.lines_.size(),
                                       " lines; at most ", kMostLines, " are allowed"));
  }
  return file;
}

Result<LabelFile> LabelFile::load(const Params& params) {
  if (!params.has("labels")) return LabelFile();
  LEAT_ASSIGN(LabelFile file, lines_of(params, "labels"));
  for (std::string_view& line : file.lines_) line = trim(line);
  while (!file.lines_.empty() && file.lines_.back().empty()) file.lines_.pop_back();
  if (file.lines_.empty()) {
    return Status(Code::kBadInput, cat("labels: ", file.path_, " has no labels in it"));
  }
  drop_numbers(file.lines_);
  return file;
}

Status LabelFile::fits(int64_t classes) const {
  if (!given() || static_cast<int64_t>(size()) == classes) return {};
  return Status(Code::kBadInput, cat("labels: ", path_, " has ", size(), " labels for ", classes,
                                     " classes; one each is needed"));
}

Result<Tensor> LabelFile::pick(std::span<const int64_t> classes) const {
  thread_local std::vector<std::string_view> texts;
  texts.clear();
  for (int64_t i : classes) texts.push_back(lines_[static_cast<size_t>(i)]);
  return Tensor::strings(texts);
}

}  // namespace leat
