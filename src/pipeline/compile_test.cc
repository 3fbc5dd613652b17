#include "pipeline/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "pipeline/testing/fakes.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

// The plan of a file that must be right.
std::unique_ptr<Plan> plan_of(const std::string& text) {
  FakeModels models;
  auto plan = compile_text(text, "test.yaml", "tests/pipelines", models);
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return plan.ok() ? *std::move(plan) : nullptr;
}

std::string message_of(const std::string& text) {
  FakeModels models;
  return compile_text(text, "test.yaml", "tests/pipelines", models).status().message();
}

const Step& step_of(const Plan& plan, const std::string& name) {
  for (const Step& step : plan.steps) {
    if (step.name == name) return step;
  }
  throw std::runtime_error("there is no step " + name);
}

// A value's name, from where it lies: an independent reading of the slots.
std::string shown(const Plan& plan, const Source& source) {
  if (source.constant >= 0) return "constant";
  const Scope& scope = plan.scopes[static_cast<size_t>(source.scope)];
  if (source.scope == 0 && source.slot < static_cast<int>(plan.inputs.size())) {
    return plan.inputs[static_cast<size_t>(source.slot)].port.name;
  }
  if (source.scope > 0 && source.slot < static_cast<int>(scope.lists.size())) {
    return "row of " + shown(plan, scope.lists[static_cast<size_t>(source.slot)]);
  }
  if (source.scope > 0 && source.slot == scope.index_slot) return "index";
  for (const Step& step : plan.steps) {
    int port = source.slot - step.first_slot;
    if (step.scope == source.scope && port >= 0 && port < static_cast<int>(step.outputs.size())) {
      return step.name + "." + step.output_names[static_cast<size_t>(port)];
    }
  }
  for (const Gather& gather : plan.gathers) {
    if (gather.scope == source.scope && gather.slot == source.slot) {
      return "all of " + shown(plan, gather.source);
    }
    if (gather.scope == source.scope && gather.rows_slot == source.slot) {
      return "rows of " + shown(plan, gather.source);
    }
  }
  return "nothing";
}

std::string input_of(const Plan& plan, const std::string& step, size_t port = 0) {
  const auto& items = step_of(plan, step).inputs[port];
  std::string out;
  for (const Item& item : items) {
    for (const Source& source : item.alternatives) {
      out += (out.empty() ? "" : " or ") + shown(plan, source);
    }
  }
  return out;
}

std::string output_of(const Plan& plan, size_t i) {
  return shown(plan, plan.outputs[i].item.alternatives[0]);
}

// What must be true of every plan.
void check_plan(const Plan& plan) {
  std::map<std::pair<int, int>, int> made;  // scope and slot -> how often
  for (size_t i = 0; i < plan.inputs.size(); ++i) ++made[{0, static_cast<int>(i)}];
  for (size_t s = 1; s < plan.scopes.size(); ++s) {
    const Scope& scope = plan.scopes[s];
    ASSERT_GE(scope.parent, 0);
    ASSERT_LT(scope.parent, static_cast<int>(s));
    for (size_t i = 0; i < scope.lists.size(); ++i)
      ++made[{static_cast<int>(s), static_cast<int>(i)}];
    if (scope.index_slot >= 0) ++made[{static_cast<int>(s), scope.index_slot}];
  }
  for (const Step& step : plan.steps) {
    EXPECT_NE(step.op == nullptr, step.model == nullptr);
    for (size_t i = 0; i < step.outputs.size(); ++i) {
      ++made[{step.scope, step.first_slot + static_cast<int>(i)}];
    }
  }
  for (const Gather& gather : plan.gathers) {
    EXPECT_EQ(gather.scope, plan.scopes[static_cast<size_t>(gather.source.scope)].parent);
    ++made[{gather.scope, gather.slot}];
    if (gather.rows_slot >= 0) ++made[{gather.scope, gather.rows_slot}];
  }
  size_t slots = 0;
  for (const Scope& scope : plan.scopes) slots += static_cast<size_t>(scope.slots);
  EXPECT_EQ(made.size(), slots);
  for (const auto& [slot, times] : made) EXPECT_EQ(times, 1) << slot.first << "/" << slot.second;
  auto seen_from = [&](const Source& source, int reader) {
    if (source.constant >= 0) return source.constant < static_cast<int>(plan.constants.size());
    while (reader > 0 && reader != source.scope) {
      reader = plan.scopes[static_cast<size_t>(reader)].parent;
    }
    return reader == source.scope && made.contains({source.scope, source.slot});
  };
  for (const Step& step : plan.steps) {
    for (const auto& port : step.inputs) {
      for (const Item& item : port) {
        for (const Source& source : item.alternatives) EXPECT_TRUE(seen_from(source, step.scope));
      }
    }
    if (!step.when) continue;
    EXPECT_EQ(step.when->references.size(), step.when->expression.references().size());
    for (const Source& source : step.when->references) EXPECT_TRUE(seen_from(source, step.scope));
  }
  for (const PlanOutput& output : plan.outputs) {
    for (const Source& source : output.item.alternatives) EXPECT_TRUE(seen_from(source, 0));
  }
}

