#include <filesystem>

#include "base/text.h"
#include "cli/verb.h"
#include "model/model.h"

namespace leat {

namespace {

// Is the input a batch of pictures? Then which axis holds the three channels.
bool is_picture(const Type& type) {
  if (type.open || type.dims.size() != 4 || type.dtype() == DType::kBytes) return false;
  bool planes = type.dims[1].size == 3 || type.dims[1].size == 1;
  return planes || type.dims[3].size == 3;
}

bool is_name(std::string_view text) {
  if (text.empty() || !(text[0] >= 'a' && text[0] <= 'z')) return false;
  for (char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

class Init final : public Verb {
 public:
  std::string_view name() const override { return "init"; }
  std::string_view does() const override {
    return "Writes a commented pipeline from a model's signature.";
  }
  std::string_view example() const override { return "leat init model.onnx > pipeline.yaml\n"; }
  std::vector<Flag> flags() override {
    return {
        {.name = "MODEL", .takes = "", .target = &path_, .doc = "a model file", .required = true}};
  }

  Status run(std::string& out) override {
    LEAT_ASSIGN(auto model, load_model(path_, {}));
    std::string stem = std::filesystem::path(path_).stem().string();
    std::erase_if(stem, [](char c) {
      return !(std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-');
    });
    out = cat("leat: 1\nname: ", stem.empty() ? "model" : stem, "\n");
    // Ports whose names cannot stand in a pipeline get plain ones.
    std::string ports, inputs, prepare, connect;
    int pictures = 0;
    for (size_t i = 0; i < model->inputs().size(); ++i) {
      const ModelPort& port = model->inputs()[i];
      std::string plain = is_name(port.name) ? port.name : cat("in", i);
      if (plain != port.name)
        ports += cat(ports.empty() ? "" : ", ", plain, ": ", in_quotes(port.name));
      connect += connect.empty() ? "" : ", ";
      if (is_picture(port.type)) {
        std::string tag = pictures++ == 0 ? "" : cat(pictures);
        inputs +=
            cat("  photo", tag, ": BYTES                # an encoded picture: JPEG, PNG or WebP\n");
        prepare += cat(
            "  decode", tag, ":\n    op: image.decode\n    inputs: { data: photo", tag,
            " }\n  prepare", tag, ":\n    op: image.to_tensor\n    inputs: { image: decode", tag,
            ".image }\n",
            "    # How the model wants its pictures: see `leat ops image.to_tensor`. Many want\n"
            "    # mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375], fit: cover\n"
            "    params: { fit: stretch, mean: 0, std: 255");
        prepare += guessed_shape(port.type);
        prepare += " }\n";
        connect += cat(plain, ": prepare", tag, ".tensor");
      } else {
        inputs += cat("  ", plain, ": ", in_quotes(item_type(*model, port.type)), "\n");
        connect += cat(plain, ": ", plain);
      }
    }
    out += cat("inputs:\n", inputs,
               "timeout: 1s                  # no caller waits longer\n\nsteps:\n", prepare);
    out += cat("  model:\n    model: ", in_quotes(std::filesystem::absolute(path_).string()), "\n");
    if (ports.empty()) {
      out += cat("    inputs: { ", connect, " }\n");
    }
    std::string outputs, extra;
    for (size_t i = 0; i < model->outputs().size(); ++i) {
      const ModelPort& port = model->outputs()[i];
      std::string plain = is_name(port.name) ? port.name : cat("out", i);
      if (plain != port.name)
        ports += cat(ports.empty() ? "" : ", ", plain, ": ", in_quotes(port.name));
      outputs += cat("  ", plain, ": model.", plain, "\n");
    }
    if (!ports.empty()) {
      if (out.find(cat("inputs: { ", connect)) == std::string::npos) {
        out += cat("    ports: { ", ports, " }    # the model's own names, quoted\n    inputs: { ",
                   connect, " }\n");
      } else {
        out += cat("    ports: { ", ports, " }    # the model's own names, quoted\n");
      }
    }
    bool batch = !model->inputs().empty() && !model->inputs()[0].type.dims.empty() &&
                 model->inputs()[0].type.dims[0].size < 0;
    if (batch)
      out += "    # batch: { max: 16, delay: 1ms }    # items of different requests run together\n";
    out += cat("\noutputs:\n", outputs);
    return {};
  }

 private:
  // Parameters for what the model leaves open or wants otherwise.
  static std::string guessed_shape(const Type& type) {
    bool planes = type.dims[1].size == 3 || type.dims[1].size == 1;
    const Dim& height = type.dims[planes ? 2 : 1];
    const Dim& width = type.dims[planes ? 3 : 2];
    std::string out;
    if (planes && type.dims[1].size == 1) out += ", channels: GREY";
    if (width.size < 0) out += ", width: 224";
    if (height.size < 0) out += ", height: 224";
    return out;
  }

  // Without the batch axis, as far as the first guess goes: see docs/pipeline.md.
  static std::string item_type(const Model& model, Type type) {
    bool all_one = true;
    bool some_one = false;
    for (const auto* ports : {&model.inputs(), &model.outputs()}) {
      for (const ModelPort& port : *ports) {
        if (port.type.dims.empty()) continue;
        all_one = all_one && port.type.dims[0].size <= 1;
        some_one = some_one || port.type.dims[0].size == 1;
      }
    }
    if (!type.dims.empty() && (type.dims[0].size < 0 || (all_one && some_one))) {
      type.dims.erase(type.dims.begin());
    }
    for (Dim& dim : type.dims) {
      if (dim.size < 0) dim.name.clear();
    }
    return type.text();
  }

  std::string path_;
};

}  // namespace

std::unique_ptr<Verb> make_init() { return std::make_unique<Init>(); }

}  // namespace leat
