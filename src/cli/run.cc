#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "cli/inputs.h"
#include "cli/verb.h"
#include "leat/pipeline.h"
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
    return {
        {.name = "PIPELINE",
         .takes = "",
         .target = &path_,
         .doc = "a pipeline file or a model file",
         .required = true},
        {"input", "NAME=VALUE", &inputs_,
         "an input: text, JSON numbers or lists, or @FILE; may be said several times"},
        {"show", "STEP.PORT", &shown_, "a value inside, as one more output"},
        {"timeout", "TIME", Duration{&timeout_}, "give up after; 0s: never"},
        {"trace", "", &trace_, "print where the time went, to standard output after the answer"}};
  }

  Status run(std::string& out) override {
    auto engine = Engine::make({});
    LEAT_ASSIGN(auto pipeline, load(*engine));
    Request request(*pipeline);
    LEAT_TRY(read_inputs(*pipeline, inputs_, request));
    request.options.timeout = timeout_;
    request.options.trace = trace_;
    Answer answer = pipeline->run(std::move(request));
    if (!answer.status.ok()) return answer.status;
    Scatter reply;
    write_run(*pipeline, answer, false, reply);
    std::vector<iovec> pieces;
    reply.list(pieces);
    for (const iovec& piece : pieces) {
      out.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    out += '\n';
    if (trace_) table(answer, out);
    return {};
  }

 private:
  // A value that is shown is an output more: the file is loaded with lines added to `outputs:`.
  Result<std::shared_ptr<Pipeline>> load(Engine& engine) const {
    if (shown_.empty()) return engine.load(path_);
    LEAT_ASSIGN(std::string text, read_file(path_));
    size_t at = text.rfind("\noutputs:");
    if (at == std::string::npos) {
      return Status(Code::kBadInput, cat(path_, ": --show wants a pipeline file with outputs:"));
    }
    size_t line_end = text.find('\n', at + 1);
    std::string rest = line_end == std::string::npos ? "" : text.substr(at + 9, line_end - at - 9);
    if (rest.find('{') != std::string::npos) {
      // outputs: { a: b.c }
      size_t brace = text.find('{', at);
      std::string more;
      for (const std::string& value : shown_)
        more += cat(" ", output_name(value), ": ", value, ",");
      text.insert(brace + 1, more);
    } else {
      size_t next = text.find_first_not_of(" \n\r", line_end);
      size_t line = next == std::string::npos ? next : text.rfind('\n', next) + 1;
      std::string indent = next == std::string::npos ? "  " : text.substr(line, next - line);
      std::string more;
      for (const std::string& value : shown_) {
        more += cat(indent, output_name(value), ": ", value, "\n");
      }
      text.insert(line_end + 1, more);
    }
    return engine.load_text(text, std::filesystem::absolute(path_).parent_path().string());
  }

  static std::string output_name(const std::string& value) {
    std::string name = value;
    std::replace_if(
        name.begin(), name.end(),
        [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    return name;
  }

  static void table(const Answer& answer, std::string& out) {
    std::vector<StepTime> steps = answer.trace;
    std::ranges::sort(steps, {}, &StepTime::begin);
    auto cell = [](std::string text, size_t width) {
      return cat(std::string(width > text.size() ? width - text.size() : 0, ' '), text);
    };
    auto micros = [&](int64_t nanos) { return cell(cat(nanos / 1000), 11); };
    out += "   begin us    wait us     run us  row  batch  step\n";
    for (const StepTime& step : steps) {
      out += cat(micros(step.begin), micros(step.begin - step.ready), micros(step.end - step.begin),
                 cell(step.row < 0 ? "-" : cat(step.row), 5), cell(cat(step.batch), 7), "  ",
                 step.step, "\n");
    }
  }

  std::string path_;
  std::vector<std::string> inputs_, shown_;
  int64_t timeout_ = 0;
  bool trace_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_run() { return std::make_unique<Run>(); }

}  // namespace leat
