#include "cli/command_line.h"

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "leat/version.h"
#include "pipeline/document.h"
#include "pipeline/format.h"

namespace leat {

namespace {

bool is_argument(const Flag& flag) { return std::isupper(flag.name[0]) != 0; }

std::string written(const Flag& flag) {
  return is_argument(flag) ? flag.name : cat("--", flag.name);
}

std::string variable_of(const Flag& flag) {
  std::string name = cat("LEAT_", flag.name);
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
  return name;
}

template <typename T>
Status number(const Flag& flag, const std::string& text, T& target) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = std::is_integral_v<T>;
  if (error != std::errc() || end != text.data() + text.size() ||
      static_cast<double>(value) < flag.min || static_cast<double>(value) > flag.max) {
    std::string bounds = flag.min > -1e18 && flag.max < 1e18
                             ? cat(" from ", flag.min, " to ", flag.max)
                         : flag.min > -1e18 ? cat(" of at least ", flag.min)
                                            : "";
    return Status(Code::kBadInput, cat("\"", text, "\" found, a ", whole ? "whole " : "", "number",
                                       bounds, " wanted"));
  }
  target = value;
  return {};
}

struct Unit {
  std::string_view name;
  int64_t bytes;
};
constexpr Unit kUnits[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};

Status size_in_bytes(const Flag& flag, const std::string& text, int64_t& target) {
  auto size = parse_size(text);
  if (!size.ok() || static_cast<double>(*size) < flag.min) {
    return Status(Code::kBadInput,
                  cat("\"", text, "\" found, ", parse_size("").status().message()));
  }
  target = static_cast<int64_t>(*size);
  return {};
}

Status truth(const std::string& text, bool& target) {
  for (const char* yes : {"true", "1", "yes", "on"}) {
    if (text == yes) return target = true, Status();
  }
  for (const char* no : {"false", "0", "no", "off"}) {
    if (text == no) return target = false, Status();
  }
  return Status(Code::kBadInput, cat("\"", text, "\" found, true or false wanted"));
}

Status set(const Flag& flag, const std::vector<std::string>& values) {
  const std::string& text = values.back();
  if (!flag.choices.empty() && std::ranges::find(flag.choices, text) == flag.choices.end()) {
    return Status(Code::kBadInput, cat("\"", text, "\" found, ", join_or(flag.choices), " wanted"));
  }
  if (auto* target = std::get_if<bool*>(&flag.target)) return truth(text, **target);
  if (auto* target = std::get_if<int*>(&flag.target)) return number(flag, text, **target);
  if (auto* target = std::get_if<int64_t*>(&flag.target)) return number(flag, text, **target);
  if (auto* target = std::get_if<double*>(&flag.target)) return number(flag, text, **target);
  if (auto* target = std::get_if<Bytes>(&flag.target)) {
    return size_in_bytes(flag, text, *target->bytes);
  }
  if (auto* target = std::get_if<Duration>(&flag.target)) {
    auto parsed = parse_duration(text);
    if (!parsed.ok()) {
      return Status(Code::kBadInput, cat("\"", text, "\" found; ", parsed.status().message()));
    }
    *target->nanos = *parsed;
  } else if (auto* one = std::get_if<std::string*>(&flag.target)) {
    **one = text;
  } else {
    *std::get<std::vector<std::string>*>(flag.target) = values;
  }
  return {};
}

std::string duration_text(int64_t nanos) {
  for (auto [unit, name] : {std::pair{kSecond, "s"}, {kMillisecond, "ms"}, {kMicrosecond, "us"}}) {
    if (nanos % unit == 0) return cat(nanos / unit, name);
  }
  return cat(static_cast<double>(nanos) / kMicrosecond, "us");
}

std::string bytes_text(int64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0) return cat(bytes / unit.bytes, unit.name);
  }
  return cat(bytes);
}

// What the option holds now; empty: nothing.
std::string default_text(const Flag& flag) {
  if (auto* target = std::get_if<int*>(&flag.target)) return cat(**target);
  if (auto* target = std::get_if<int64_t*>(&flag.target)) return cat(**target);
  if (auto* target = std::get_if<double*>(&flag.target)) return cat(**target);
  if (auto* target = std::get_if<std::string*>(&flag.target)) return **target;
  if (auto* target = std::get_if<Duration>(&flag.target)) return duration_text(*target->nanos);
  if (auto* target = std::get_if<Bytes>(&flag.target)) return bytes_text(*target->bytes);
  return {};
}

std::string help_of(const Flag& flag, bool settings) {
  std::string text = flag.doc;
  if (!flag.choices.empty()) text += cat(": ", join_or(flag.choices));
  if (std::string now = default_text(flag); !now.empty() && !flag.required) {
    text += cat(" [", now, "]");
  }
  if (settings && !is_argument(flag)) text += cat(" (", variable_of(flag), ")");
  return text;
}

