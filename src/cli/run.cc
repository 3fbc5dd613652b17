#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/text.h"
#include "cli/inputs.h"
#include "cli/verb.h"
#include "leat/pipeline.h"
#include "pipeline/document.h"
#include "serve/protocol/run_reply.h"

namespace leat {

namespace {

class Run final : public Verb {
 public:
  std::string_view name() const override { return "run"; }
  std::string_view does() const override { return "Runs one request; the answer is JSON."; }
  std::string_view example() const override {
    return "leat run examples/classify/pipeline.yaml --input photo=@photo.jpg\n"
           "leat run examples/things/pipeline.yaml --input @photo.jpg --trace --show "
           "found.scores\n";
  }
  std::vector<Flag> flags() override {
    return {{.name = "PIPELINE",
             .takes = "",
             .target = &path_,
             .doc = "a pipeline file or a model file",
             .required = true},
            {"input", "NAME=VALUE", &inputs_,
             "an input: text, JSON numbers or lists, or @FILE; may be said several times"},
            {"show", "STEP.PORT", &shown_, "a value inside, as one more output, STEP_PORT"},
            {"timeout", "TIME", Duration{&timeout_}, "give up after; 0s: never"},
            {"trace", "", &trace_, "print where the time went, to standard error"}};
  }

  Status run(std::string& out) override {
    auto engine = Engine::make({});
    LEAT_ASSIGN(auto pipeline, load(*engine));
    Request request(*pipeline);
    LEAT_TRY(read_inputs(*pipeline, inputs_, request));
    request.options.timeout = timeout_;
    request.options.trace = trace_;
    Answer answer = pipeline->run(std::move(request));
    if (!answer.status.ok()) {
      const Status& failed = answer.status;
      return Status(failed.code(), cat(failed.message(), input_hint(inputs_)));
    }
    Scatter reply;
    write_run(*pipeline, answer, false, reply);
    std::vector<iovec> pieces;
    reply.list(pieces);
    for (const iovec& piece : pieces) {
      out.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    out += '\n';
    if (trace_) std::fputs(table(answer).c_str(), stderr);
    return {};
  }

 private:
  // A value that is shown is one output more: the file is loaded again with these in front of its
  // own.
  Result<std::shared_ptr<Pipeline>> load(Engine& engine) const {
    LEAT_ASSIGN(auto pipeline, engine.load(path_));
    if (shown_.empty()) return pipeline;
    bool is_file = path_.ends_with(".yaml") || path_.ends_with(".yml");
    if (!is_file) {
      return Status(Code::kBadInput, cat(path_, ": --show wants a pipeline file, not a model"));
    }
    LEAT_ASSIGN(std::string text, read_document(path_));
    Mistakes none;
    auto document = parse_document(text, path_, none);
    const Node* outputs = document->root.find("outputs");
    assert(outputs && !outputs->entries.empty());
    const Node& first = outputs->entries[0].key;
    bool flow = outputs->place().column != first.column || outputs->place().line != first.line;
    std::string more;
    for (const std::string& value : shown_) {
      more += cat(output_name(value), ": ", value,
                  flow ? ", " : cat("\n", std::string(static_cast<size_t>(first.column - 1), ' ')));
    }
    size_t line = 0;
    for (int i = 1; i < first.line; ++i) line = text.find('\n', line) + 1;
    text.insert(line + static_cast<size_t>(first.column - 1), more);
    auto shown = engine.load_text(text, std::filesystem::absolute(path_).parent_path().string());
    return shown.ok() ? shown : of_show(shown.status());
  }

  // Without places, which are those of the changed text.
  static Status of_show(const Status& failed) {
    std::string why;
    for (std::string_view line : split(failed.message(), '\n')) {
      size_t place = line.find(": ");
      if (place != std::string_view::npos) line.remove_prefix(place + 2);
      why += cat(why.empty() ? "" : "\n", "--show: ", line);
    }
    return Status(failed.code(), why);
  }

  static std::string output_name(std::string value) {
    for (char& c : value) {
      if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
    }
    return value;
  }

  static std::string table(const Answer& answer) {
    std::vector<StepTime> steps = answer.trace;
    std::ranges::sort(steps, {}, &StepTime::begin);
    auto cell = [](std::string text, size_t width) {
      return cat(std::string(width > text.size() ? width - text.size() : 0, ' '), text);
    };
    auto micros = [&](int64_t nanos) { return cell(cat(nanos / 1000), 11); };
    std::string out = "   begin us    wait us     run us  row  batch  step\n";
    for (const StepTime& step : steps) {
      out += cat(micros(step.begin), micros(step.begin - step.ready), micros(step.end - step.begin),
                 cell(step.row < 0 ? "-" : cat(step.row), 5), cell(cat(step.batch), 7), "  ",
                 step.step, "\n");
    }
    return out;
  }

  std::string path_;
  std::vector<std::string> inputs_, shown_;
  int64_t timeout_ = 0;
  bool trace_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_run() { return std::make_unique<Run>(); }

}  // namespace leat
