#include "base/text.h"
#include "cli/plugin_ops.h"
#include "cli/verb.h"
#include "pipeline/compile.h"
#include "pipeline/schema.h"
#include "pipeline/step_process.h"

namespace leat {

namespace {

class Loaded final : public ModelSource {
 public:
  Result<std::shared_ptr<Model>> get(const std::string& path,
                                     const ModelOptions& options) override {
    std::shared_ptr<Model>& known = models_[session_key(path, options)];
    if (!known) {
      LEAT_ASSIGN(known, load_model(path, options));
    }
    return known;
  }
  Result<std::shared_ptr<StepWorkers>> start(const std::vector<std::string>& first,
                                             const StepOptions& options) override {
    StepOptions one = options;  // is enough to see that it starts
    one.instances = 1;
    one.process.spare = false;
    return processes_.start(first, one);
  }

 private:
  StepProcesses processes_{EngineOptions{}};
  std::map<std::string, std::shared_ptr<Model>> models_;
};

// "  name     text", the texts below one another.
struct Rows {
  std::vector<std::pair<std::string, std::string>> rows;
  void write(std::string_view heading, std::string& out) const {
    if (rows.empty()) return;
    size_t width = 0;
    for (const auto& [name, text] : rows) width = std::max(width, name.size());
    out += cat(heading, "\n");
    for (const auto& [name, text] : rows) {
      out += cat("  ", name, std::string(width - name.size() + 2, ' '), text, "\n");
    }
  }
};

class Check final : public Verb {
 public:
  std::string_view name() const override { return "check"; }
  std::string_view does() const override { return "Loads a pipeline and checks it."; }
  std::string_view example() const override {
    return "leat check examples/things/pipeline.yaml\n"
           "leat check --schema > pipeline.schema.json\n"
           "leat check --schema --plugin libmine.so > pipeline.schema.json\n";
  }
  std::vector<Flag> flags() override {
    return {{"PIPELINE", "", &pipeline_, "a pipeline file or a model file"},
            {"schema", "", &schema_, "print the JSON Schema of pipeline files, for editors"},
            {"plugin", "FILE", &plugins_,
             "with --schema: that knows the operators of this library, too; may be repeated"}};
  }
  std::string misuse() const override {
    if (!plugins_.empty() && !schema_) {
      return "--plugin is for --schema; a pipeline says `plugin:` itself";
    }
    return pipeline_.empty() && !schema_ ? "PIPELINE is missing" : "";
  }
  Status run(std::string& out) override {
    if (schema_) {
      std::map<std::string, OpSpec> ops = OpCatalogue::all();
      for (const std::string& file : plugins_) {
        LEAT_ASSIGN(const auto* more, plugin_ops(file));
        ops.insert(more->begin(), more->end());
      }
      out = json_schema(ops);
      return {};
    }
    Loaded models;
    bool is_file = pipeline_.ends_with(".yaml") || pipeline_.ends_with(".yml");
    LEAT_ASSIGN(auto plan,
                is_file ? compile_file(pipeline_, models) : compile_model(pipeline_, models));
    report(*plan, out);
    return {};
  }

 private:
  void report(const Plan& plan, std::string& out) const {
    out =
        cat(pipeline_, ": sound, ", plan.steps.size(), plan.steps.size() == 1 ? " step" : " steps",
            plan.batched ? ", takes N items at once" : "", "\n");
    Rows inputs, outputs, models;
    for (const PlanInput& input : plan.inputs) {
      bool optional = input.port.optional || input.fallback >= 0;
      inputs.rows.emplace_back(input.port.name,
                               cat(input.port.type.text(), optional ? ", optional" : ""));
    }
    for (const PlanOutput& output : plan.outputs) {
      outputs.rows.emplace_back(output.name,
                                cat(output.type.text(), output.ragged ? ", ragged" : "",
                                    output.may_be_absent ? ", may be absent" : ""));
    }
    for (const Step& step : plan.steps) {
      if (!step.model) continue;
      std::string text = step.what + ":";
      auto ports = [&](const std::vector<std::string>& names, const std::vector<Type>& types) {
        for (size_t i = 0; i < names.size(); ++i) {
          text += cat(i > 0 ? ", " : " ", names[i], " ", types[i].text());
        }
      };
      ports(step.input_names, step.input_types);
      text += " ->";
      ports(step.output_names, step.outputs);
      models.rows.emplace_back(step.name, text);
    }
    inputs.write("inputs", out);
    outputs.write("outputs", out);
    models.write("models", out);
  }

  std::string pipeline_;
  std::vector<std::string> plugins_;
  bool schema_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_check() { return std::make_unique<Check>(); }

}  // namespace leat
