// docs/pipeline.md says what the program does: its tables are the program's own, its examples load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "pipeline/schema.h"
#include "pipeline/testing/fakes.h"

namespace leat {
namespace {

std::string document() {
  std::ifstream stream("docs/pipeline.md");
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

TEST(Docs, TablesAreTheFormats) {
  constexpr std::string_view kHeading = "## All keys\n\n";
  std::string text = document();
  size_t begin = text.find(kHeading);
  ASSERT_NE(begin, std::string::npos);
  if (std::getenv("LEAT_WRITE_DOCS")) {  // `make docs`
    std::ofstream("docs/pipeline.md") << text.substr(0, begin + kHeading.size()) << option_tables();
    return;
  }
  EXPECT_EQ(text.substr(begin + kHeading.size()), option_tables());
}

TEST(Docs, ExamplesLoad) {
  FakeModels models;
  std::string text = document();
  constexpr std::string_view kBegin = "```yaml\n";
  int examples = 0;
  for (size_t at = text.find(kBegin); at != std::string::npos; at = text.find(kBegin, at)) {
    at += kBegin.size();
    std::string example = text.substr(at, text.find("```", at) - at);
    auto plan = compile_text(example, "example.yaml", ".", models);
    EXPECT_TRUE(plan.ok()) << plan.status().message() << "\n" << example;
    ++examples;
  }
  EXPECT_GE(examples, 4);
}

TEST(Schema, IsJsonAndNamesEverything) {
  std::string schema = json_schema(OpCatalogue::all());
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  ASSERT_EQ(parser.parse(schema).get(root), simdjson::SUCCESS);
  for (const char* path :
       {"/definitions/pipeline/properties/leat", "/definitions/step/properties/op",
        "/definitions/pad/properties/lengths", "/definitions/any_value/anyOf/4",
        "/definitions/step/allOf/1/then/properties/params"}) {
    simdjson::dom::element found;
    EXPECT_EQ(root.at_pointer(path).get(found), simdjson::SUCCESS) << path;
  }
}

}  // namespace
}  // namespace leat