// What a file of settings says, by flag.
class Settings {
 public:
  Status read(const std::string& path, const std::vector<Flag>& flags) {
    auto text = read_document(path);
    if (!text.ok()) return text.status().within(path);
    Mistakes mistakes;
    auto document = parse_document(*text, path, mistakes);
    std::vector<std::string> names;
    for (const Flag& flag : flags) {
      if (!is_argument(flag)) names.push_back(flag.name);
    }
    if (document && !document->root.entries.empty()) {
      for (const auto& [key, value] : document->root.entries) {
        if (std::ranges::find(names, key.text) == names.end()) {
          std::string_view near = nearest(key.text, names);
          mistakes.add(key.place(),
                       cat("there is no setting \"", key.shown, "\"",
                           near.empty() ? std::string() : cat("; did you mean ", near, "?")));
        } else if (!value.is_text()) {
          mistakes.add(value.place(),
                       cat(key.shown, ": ", value.description(), " found, one value wanted"));
        } else {
          values_[key.text] = {value.text, value.place().text()};
        }
      }
    } else if (document && document->root.is_text()) {
      mistakes.add(document->root.place(), "settings are lines like \"http: 8000\"");
    }
    return mistakes.count() > 0 ? mistakes.status() : Status();
  }
  struct Value {
    std::string text, place;
  };
  const Value* find(const std::string& name) const {
    auto found = values_.find(name);
    return found == values_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, Value> values_;
};

// CLI11's help, but for how it writes arguments that are required.
class Help final : public CLI::Formatter {
 public:
  Help(std::string_view verb, const std::vector<Flag>& flags) : usage_(cat("Usage: leat ", verb)) {
    column_width(34);
    for (const Flag& flag : flags) {
      if (!is_argument(flag)) continue;
      bool many = std::holds_alternative<std::vector<std::string>*>(flag.target);
      std::string name = cat(flag.name, many ? "..." : "");
      usage_ += flag.required ? cat(" ", name) : cat(" [", name, "]");
    }
    usage_ += " [OPTIONS]\n";
  }
  std::string make_usage(const CLI::App*, std::string) const override { return usage_; }

 private:
  std::string usage_;
};

class Reader {
 public:
  Reader(Verb& verb, const std::function<const char*(const char*)>& variable)
      : verb_(verb),
        variable_(variable),
        flags_(verb.flags()),
        given_(flags_.size()),
        app_(std::string(verb.does()), cat("leat ", verb.name())) {
    app_.allow_extras();
    app_.footer(cat("Example:\n", indented(verb.example())));
    app_.formatter(std::make_shared<Help>(verb.name(), flags_));
    bool settings = verb.has_settings();
    for (size_t i = 0; i < flags_.size(); ++i) {
      const Flag& flag = flags_[i];
      std::string help = help_of(flag, settings);
      if (std::holds_alternative<bool*>(flag.target)) {
        app_.add_flag_function(
            written(flag), [this, i](int64_t) { given_[i] = {"true"}; }, help);
        continue;
      }
      bool many = std::holds_alternative<std::vector<std::string>*>(flag.target);
      CLI::Option* option =
          many ? app_.add_option(written(flag), given_[i], help)
               : app_.add_option_function<std::string>(
                     written(flag), [this, i](const std::string& value) { given_[i] = {value}; },
                     help);
      if (many && !is_argument(flag)) option->allow_extra_args(false);
      option->type_name(flag.takes);
    }
    if (settings) {
      app_.add_option("--config", config_, "a file with any of these flags, `http: 8000` a line")
          ->type_name("FILE");
    }
  }

  CommandLine read(std::span<const std::string> arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
      app_.parse(reversed);
    } catch (const CLI::CallForHelp&) {
      return {CommandLine::Next::kHelp, app_.help()};
    } catch (const CLI::ParseError& error) {
      return usage(error.what());
    }
    if (auto left = app_.remaining(); !left.empty()) return usage(unexpected(left[0]));
    if (Status status = apply(); !status.ok()) return usage(status.message());
    return {};
  }

 private:
  static std::string indented(std::string_view lines) {
    std::string out;
    for (std::string_view line : split(lines, '\n')) {
      if (!line.empty()) out += cat("  ", line, "\n");
    }
    return out;
  }

  CommandLine usage(std::string_view what) const {
    return {CommandLine::Next::kUsage,
            cat("leat ", verb_.name(), ": ", what, "; see leat ", verb_.name(), " --help")};
  }