TEST(Compile, Things) {
  FakeModels models;
  auto compiled = compile_file("tests/pipelines/things.yaml", models);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  const Plan& plan = **compiled;
  check_plan(plan);
  EXPECT_EQ(plan.name, "things");
  EXPECT_EQ(plan.timeout, 500 * kMillisecond);
  ASSERT_EQ(plan.scopes.size(), 2u);
  EXPECT_EQ(plan.scopes[1].name, "found.boxes");
  EXPECT_EQ(input_of(plan, "crop", 0), "decode.image");
  EXPECT_EQ(input_of(plan, "crop", 1), "row of found.boxes");
  EXPECT_EQ(step_of(plan, "view").scope, 1);
  EXPECT_EQ(step_of(plan, "label").scope, 1);
  EXPECT_EQ(step_of(plan, "preview").scope, 0);
  EXPECT_EQ(output_of(plan, 0), "found.boxes");
  EXPECT_EQ(output_of(plan, 1), "all of label.labels");
  EXPECT_EQ(plan.outputs[1].type.text(), "BYTES[?,1]");
  EXPECT_FALSE(plan.outputs[1].ragged);
  EXPECT_FALSE(plan.outputs[1].may_be_absent);
  EXPECT_TRUE(plan.outputs[2].may_be_absent);
  // The detector takes one item at a time, the classifier batches.
  const Step& detect = step_of(plan, "detect");
  EXPECT_EQ(detect.options.batch_max, 1);
  EXPECT_EQ(detect.options.instances, 2);
  EXPECT_EQ(detect.input_types[0].text(), "FP32[3,416,416]");
  EXPECT_EQ(detect.outputs[0].text(), "FP32[3549,85]");
  EXPECT_THAT(detect.input_axis, ElementsAre(0));
  const Step& classify = step_of(plan, "classify");
  EXPECT_EQ(classify.options.batch_max, 16);
  EXPECT_EQ(classify.options.batch_delay, kMillisecond);
  EXPECT_EQ(classify.input_types[0].text(), "FP32[3,224,224]");
  // What operators were told of the steps after them.
  EXPECT_THAT(step_of(plan, "prepare").op->remark(), HasSubstr("wanted FP32[3,416,416]"));
  EXPECT_THAT(step_of(plan, "view").op->remark(), HasSubstr("wanted FP32[3,224,224]"));
  EXPECT_EQ(step_of(plan, "prepare").outputs[0].text(), "FP32[3,416,416]");
  // decode feeds a crop and an encoder, which need the full picture; crop feeds only view.
  EXPECT_THAT(step_of(plan, "decode").op->remark(), testing::Not(HasSubstr("need")));
  EXPECT_THAT(step_of(plan, "crop").op->remark(), HasSubstr("need 224x224"));
}

// A file around these steps and outputs, each a line of flow style.
std::string file(const std::string& inputs, const std::string& steps, const std::string& outputs) {
  return "leat: 1\ninputs:\n" + inputs + "steps:\n" + steps + "outputs:\n" + outputs;
}

// Two lists of boxes, and a third within each row of the first.
const std::string kInputs = "  v: FP32[?,4]\n  w: FP32[?,4]\n  x: FP32[4]\n  deep: FP32[?,?,4]\n";

