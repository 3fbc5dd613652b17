#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "cli/output_file.h"
#include "cli/verb.h"
#include "model/model.h"
#include "pipeline/model_ports.h"

namespace leat {

namespace {

// Where a picture's channels, height and width are in the type of one item.
struct Axes {
  size_t channels, height, width;
};

std::optional<Axes> picture_axes(const Type& item) {
  auto dtype = item.dtype();
  bool pixels = dtype == DType::kFp32 || dtype == DType::kFp16 || dtype == DType::kUint8;
  if (item.open || item.dims.size() != 3 || !pixels) return std::nullopt;
  for (Axes axes : {Axes{0, 1, 2}, Axes{2, 0, 1}}) {
    auto side = [&](size_t axis) { return item.dims[axis].size < 0 || item.dims[axis].size >= 16; };
    int64_t channels = item.dims[axes.channels].size;
    if ((channels == 3 || channels == 1) && side(axes.height) && side(axes.width)) return axes;
  }
  return std::nullopt;
}

// A number for each class? A large power of two is more likely a vector of features.
bool is_scores(const Type& item) {
  auto dtype = item.dtype();
  if (item.open || (dtype != DType::kFp32 && dtype != DType::kFp16 && dtype != DType::kFp64)) {
    return false;
  }
  int64_t classes = 1;
  for (const Dim& dim : item.dims) {
    if (dim.size < 0 || (dim.size > 1 && classes > 1)) return false;
    classes = std::max(classes, dim.size);
  }
  bool features = classes >= 64 && (classes & (classes - 1)) == 0;
  return classes > 1 && !features;
}

bool is_name(std::string_view text) {
  return !text.empty() && text[0] >= 'a' && text[0] <= 'z' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// The text after `code`, in a column of comments.
std::string noted(std::string code, std::string_view note) {
  constexpr size_t kColumn = 42;
  code.append(code.size() < kColumn ? kColumn - code.size() : 1, ' ');
  return cat(code, "# ", note, "\n");
}

// A pipeline around one model, part by part.
class Sketch {
 public:
  Sketch(const Model& model, std::string name, std::string path)
      : name_(std::move(name)), path_(std::move(path)) {
    Mistakes none;
    ports_ = settle_ports(model, Fields(nullptr, step_table(), none), none);
    for (size_t i = 0; i < ports_.inputs.size(); ++i) add_input(i);
    bool scores = pictures_ == 1 && ports_.outputs.size() == 1 && is_scores(ports_.outputs[0]);
    for (size_t i = 0; i < ports_.outputs.size(); ++i) {
      std::string port = plain_name(ports_.output_names[i], "out", i);
      if (scores) {
        add_top_k(port);
      } else {
        outputs_ += cat("  ", port, ": model.", port, "\n");
      }
    }
  }

  std::string text() const {
    std::string out = "leat: 1\n";
    out += noted(cat("name: ", name_), "what it is served as");
    out += cat("inputs:\n", inputs_);
    out += noted("timeout: 10s", "the longest that a call may take");
    out += cat("\nsteps:\n", before_, "  model:\n    model: ", in_quotes(path_), "\n");
    if (!renamed_.empty()) {
      out += noted(cat("    ports: { ", renamed_, " }"), "plain names for the model's own");
    }
    out += cat("    inputs: { ", connections_, " }\n");
    if (ports_.batch_max > 1) {
      out += noted("    batch: { max: 8, delay: 0ms }", "items of different calls run together");
    }
    return cat(out, after_, "\noutputs:\n", outputs_);
  }

 private:
  // Names that cannot stand in a pipeline get plain ones.
  std::string plain_name(const std::string& own, std::string_view kind, size_t i) {
    if (is_name(own)) return own;
    std::string plain = cat(kind, i);
    renamed_ += cat(renamed_.empty() ? "" : ", ", plain, ": ", in_quotes(own));
    return plain;
  }

  void add_input(size_t i) {
    std::string port = plain_name(ports_.input_names[i], "in", i);
    std::string from = port;
    if (auto axes = picture_axes(ports_.inputs[i])) {
      std::string number = ++pictures_ == 1 ? "" : cat(pictures_);
      inputs_ += noted(cat("  photo", number, ": BYTES"), "a JPEG, PNG or WebP");
      add_preparation(number, ports_.inputs[i], *axes);
      from = cat("prepare", number, ".tensor");
    } else {
      Type type = ports_.inputs[i];
      for (Dim& dim : type.dims) dim.name.clear();
      inputs_ += cat("  ", port, ": ", in_quotes(type.text()), "\n");
    }
    connections_ += cat(connections_.empty() ? "" : ", ", port, ": ", from);
  }

  void add_preparation(const std::string& number, const Type& item, const Axes& axes) {
    std::string size;
    if (item.dims[axes.width].size < 0) size += ", width: 224";
    if (item.dims[axes.height].size < 0) size += ", height: 224";
    bool grey = item.dims[axes.channels].size == 1;
    bool bytes = item.dtype() == DType::kUint8;
    before_ += cat("  decode", number, ":\n    op: image.decode\n    inputs: { data: photo", number,
                   " }\n  prepare", number, ":\n");
    before_ +=
        noted("    op: image.to_tensor", "`leat ops image.to_tensor` explains every parameter");
    before_ += cat("    inputs: { image: decode", number, ".image }\n    params:\n");
    before_ += noted("      fit: stretch", "or letterbox, or cover");
    before_ += noted(cat("      channels: ", grey ? "GREY" : "RGB"),
                     grey ? "the model takes one channel" : "or BGR");
    before_ +=
        noted(cat("      layout: ", axes.channels == 0 ? "NCHW" : "NHWC"), "as the model's input");
    if (!bytes) {
      before_ += noted("      mean: 0", "of ImageNet's models often [123.675, 116.28, 103.53]");
      before_ += noted("      std: 255", "with [58.395, 57.12, 57.375]");
    }
    for (std::string_view part : split(size, ',')) {
      if (!trim(part).empty()) {
        before_ += noted(cat("      ", trim(part)), "the model leaves it open: a guess");
      }
    }
  }

  void add_top_k(const std::string& port) {
    std::string lower = ports_.output_names[0];
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    bool probabilities =
        lower.find("softmax") != std::string::npos || lower.find("prob") != std::string::npos;
    after_ += "  best:\n";
    after_ += noted("    op: tensor.top_k", "if the model's answer is a number for each class");
    after_ += cat("    inputs: { scores: model.", port, " }\n    params:\n      k: 5\n");
    after_ += noted(cat("      softmax: ", !probabilities),
                    probabilities ? "these look like probabilities" : "scores to probabilities");
    after_ += noted("      # labels: labels.txt", "names, one a line; then best.labels");
    outputs_ += "  classes: best.indices\n  scores: best.values\n";
  }

  std::string name_, path_;
  ModelPorts ports_;
  int pictures_ = 0;
  std::string inputs_, before_, connections_, renamed_, after_, outputs_;
};

class Init final : public Verb {
 public:
  std::string_view name() const override { return "init"; }
  std::string_view does() const override {
    return "Writes a commented pipeline from a model's signature.";
  }
  std::string_view example() const override { return "leat init model.onnx --output model.yaml\n"; }
  std::vector<Flag> flags() override {
    return {
        {.name = "MODEL", .takes = "", .target = &path_, .doc = "a model file", .required = true},
        {"output", "FILE", &output_,
         "where it goes, in place of standard output; the model's path in it is relative to it"}};
  }

  Status run(std::string& out) override {
    LEAT_ASSIGN(auto model, load_model(path_, {}));
    std::string stem = std::filesystem::path(path_).stem().string();
    std::erase_if(stem, [](char c) {
      return !(std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-');
    });
    auto folder = std::filesystem::absolute(output_.empty() ? "pipeline.yaml" : output_);
    std::string path = std::filesystem::proximate(path_, folder.parent_path()).string();
    std::string text = Sketch(*model, stem.empty() ? "model" : stem, path).text();
    if (output_.empty()) {
      out = std::move(text);
      return {};
    }
    if (std::filesystem::exists(output_)) {
      return Status(Code::kBadInput,
                    cat(output_, ": is there already; remove it, or choose another name"));
    }
    LEAT_TRY(write_file(output_, text));
    out = cat(output_, ": written; `leat check ", output_, "` shows its inputs and outputs, `leat ",
              "serve ", output_, "` serves it\n");
    return {};
  }

 private:
  std::string path_, output_;
};

}  // namespace

std::unique_ptr<Verb> make_init() { return std::make_unique<Init>(); }

}  // namespace leat
