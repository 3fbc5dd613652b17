#include <filesystem>

#include "base/text.h"
#include "cli/output_file.h"
#include "cli/verb.h"
#include "leat/pipeline.h"

namespace leat {

namespace {

class Graph final : public Verb {
 public:
  std::string_view name() const override { return "graph"; }
  std::string_view does() const override { return "Draws a pipeline's plan."; }
  std::string_view example() const override {
    return "leat graph examples/things/pipeline.yaml --output things.svg\n"
           "leat graph examples/things/pipeline.yaml --format mermaid\n";
  }
  std::vector<Flag> flags() override {
    return {{.name = "PIPELINE",
             .takes = "",
             .target = &pipeline_,
             .doc = "a pipeline file or a model file",
             .required = true},
            {.name = "format",
             .takes = "FORMAT",
             .target = &format_,
             .doc = "unless set, what the output's name ends in, or mermaid",
             .choices = {"mermaid", "dot", "svg"}},
            {"output", "FILE", &output_, "where it goes, in place of standard output"}};
  }
  Status run(std::string& out) override {
    if (format_.empty()) LEAT_TRY(choose_format());
    auto engine = Engine::make({.threads = 1, .warm_up = false});
    LEAT_ASSIGN(auto pipeline, engine->load(pipeline_));
    LEAT_ASSIGN(std::string drawing, pipeline->graph(format_));
    if (!output_.empty()) return write_file(output_, drawing);
    out = std::move(drawing);
    return {};
  }

 private:
  Status choose_format() {
    constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
        {"", "mermaid"}, {".mmd", "mermaid"}, {".md", "mermaid"},
        {".dot", "dot"}, {".gv", "dot"},      {".svg", "svg"}};
    std::string ending = std::filesystem::path(output_).extension();
    for (auto [known, format] : kEndings) {
      if (ending == known) format_ = format;
    }
    if (!format_.empty()) return {};
    return Status(Code::kBadInput, cat("--output ", output_, ": its ending is none of .mmd, .md, ",
                                       ".dot, .gv and .svg; say --format mermaid, dot or svg"));
  }

  std::string pipeline_, format_, output_;
};

}  // namespace

std::unique_ptr<Verb> make_graph() { return std::make_unique<Graph>(); }

}  // namespace leat