std::string scopes_of(const Plan& plan) {
  std::string out;
  for (size_t i = 1; i < plan.scopes.size(); ++i) {
    out += cat(i == 1 ? "" : "; ", plan.scopes[i].parent, ": ", plan.scopes[i].name);
  }
  return out;
}

TEST(CompileScopes, Loops) {
  struct {
    const char* what;
    const char* steps;
    const char* outputs;
    const char* scopes;  // parent: lists, of each loop
    const char* inputs;  // of step s
  } const cases[] = {
      {"no loop", "  s: { op: fake.same, inputs: { x: v } }\n", "  o: s.y\n", "", "v"},
      {"one list", "  s: { op: fake.same, for_each: v, inputs: { x: v } }\n", "  o: s.y\n", "0: v",
       "row of v"},
      {"whole from outside", "  s: { op: fake.same, for_each: v, inputs: { x: w } }\n",
       "  o: s.y\n", "0: v", "w"},
      {"two steps, one loop",
       "  a: { op: fake.same, for_each: v, inputs: { x: v } }\n"
       "  s: { op: fake.add, for_each: v, inputs: { a: a.y, b: v } }\n",
       "  o: s.sum\n", "0: v", "a.y"},
      {"joined by one list in common",
       "  a: { op: fake.same, for_each: v, inputs: { x: v } }\n"
       "  s: { op: fake.add, for_each: [v, w], inputs: { a: a.y, b: w } }\n",
       "  o: s.sum\n", "0: v, w", "a.y"},
      {"joined only through a third",
       "  a: { op: fake.same, for_each: v, inputs: { x: v } }\n"
       "  b: { op: fake.same, for_each: w, inputs: { x: w } }\n"
       "  c: { op: fake.same, for_each: [w, v], inputs: { x: w } }\n"
       "  s: { op: fake.add, inputs: { a: a.y, b: b.y } }\n",
       "  o: s.sum\n  p: c.y\n", "0: v, w", "a.y"},
      {"inherited by use",
       "  a: { op: fake.same, for_each: v, inputs: { x: v } }\n"
       "  s: { op: fake.add, inputs: { a: a.y, b: x } }\n",
       "  o: s.sum\n", "0: v", "a.y"},
      {"inherited by condition",
       "  a: { op: fake.same, for_each: v, inputs: { x: v } }\n"
       "  s: { op: fake.same, when: size(a.y) > 2, inputs: { x: v } }\n",
       "  o: s.y\n", "0: v", "row of v"},
      {"nested by a list made inside",
       "  a: { op: fake.same, for_each: deep, inputs: { x: deep } }\n"
       "  s: { op: fake.same, for_each: a.y, inputs: { x: a.y } }\n",
       "  o: s.y\n", "0: deep; 1: a.y", "row of a.y"},
      {"gathered, back outside",
       "  a: { op: fake.same, for_each: v, inputs: { x: v } }\n"
       "  s: { op: fake.same, inputs: { x: { gather: a.y } } }\n",
       "  o: s.y\n", "0: v", "all of a.y"},
      {"index", "  s: { op: fake.number, for_each: v, inputs: { x: index } }\n", "  o: s.y\n",
       "0: v", "index"},
      {"kept rows",
       "  a: { op: fake.same, for_each: v, when: max(v) > 0, inputs: { x: v } }\n"
       "  b: { op: fake.same, inputs: { x: { gather: a.y, absent: drop } } }\n"
       "  s: { op: fake.same, inputs: { x: rows(a.y) } }\n",
       "  o: b.y\n  p: s.y\n", "0: v", "rows of a.y"},
      {"first_of of two depths",
       "  a: { op: fake.same, for_each: v, when: max(v) > 0, inputs: { x: v } }\n"
       "  s: { op: fake.same, inputs: { x: { first_of: [a.y, x] } } }\n",
       "  o: s.y\n", "0: v", "a.y or x"},
      {"a gathered list walked again",
       "  a: { op: fake.same, for_each: v, inputs: { x: v } }\n"
       "  s: { op: fake.same, for_each: { gather: a.y }, inputs: { x: { gather: a.y } } }\n",
       "  o: s.y\n", "0: v; 0: gather of a.y", "row of all of a.y"},
      {"a list from outside, walked with one from inside",
       "  a: { op: fake.same, for_each: deep, inputs: { x: deep } }\n"
       "  s: { op: fake.add, for_each: [w, a.y], inputs: { a: w, b: a.y } }\n",
       "  o: s.sum\n", "0: deep; 1: w, a.y", "row of w"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    auto plan = plan_of(file(kInputs, c.steps, c.outputs));
    ASSERT_TRUE(plan);
    check_plan(*plan);
    EXPECT_EQ(scopes_of(*plan), c.scopes);
    EXPECT_EQ(input_of(*plan, "s"), c.inputs);
  }
}

TEST(CompileScopes, OutputsCloseAllLoops) {
  auto plan = plan_of(file(kInputs,
                           "  a: { op: fake.same, for_each: deep, inputs: { x: deep } }\n"
                           "  b: { op: fake.add, for_each: a.y, inputs: { a: a.y, b: x } }\n",
                           "  o: b.sum\n  p: { gather: b.sum }\n"));
  ASSERT_TRUE(plan);
  check_plan(*plan);
  EXPECT_EQ(output_of(*plan, 0), "all of all of b.sum");
  EXPECT_EQ(plan->outputs[0].type.text(), "FP32[?,?,4]");
  EXPECT_TRUE(plan->outputs[0].ragged);
  EXPECT_EQ(output_of(*plan, 1), "all of all of b.sum");
}

TEST(CompileTypes, RaggedOnlyWhereRowsMayDiffer) {
  struct {
    const char* steps;
    const char* output;
    const char* type;
    bool ragged;
  } const cases[] = {
      {"  s: { op: fake.same, for_each: v, inputs: { x: v } }\n", "s.y", "FP32[?,4]", false},
      {"  s: { op: fake.same, for_each: deep, inputs: { x: deep } }\n", "s.y", "FP32[?,?,4]", true},
      {"  s: { op: fake.number, for_each: v, inputs: { x: index } }\n", "s.y", "FP32[?]", false},
      {"  s: { op: fake.top, for_each: v, inputs: { scores: v }, params: { k: 2 } }\n", "s.values",
       "FP32[?,2]", false},
  };
  for (const auto& c : cases) {
    auto plan = plan_of(file(kInputs, c.steps, cat("  o: ", c.output, "\n")));
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->outputs[0].type.text(), c.type) << c.steps;
    EXPECT_EQ(plan->outputs[0].ragged, c.ragged) << c.steps;
  }
}

