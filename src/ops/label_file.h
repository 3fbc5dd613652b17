// The names of a model's classes, from a text file: one a line, in the order of the classes.
//
// Lines of labels are trimmed. Where every line begins with its own number, counted from 0, and a
// comma, a tab or a space ("7,cock"), the numbers are dropped. An empty line in the middle is a
// class without a name; those at the end are none. At most kMostLines lines and kMostBytes bytes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "leat/op.h"

namespace leat {

class LabelFile {
 public:
  static constexpr size_t kMostLines = 1'000'000;
  static constexpr size_t kMostBytes = 64 << 20;

  // No labels at all: what a step without a `labels` parameter has.
  LabelFile() = default;
  // The file of parameter `labels`, if given. kNotFound, kTooLarge or kBadInput name the file.
  static Result<LabelFile> load(const Params& params);
  static ParamSpec param();  // how an operator declares `labels`
  // The file of a parameter that is given, with lines as they stand, but for the mark of their end:
  // no trimming, no numbers dropped. The last line's end may be missing.
  static Result<LabelFile> lines_of(const Params& params, const std::string& name);

  bool given() const { return !path_.empty(); }
  size_t size() const { return lines_.size(); }
  std::string_view operator[](size_t i) const { return lines_[i]; }

  // There must be as many labels as classes; kBadInput says how many there are of each.
  Status fits(int64_t classes) const;
  // BYTES[classes.size()]: the label of each. All must be below size().
  Result<Tensor> pick(std::span<const int64_t> classes) const;

 private:
  std::string path_;
  std::unique_ptr<std::string> text_;    // stays where it is when the LabelFile moves
  std::vector<std::string_view> lines_;  // parts of text_
};

}  // namespace leat