  std::string unexpected(const std::string& argument) const {
    std::vector<std::string> names;
    for (const Flag& flag : flags_) {
      if (!is_argument(flag)) names.push_back(flag.name);
    }
    if (!argument.starts_with("-")) {
      bool inputs = std::ranges::find(names, "input") != names.end();
      return cat("\"", argument, "\" is one argument too many",
                 inputs ? cat("; --input @", argument, " gives a file as input") : "");
    }
    std::string name = argument.substr(0, argument.find('='));
    name.erase(0, name.find_first_not_of('-'));
    std::string_view near = nearest(name, names);
    // --port is none of `leat serve`, but one that takes a PORT is meant.
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    auto takes = std::ranges::find(flags_, name, &Flag::takes);
    if (!name.empty() && takes != flags_.end()) near = takes->name;
    return cat("there is no flag ", argument,
               near.empty() ? std::string() : cat("; did you mean --", near, "?"));
  }

  Status apply() {
    if (verb_.has_settings()) {
      if (const char* path = variable_("LEAT_CONFIG"); path && config_.empty()) config_ = path;
      if (!config_.empty()) LEAT_TRY(settings_.read(config_, flags_));
    }
    for (size_t i = 0; i < flags_.size(); ++i) {
      const Flag& flag = flags_[i];
      if (!given_[i].empty()) {
        LEAT_TRY(set(flag, given_[i]).within(written(flag)));
      } else if (!verb_.has_settings() || is_argument(flag)) {
        if (flag.required) return Status(Code::kBadInput, cat(written(flag), " is missing"));
      } else if (const char* value = variable_(variable_of(flag).c_str())) {
        LEAT_TRY(set(flag, {value}).within(variable_of(flag)));
      } else if (const Settings::Value* said = settings_.find(flag.name)) {
        LEAT_TRY(set(flag, {said->text}).within(cat(said->place, ": ", flag.name)));
      }
    }
    if (std::string wrong = verb_.misuse(); !wrong.empty()) return Status(Code::kBadInput, wrong);
    return {};
  }

  Verb& verb_;
  const std::function<const char*(const char*)>& variable_;
  const std::vector<Flag> flags_;
  std::vector<std::vector<std::string>> given_;  // by flag
  std::string config_;
  Settings settings_;
  CLI::App app_;
};

std::string program_help(const std::vector<std::unique_ptr<Verb>>& verbs) {
  std::string out = "leat runs machine-learning pipelines.\n\nUsage: leat VERB [ARGUMENTS]\n\n";
  for (const auto& verb : verbs) {
    out += cat("  ", verb->name(), std::string(8 - verb->name().size(), ' '), verb->does(), "\n");
  }
  return out +
         "\nleat VERB --help explains a verb, leat --version says which build this is.\n"
         "Example:\n  leat serve things.yaml\n";
}

Exit exit_of(const Status& status) {
  if (status.ok()) return Exit::kDone;
  return status.code() == Code::kInternal ? Exit::kInternal : Exit::kWrongInput;
}

}  // namespace

CommandLine read_command_line(Verb& verb, std::span<const std::string> arguments,
                              const std::function<const char*(const char*)>& variable) {
  return Reader(verb, variable).read(arguments);
}

Exit run_command(std::span<const std::string> arguments, std::string& out, std::string& err) {
  auto verbs = all_verbs();
  if (arguments.empty()) {
    err = cat("leat: a verb is missing\n\n", program_help(verbs));
    return Exit::kUsage;
  }
  const std::string& name = arguments[0];
  if (name == "help" && arguments.size() > 1) {
    return run_command(std::vector<std::string>{arguments[1], "--help"}, out, err);
  }
  if (name == "--help" || name == "-h" || name == "help") {
    out = program_help(verbs);
    return Exit::kDone;
  }
  if (name == "--version") {
    out = cat("leat ", version(), "\n");
    return Exit::kDone;
  }
  auto verb = std::ranges::find(verbs, name, [](const auto& v) { return v->name(); });
  if (verb == verbs.end()) {
    std::vector<std::string> names;
    for (const auto& known : verbs) names.emplace_back(known->name());
    std::string_view near = nearest(name, names);
    err = cat("leat: there is no verb \"", name, "\"; ",
              near.empty() ? cat("allowed: ", join_or(names)) : cat("did you mean ", near, "?"),
              "; see leat --help\n");
    return Exit::kUsage;
  }
  CommandLine line = read_command_line(**verb, arguments.subspan(1),
                                       [](const char* variable) { return std::getenv(variable); });
  if (line.next == CommandLine::Next::kHelp) {
    out = std::move(line.text);
    return Exit::kDone;
  }
  if (line.next == CommandLine::Next::kUsage) {
    err = line.text + "\n";
    return Exit::kUsage;
  }
  Status status = (*verb)->run(out);
  if (!status.ok()) err = status.message() + "\n";
  return exit_of(status);
}

std::vector<std::unique_ptr<Verb>> all_verbs() {
  std::vector<std::unique_ptr<Verb>> verbs;
  for (auto make :
       {make_serve, make_init, make_run, make_check, make_graph, make_ops, make_bench}) {
    verbs.push_back(make());
  }
  return verbs;
}

}  // namespace leat