TEST(CompileTypes, DimensionsAreUnifiedByName) {
  auto plan = plan_of(file("  a: FP32[5]\n  b: FP32[?]\n",
                           "  s: { op: fake.add, inputs: { a: a, b: b } }\n", "  o: s.sum\n"));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->outputs[0].type.text(), "FP32[5]");
  EXPECT_EQ(step_of(*plan, "s").input_types[1].text(), "FP32[5]");
}

TEST(CompileTypes, WhatMayBeAbsent) {
  const std::string inputs =
      "  a: { type: \"FP32[3]\", optional: true }\n  b: FP32[3]\n"
      "  c: { type: FP32, shape: [3], default: [1, 2, 3] }\n  d: { type: FP32, optional: true }\n";
  struct {
    const char* steps;
    bool absent;
  } const cases[] = {
      {"  s: { op: fake.same, inputs: { x: b } }\n", false},
      {"  s: { op: fake.same, inputs: { x: c } }\n", false},
      {"  s: { op: fake.same, inputs: { x: a } }\n", true},
      {"  s: { op: fake.same, inputs: { x: { first_of: [a, b] } } }\n", false},
      {"  s: { op: fake.same, inputs: { x: { optional: a } } }\n", false},
      {"  s: { op: fake.same, when: present(a), inputs: { x: b } }\n", true},
      {"  s: { op: fake.same, on_error: skip, inputs: { x: b } }\n", true},
      {"  s: { op: fake.same, on_error: { use: { y: [0, 0, 0] } }, inputs: { x: b } }\n", false},
      {"  s: { op: fake.same, for_each: b, inputs: { x: b } }\n", false},
      {"  s: { op: fake.same, for_each: a, inputs: { x: a } }\n", true},
      {"  t: { op: fake.add, inputs: { a: b, b: b, c: { value: 1.5 } } }\n"
       "  s: { op: fake.same, inputs: { x: t.of_c } }\n",
       false},
      {"  t: { op: fake.add, inputs: { a: b, b: b, c: d } }\n"
       "  s: { op: fake.same, inputs: { x: t.of_c } }\n",
       true},
      {"  t: { op: fake.add, inputs: { a: b, b: b, c: d } }\n"
       "  s: { op: fake.same, inputs: { x: t.sum } }\n",
       false},
  };
  for (const auto& c : cases) {
    auto plan = plan_of(file(inputs, c.steps, "  o: s.y\n"));
    ASSERT_TRUE(plan);
    check_plan(*plan);
    EXPECT_EQ(plan->outputs[0].may_be_absent, c.absent) << c.steps;
  }
}

