#include "pipeline/schema.h"

#include "base/text.h"
#include "leat/op.h"
#include "pipeline/format.h"

namespace leat {

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

template <typename Texts>
std::string list_of(const Texts& texts) {
  std::string out;
  for (const auto& text : texts) out += cat(out.empty() ? "" : ", ", quoted(text));
  return cat("[", out, "]");
}

std::string bounds(double min, double max) {
  std::string out;
  if (min > -1e300) out += cat(", \"minimum\": ", min);
  if (max < 1e300) out += cat(", \"maximum\": ", max);
  return out;
}

std::string reference_to(const Table& table) { return cat("\"#/definitions/", table.name, "\""); }

// What stands at the keys that name values.
constexpr std::string_view kValue = R"({"$ref": "#/definitions/any_value"})";

// Values of mappings with free keys, where more is known of them.
std::string of_free_keys(const Table& table, std::string_view key) {
  if (key == "steps") return R"({"$ref": "#/definitions/step"})";
  if (key == "outputs") return std::string(kValue);
  if (key == "inputs" && table.name == "pipeline") {
    return R"({"anyOf": [{"type": "string"}, {"$ref": "#/definitions/input"}]})";
  }
  if (key == "inputs") {
    return cat("{\"anyOf\": [", kValue, ", {\"type\": \"array\", \"items\": ", kValue, "}]}");
  }
  if (key == "ports" || key == "state") return R"({"type": "string"})";
  return "true";
}

std::string form(const Table& table, const KeySpec& key, Form form) {
  switch (form) {
    case kText:
      return R"({"type": "string"})";
    case kInteger:
      return cat("{\"type\": \"integer\"", bounds(key.min, key.max), "}");
    case kNumber:
      return cat("{\"type\": \"number\"", bounds(key.min, key.max), "}");
    case kFlag:
      return R"({"type": "boolean"})";
    case kDuration:
      return R"({"type": "string", "pattern": "^[0-9.]+(us|ms|s|m)$"})";
    case kWord:
      return cat("{\"enum\": ", list_of(key.words), "}");
    case kList:
      return R"({"type": "array"})";
    case kMapping:
      return cat("{\"type\": \"object\", \"additionalProperties\": ", of_free_keys(table, key.name),
                 "}");
    case kTable:
      return cat("{\"$ref\": ", reference_to(*key.table), "}");
    case kAnything:
      return "true";
  }
  return "true";
}

std::string property(const Table& table, const KeySpec& key) {
  std::string forms;
  for (int bit = 0; bit < 10; ++bit) {
    if (!(key.forms >> bit & 1)) continue;
    forms += cat(forms.empty() ? "" : ", ", form(table, key, static_cast<Form>(1 << bit)));
  }
  std::string doc(key.doc);
  if (!key.fallback.empty()) doc += cat(" Default: ", key.fallback, ".");
  if (key.not_yet) doc += " Not in this build.";
  return cat("{\"description\": ", quoted(doc), ", \"anyOf\": [", forms, "]}");
}

std::string object(const Table& table, std::string_view more) {
  std::string properties;
  std::string required;
  for (const KeySpec& key : table.keys) {
    properties += cat(properties.empty() ? "\n" : ",\n", "      ", quoted(key.name), ": ",
                      property(table, key));
    if (key.required) required += cat(required.empty() ? "" : ", ", quoted(key.name));
  }
  return cat("{\n    \"description\": ", quoted(table.doc),
             ",\n    \"type\": \"object\",\n    \"additionalProperties\": false,\n    "
             "\"required\": [",
             required, "],\n    \"properties\": {", properties, "\n    }", more, "\n  }");
}

std::string parameter(const ParamSpec& spec) {
  std::string number = bounds(spec.min, spec.max);
  std::string type;
  switch (spec.type) {
    case ParamType::kInt:
      type = cat("\"type\": \"integer\"", number);
      break;
    case ParamType::kFloat:
      type = cat("\"type\": \"number\"", number);
      break;
    case ParamType::kBool:
      type = "\"type\": \"boolean\"";
      break;
    case ParamType::kString:
    case ParamType::kPath:
    case ParamType::kDType:
      type = "\"type\": [\"string\", \"number\", \"boolean\"]";
      break;
    case ParamType::kChoice:
      type = cat("\"enum\": ", list_of(spec.choices));
      break;
    case ParamType::kFloats:
      type = cat("\"type\": \"array\", \"items\": {\"type\": \"number\"", number, "}");
      break;
    case ParamType::kStrings:
      type = "\"type\": \"array\"";
      break;
  }
  return cat(quoted(spec.name), ": {\"description\": ", quoted(spec.doc), ", ", type, "}");
}

// The names of operators, and for each its parameters and ports.
std::string operators(const std::map<std::string, OpSpec>& ops) {
  std::string names;
  std::string rules;
  for (const auto& [name, spec] : ops) {
    names += cat(names.empty() ? "" : ", ", quoted(name));
    std::string params;
    std::string required;
    for (const ParamSpec& param : spec.params) {
      params += cat(params.empty() ? "" : ", ", parameter(param));
      if (param.required) required += cat(required.empty() ? "" : ", ", quoted(param.name));
    }
    std::string ports;
    for (const PortSpec& port : spec.inputs) {
      ports += cat(ports.empty() ? "" : ", ", quoted(port.name),
                   ": {\"description\": ", quoted(cat(port.type, ": ", port.doc)), "}");
    }
    rules +=
        cat(rules.empty() ? "\n" : ",\n",
            "      {\"if\": {\"required\": [\"op\"], "
            "\"properties\": {\"op\": {\"const\": ",
            quoted(name),
            "}}}, \"then\": {\"properties\": {\"params\": {\"additionalProperties\": false, "
            "\"required\": [",
            required, "], \"properties\": {", params,
            "}}, \"inputs\": {\"additionalProperties\": false, \"properties\": {", ports, "}}}}}");
  }
  std::string known =
      cat("{\"if\": {\"required\": [\"op\"]}, \"then\": {\"properties\": {\"op\": "
          "{\"enum\": [",
          names, "]}}}}");
  return cat(",\n    \"allOf\": [\n      ", known, rules.empty() ? "" : ",", rules, "\n    ]");
}

}  // namespace

std::string json_schema(const std::map<std::string, OpSpec>& ops) {
  std::string definitions;
  std::string values;
  for (const Table* table : all_tables()) {
    if (table == &pipeline_table()) continue;
    std::string more;
    if (table == &step_table()) {
      more =
          cat(",\n    \"oneOf\": [{\"required\": [\"op\"]}, {\"required\": [\"model\"]}, "
              "{\"required\": [\"pipeline\"]}, {\"required\": [\"python\"]}]",
              operators(ops));
    }
    definitions += cat(",\n  ", quoted(table->name), ": ", object(*table, more));
    for (const Table* value :
         {&value_table(), &first_of_table(), &optional_table(), &gather_table()}) {
      if (value == table) values += cat(", {\"$ref\": ", reference_to(*table), "}");
    }
  }
  return cat(
      "{\n\"$schema\": \"http://json-schema.org/draft-07/schema#\",\n\"title\": \"leat "
      "pipeline\",\n\"$ref\": \"#/definitions/pipeline\",\n\"definitions\": {\n  "
      "\"any_value\": {\"anyOf\": [{\"type\": \"string\"}",
      values, "]},\n  \"pipeline\": ", object(pipeline_table(), ""), definitions, "\n}\n}\n");
}

}  // namespace leat
