#include <algorithm>

#include "base/text.h"
#include "cli/plugin_ops.h"
#include "cli/verb.h"
#include "leat/op.h"

namespace leat {

namespace {

constexpr std::string_view kTypeNames[] = {"integer",       "number", "bool",
                                           "text",          "choice", "list of numbers",
                                           "list of texts", "path",   "data type"};

template <typename T>
std::string listed(const std::vector<T>& values) {
  std::string out = "[";
  for (const T& value : values) out += cat(out.size() > 1 ? ", " : "", value);
  return out + "]";
}

// As one would write it in a file; empty: there is none.
std::string default_of(const ParamSpec& param) {
  struct Text {
    std::string operator()(std::monostate) const { return {}; }
    std::string operator()(int64_t value) const { return cat(value); }
    std::string operator()(double value) const { return cat(value); }
    std::string operator()(bool value) const { return cat(value); }
    std::string operator()(const std::string& value) const { return value; }
    std::string operator()(const std::vector<double>& value) const { return listed(value); }
    std::string operator()(const std::vector<std::string>& value) const { return listed(value); }
  };
  return std::visit(Text{}, param.fallback);
}

std::string takes(const ParamSpec& param) {
  if (!param.choices.empty()) return join_or(param.choices);
  std::string text(kTypeNames[static_cast<size_t>(param.type)]);
  if (param.min > -1e300 && param.max < 1e300) {
    text += cat(", ", bound_text(param.min), " to ", bound_text(param.max));
  } else if (param.min > -1e300) {
    text += cat(", at least ", bound_text(param.min));
  } else if (param.max < 1e300) {
    text += cat(", at most ", bound_text(param.max));
  }
  return text;
}

std::string presence(const ParamSpec& param) {
  std::string fallback = default_of(param);
  return param.required ? "required" : fallback.empty() ? "no default" : cat("default ", fallback);
}

std::string family(std::string_view name) { return std::string(name.substr(0, name.find('.'))); }

std::string first_sentence(std::string_view doc) {
  size_t end = doc.find(". ");
  return std::string(end == std::string_view::npos ? doc : doc.substr(0, end + 1));
}

// `text` in lines of at most 96 characters, each after `indent` spaces.
void wrap(std::string_view text, size_t indent, std::string& out) {
  std::string line(indent, ' ');
  bool fresh = true;
  for (std::string_view word : split(text, ' ')) {
    if (!fresh && line.size() + 1 + word.size() > 96) {
      out += line + "\n";
      line.assign(indent, ' ');
      fresh = true;
    }
    if (!fresh) line += ' ';
    line += word;
    fresh = false;
  }
  out += line + "\n";
}

std::string only_with(const PortSpec& port) {
  return port.only_with.empty() ? "" : cat(", only with ", port.only_with);
}

void write_ports(std::string_view heading, const std::vector<PortSpec>& ports, std::string& out) {
  if (ports.empty()) return;
  out += cat("\n", heading, "\n");
  for (const PortSpec& port : ports) {
    out += cat("  ", port.name, "  ", port.type, port.optional ? ", optional" : "",
               port.many ? ", one or more" : "", only_with(port), "\n");
    wrap(port.doc, 6, out);
  }
}

void write_text(const OpSpec& op, std::string& out) {
  out += op.name + "\n";
  wrap(op.doc, 2, out);
  write_ports("inputs", op.inputs, out);
  write_ports("outputs", op.outputs, out);
  if (!op.params.empty()) out += "\nparams\n";
  for (const ParamSpec& param : op.params) {
    out += cat("  ", param.name, "  ", takes(param), "; ", presence(param), "\n");
    wrap(param.doc, 6, out);
  }
}

// A bar would end a table's cell.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

void write_markdown(const OpSpec& op, std::string& out) {
  out += cat("### ", op.name, "\n", op.doc, "\n\n| port | type | what |\n|---|---|---|\n");
  for (const auto& [ports, way] : {std::pair{&op.inputs, "in"}, {&op.outputs, "out"}}) {
    for (const PortSpec& port : *ports) {
      out += cat("| ", way, " `", port.name, "` | `", cell(port.type), "`",
                 port.optional ? ", optional" : "", port.many ? ", one or more" : "",
                 only_with(port), " | ", cell(port.doc), " |\n");
    }
  }
  if (!op.params.empty()) out += "\n| parameter | takes | default | what |\n|---|---|---|---|\n";
  for (const ParamSpec& param : op.params) {
    std::string fallback = default_of(param);
    out += cat("| `", param.name, "` | ", cell(takes(param)), " | ",
               param.required     ? std::string("required")
               : fallback.empty() ? std::string()
                                  : cat("`", cell(fallback), "`"),
               " | ", cell(param.doc), " |\n");
  }
  out += "\n";
}

class Ops final : public Verb {
 public:
  std::string_view name() const override { return "ops"; }
  std::string_view does() const override { return "Lists the operators, or documents one."; }
  std::string_view example() const override {
    return "leat ops\nleat ops image.to_tensor\nleat ops --markdown > operators.md\n"
           "leat ops --plugin libmine.so mine.scale\n";
  }
  std::vector<Flag> flags() override {
    return {{"NAME", "", &op_, "an operator, or a family of them"},
            {"plugin", "FILE", &plugin_, "of this shared library, in place of those of leat"},
            {"markdown", "", &markdown_, "as a Markdown document"}};
  }
  Status run(std::string& out) override {
    const std::map<std::string, OpSpec>* all = &OpCatalogue::all();
    if (!plugin_.empty()) {
      LEAT_ASSIGN(all, plugin_ops(plugin_));
    }
    std::vector<const OpSpec*> chosen;
    std::vector<std::string> names;
    for (const auto& [name, spec] : *all) {
      names.push_back(name);
      if (op_.empty() || name == op_ || family(name) == op_) chosen.push_back(&spec);
    }
    if (chosen.empty()) {
      std::string_view near = nearest(op_, names);
      return Status(Code::kBadInput, cat("there is no operator \"", op_, "\"; ",
                                         near.empty() ? "without a name leat ops lists them"
                                                      : cat("did you mean ", near, "?")));
    }
    if (markdown_) {
      markdown(chosen, out);
    } else if (all->contains(op_)) {
      write_text(*chosen[0], out);
    } else {
      list(chosen, out);
    }
    return {};
  }

 private:
  static void markdown(const std::vector<const OpSpec*>& chosen, std::string& out) {
    out +=
        "# Operators\n\nWhat a step can run with `op:`. `leat ops NAME` prints one of them; this "
        "page "
        "is what `leat ops --markdown` prints. Types, pictures and boxes are explained in "
        "[Pipelines](pipeline.md).\n\n";
    std::string last;
    for (const OpSpec* op : chosen) {
      if (std::string now = family(op->name); now != last) out += cat("## ", last = now, "\n\n");
      write_markdown(*op, out);
    }
    out.pop_back();  // the empty line after the last
  }

  static void list(const std::vector<const OpSpec*>& chosen, std::string& out) {
    size_t width = 0;
    for (const OpSpec* op : chosen) width = std::max(width, op->name.size());
    std::string last;
    for (const OpSpec* op : chosen) {
      if (std::string now = family(op->name); now != last) {
        out += cat(last.empty() ? "" : "\n", now, "\n");
        last = now;
      }
      out += cat("  ", op->name, std::string(width - op->name.size() + 2, ' '),
                 first_sentence(op->doc), "\n");
    }
  }

  std::string op_, plugin_;
  bool markdown_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_ops() { return std::make_unique<Ops>(); }

}  // namespace leat