TEST(CompileModels, BatchAxes) {
  struct {
    const char* step;
    int64_t max;
    std::vector<int> inputs, outputs;
    const char* item;
  } const cases[] = {
      {"  m: { model: words.onnx, inputs: { tokens: t, mask: t } }\n",
       4,
       {0, 0},
       {0, 0},
       "INT64[length]"},
      {"  m: { model: words.onnx, inputs: { tokens: t, mask: t }, batch: { max: 3 } }\n",
       3,
       {0, 0},
       {0, 0},
       "INT64[length]"},
      {"  m: { model: speech.onnx, inputs: { input: s, state: st, sr: { value: 16000 } },\n"
       "       batch: { axis: { state: 1, stateN: 1 } } }\n",
       4,
       {0, 1, -1},
       {0, 1},
       "FP32[?]"},
      {"  m: { model: whole.onnx, inputs: { x: four } }\n", 1, {0}, {-1}, "FP32[4]"},
      {"  m: { model: whole.onnx, inputs: { x: many }, batch: { axis: none } }\n",
       1,
       {-1},
       {-1},
       "FP32[n,4]"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.step);
    auto plan = plan_of(
        file("  t: INT64[?]\n  s: FP32[?]\n  st: FP32[2,128]\n  four: FP32[4]\n"
             "  many: FP32[?,4]\n",
             c.step,
             std::string(c.step).find("words") != std::string::npos    ? "  o: m[\"inputs:0\"]\n"
             : std::string(c.step).find("speech") != std::string::npos ? "  o: m.output\n"
                                                                       : "  o: m.mean\n"));
    ASSERT_TRUE(plan);
    const Step& step = step_of(*plan, "m");
    EXPECT_EQ(step.options.batch_max, c.max);
    EXPECT_EQ(step.input_axis, c.inputs);
    EXPECT_EQ(step.output_axis, c.outputs);
    EXPECT_EQ(step.input_types[0].text(), c.item);
  }
}

TEST(CompileModels, PadTrimAndNewNames) {
  auto plan = plan_of(file("  x: FP32[80,?]\n",
                           "  m:\n"
                           "    model: lengths.onnx\n"
                           "    ports: { audio: x, text: y }\n"
                           "    inputs: { audio: x }\n"
                           "    pad: { port: audio, axis: 1, to: { multiple: 32 }, lengths: len }\n"
                           "    trim: { port: text, axis: 0, scale: 0.25 }\n",
                           "  o: m.text\n"));
  ASSERT_TRUE(plan);
  const Step& step = step_of(*plan, "m");
  ASSERT_TRUE(step.options.pad);
  EXPECT_EQ(step.options.pad->input, 0);
  EXPECT_EQ(step.options.pad->axis, 1);
  EXPECT_EQ(step.options.pad->multiple, 32);
  EXPECT_EQ(step.options.pad->lengths, 1);
  ASSERT_EQ(step.options.trim.size(), 1u);
  EXPECT_EQ(step.options.trim[0].scale, 0.25);
}

TEST(CompileModels, EqualOptionsShare) {
  const std::string one = "model: classifier.onnx, inputs: { input: x }";
  auto plan = plan_of(file("  x: FP32[3,224,224]\n",
                           "  a: { " + one + " }\n  b: { " + one + ", batch: { max: 4 } }\n" +
                               "  c: { " + one + ", batch: { max: 8 } }\n  d: { " + one +
                               ", instances: 2 }\n  e: { model: ./classifier.onnx, inputs: { "
                               "input: x } }\n",
                           "  a: a.output\n  b: b.output\n  c: c.output\n  d: d.output\n"
                           "  e: e.output\n"));
  ASSERT_TRUE(plan);
  auto key = [&](const char* name) { return step_of(*plan, name).model_key; };
  EXPECT_EQ(key("a"), key("b"));
  EXPECT_EQ(key("a"), key("e"));
  EXPECT_NE(key("a"), key("c"));
  EXPECT_NE(key("a"), key("d"));
}

TEST(CompileModels, BareModels) {
  FakeModels models;
  struct {
    const char* file;
    bool batched;
    const char* input;
    const char* output;
    int64_t max;
  } const cases[] = {
      {"detector.onnx", false, "FP32[1,3,416,416]", "FP32[1,3549,85]", 1},
      {"classifier.onnx", true, "FP32[3,224,224]", "FP32[1000]", 4},
      {"whole.onnx", false, "FP32[n,4]", "FP32[4]", 1},
  };
  for (const auto& c : cases) {
    auto plan = compile_model(c.file, models);
    ASSERT_TRUE(plan.ok());
    check_plan(**plan);
    EXPECT_EQ((*plan)->batched, c.batched);
    EXPECT_EQ((*plan)->inputs[0].port.type.text(), c.input);
    EXPECT_EQ((*plan)->outputs[0].type.text(), c.output);
    EXPECT_EQ((*plan)->steps[0].options.batch_max, c.max);
    EXPECT_EQ((*plan)->platform, "fake");
  }
  EXPECT_EQ(compile_model("none.onnx", models).status().code(), Code::kNotFound);
}

TEST(CompileIncluded, IsInlined) {
  auto plan = plan_of(file(kInputs + "  photo: BYTES\n",
                           "  sub: { pipeline: inner.yaml, for_each: v, when: max(v) > 0,\n"
                           "         inputs: { picture: photo, boxes: w } }\n"
                           "  s: { op: fake.join, inputs: { parts: [sub.best, x] } }\n",
                           "  o: s.whole\n  p: sub.pieces\n"));
  ASSERT_TRUE(plan);
  check_plan(*plan);
  EXPECT_EQ(scopes_of(*plan), "0: v; 1: w");
  EXPECT_EQ(output_of(*plan, 1), "all of all of sub.crop.image");
  EXPECT_EQ(input_of(*plan, "sub.decode"), "photo");
  EXPECT_EQ(step_of(*plan, "sub.decode").scope, 1);
  EXPECT_EQ(input_of(*plan, "sub.crop", 1), "row of w");
  EXPECT_EQ(input_of(*plan, "sub.size"), "constant");  // the default of its input
  EXPECT_EQ(input_of(*plan, "s"), "all of sub.size.y or x");
  EXPECT_EQ(step_of(*plan, "sub.crop").when->references.size(), 2u);  // the outer's and its own
  EXPECT_EQ(step_of(*plan, "sub.crop").options.timeout, 200 * kMillisecond);
  EXPECT_EQ(step_of(*plan, "sub.crop").place.file, "inner.yaml");
}

TEST(CompileIncluded, LeavesOutWhatIsNotNeeded) {
  auto plan =
      plan_of(file(kInputs + "  photo: BYTES\n",
                   "  sub: { pipeline: inner.yaml, inputs: { picture: photo, boxes: w } }\n",
                   "  o: sub.best\n"));
  ASSERT_TRUE(plan);
  check_plan(*plan);
  ASSERT_EQ(plan->steps.size(), 1u);
  EXPECT_EQ(plan->steps[0].name, "sub.size");
}

TEST(Compile, VariablesNeverShow) {
  ::setenv("LEAT_TEST_SECRET", "hunter2hunter2", 1);
  ::setenv("LEAT_TEST_FOLDER", "/secret/folder", 1);
  for (const char* steps : {
           "  s: { op: \"${LEAT_TEST_SECRET}\", inputs: { x: v } }\n",
           "  s: { op: fake.same, inputs: { x: \"${LEAT_TEST_SECRET}\" } }\n",
           "  s: { op: fake.same, inputs: { x: \"${LEAT_TEST_SECRET}.y\" } }\n",
           "  s: { op: fake.same, when: \"${LEAT_TEST_SECRET} ==\", inputs: { x: v } }\n",
           "  s: { op: fake.number, inputs: { x: { value: \"${LEAT_TEST_SECRET}\" } } }\n",
           "  s: { op: fake.encode, params: { format: \"${LEAT_TEST_SECRET}\" } }\n",
           "  s: { model: \"${LEAT_TEST_FOLDER}/m.onnx\", inputs: { x: v } }\n",
           "  s: { pipeline: \"${LEAT_TEST_FOLDER}/m.yaml\", inputs: { x: v } }\n",
           "  s: { op: fake.same, timeout: \"${LEAT_TEST_SECRET}\", inputs: { x: v } }\n",
           "  s: { op: fake.same, device: \"${LEAT_TEST_SECRET}\", inputs: { x: v } }\n",
       }) {
    std::string message = message_of(file(kInputs, steps, "  o: s.y\n"));
    EXPECT_FALSE(message.empty()) << steps;
    EXPECT_THAT(message, testing::Not(HasSubstr("hunter2"))) << message;
    EXPECT_THAT(message, testing::Not(HasSubstr("/secret"))) << message;
  }
}

TEST(Compile, Variables) {
  auto plan = plan_of(file("  v: \"FP32[${LEAT_TEST_UNSET:-7}]\"\n",
                           "  s: { op: fake.same, instances: \"${LEAT_TEST_UNSET:-2}\", "
                           "inputs: { x: v } }\n",
                           "  o: s.y\n"));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->outputs[0].type.text(), "FP32[7]");
  EXPECT_EQ(plan->steps[0].options.instances, 2);
}

// Bytes changed, taken out and doubled: an answer always comes, and a plan that comes is sound.
TEST(Compile, SurvivesChangedFiles) {
  FakeModels models;
  std::vector<std::string> seeds;
  for (const char* folder : {"tests/pipelines", "tests/bad_pipelines"}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".yaml") seeds.push_back(read(entry.path()));
    }
  }
  std::mt19937 random(7);
  auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  for (int round = 0; round < 2000; ++round) {
    std::string text = seeds[below(seeds.size())];
    for (size_t changes = 1 + below(3); changes > 0 && !text.empty(); --changes) {
      size_t at = below(text.size());
      size_t length = std::min(text.size() - at, 1 + below(12));
      switch (below(3)) {
        case 0:
          text[at] = "[]{}:,-\n &*#'\"%x0."[below(19)];
          break;
        case 1:
          text.erase(at, length);
          break;
        default:
          text.insert(below(text.size()), text.substr(at, length));
          break;
      }
    }
    auto plan = compile_text(text, "changed.yaml", "tests/bad_pipelines", models);
    if (plan.ok()) {
      check_plan(**plan);
    } else {
      EXPECT_FALSE(plan.status().message().empty());
    }
  }
}

// Each file in tests/bad_pipelines says what is wrong with it: `# expect: LINE:COLUMN: message`.
TEST(Compile, EveryMistakeIsTold) {
  FakeModels models;
  size_t files = 0;
  std::set<fs::path> paths;
  for (const auto& entry : fs::directory_iterator("tests/bad_pipelines")) {
    if (entry.path().extension() == ".yaml") paths.insert(entry.path());
  }
  for (const fs::path& path : paths) {
    SCOPED_TRACE(path);
    std::vector<std::string> expected;
    std::istringstream lines(read(path));
    for (std::string line; std::getline(lines, line);) {
      constexpr std::string_view kMark = "# expect: ";
      size_t at = line.find(kMark);
      if (at != std::string::npos) expected.push_back(line.substr(at + kMark.size()));
    }
    if (expected.empty()) continue;  // is included by another
    ++files;
    auto plan = compile_file(path.string(), models);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.status().code(), Code::kBadInput);
    std::vector<std::string> found;
    std::istringstream messages(plan.status().message());
    std::string own = path.string() + ":";
    for (std::string line; std::getline(messages, line);) {
      found.push_back(line.starts_with(own) ? line.substr(own.size()) : line);
    }
    EXPECT_EQ(found, expected);
  }
  EXPECT_GE(files, 50u);
}

}  // namespace
}  // namespace leat
