// The Python side of a worker, driven as the server drives it. LEAT_PYTHON names another
// interpreter with numpy than the tests' own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/text.h"
#include "worker/python.h"
#include "worker/testing/await.h"
#include "worker/wire.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Ports = std::vector<std::string>;  // name, type, name, type ...

constexpr uint64_t kMiB = 1 << 20;

std::string interpreter() {
  const char* named = std::getenv("LEAT_PYTHON");
  return named ? named : "build/deps/venv/bin/python";
}

struct Answer {
  Status status;
  std::vector<Tensor> outputs;
  std::vector<uint32_t> whole;
  std::map<uint32_t, std::pair<Code, std::string>> errors;
};

// A note that cannot be fails the test.
void read_note(std::string_view note, Answer& answer) {
  auto number = [&] {
    uint32_t value = 0;
    EXPECT_GE(note.size(), sizeof value);
    std::memcpy(&value, note.data(), std::min(note.size(), sizeof value));
    note.remove_prefix(std::min(note.size(), sizeof value));
    return value;
  };
  for (uint32_t ports = number(); ports > 0; --ports) answer.whole.push_back(number());
  for (uint32_t errors = number(); errors > 0; --errors) {
    uint32_t item = number();
    auto code = static_cast<Code>(number());
    uint32_t length = number();
    answer.errors[item] = {code, std::string(note.substr(0, length))};
    note.remove_prefix(std::min<size_t>(length, note.size()));
  }
  EXPECT_EQ(note.size(), 0u);
}

class PythonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (system((interpreter() + " -c 'import numpy'").c_str()) != 0) {
      GTEST_SKIP() << interpreter() << " has no numpy: tools/setup.sh demo installs it";
    }
    char name[] = "/tmp/leat-python-XXXXXX";
    folder = mkdtemp(name);
  }
  void TearDown() override {
    worker.reset();
    if (!folder.empty()) std::filesystem::remove_all(folder);
  }

  // Starts a worker with the class Step of `code`; its answer to the setup.
  Answer start(const std::string& code, const std::string& params = "{}", const Ports& inputs = {},
               const Ports& outputs = {}) {
    path = folder / "steps.py";
    std::ofstream(path) << "import numpy as np, leat_step\n" << code;
    WorkerSetup setup{
        .program = interpreter(), .arguments = python_words(), .arena_bytes = arena_bytes};
    auto started = Worker::start(setup, *exchange);
    EXPECT_TRUE(started.ok()) << started.status().message();
    worker = *std::move(started);
    batches = 0;
    std::vector<std::string> words = {"python", "things", path, "Step", params};
    for (const Ports& ports : {inputs, outputs}) {
      words.push_back(std::to_string(ports.size() / 2));
      words.insert(words.end(), ports.begin(), ports.end());
    }
    std::vector<std::string_view> views(words.begin(), words.end());
    Tensor texts = *Tensor::strings(views);
    return ask({texts}, 1);
  }
  void must_start(const std::string& code, const Ports& inputs = {}, const Ports& outputs = {}) {
    Answer answer = start(code, "{}", inputs, outputs);
    ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  }

  // One batch. An empty answer: the worker has ended.
  Answer ask(const std::vector<Tensor>& inputs, uint64_t items) {
    Status sent = worker->send(++batches, inputs, items);
    EXPECT_TRUE(sent.ok()) << sent.message();
    Worker::Done done;
    auto any = AwaitWorker(*worker).next(done);
    EXPECT_TRUE(any.ok()) << any.status().message();
    Answer answer;
    if (!any.ok() || !*any) return answer;
    answer.status = done.status;
    answer.outputs = std::move(done.outputs);
    if (done.status.ok() && batches > 1) read_note(done.note, answer);
    return answer;
  }
  // A batch of one with one input, which must work.
  Tensor one(const Tensor& input) {
    Answer answer = ask({input}, 1);
    EXPECT_TRUE(answer.status.ok()) << answer.status.message();
    for (auto& [item, error] : answer.errors) ADD_FAILURE() << error.second;
    return answer.outputs.size() == 1 ? answer.outputs[0] : Tensor();
  }
  // Why a batch of one failed.
  std::string why(const Tensor& input) {
    Answer answer = ask({input}, 1);
    EXPECT_TRUE(answer.status.ok()) << answer.status.message();
    return answer.errors.contains(0) ? answer.errors[0].second : "it did not fail";
  }

  Tensor in_exchange(const Tensor& tensor) { return *copy_into(*exchange, tensor); }

  std::unique_ptr<Arena> exchange = *Arena::shared("exchange", 64 * kMiB);
  uint64_t arena_bytes = 16 * kMiB;
  std::filesystem::path folder, path;
  std::unique_ptr<Worker> worker;
  uint64_t batches = 0;
};

Tensor text(std::string_view of) { return *Tensor::bytes(of); }
Tensor floats(std::initializer_list<float> values) {
  return *Tensor::of(std::span(values.begin(), values.size()),
                     Shape{static_cast<int64_t>(values.size())});
}
Tensor number(float value) { return *Tensor::scalar(value); }

std::vector<std::string> strings(const Tensor& tensor) {
  std::vector<std::string> all;
  for (int64_t i = 0; i < tensor.shape().elements(); ++i) all.emplace_back(tensor.string(i));
  return all;
}

// What `x` is to the step, as text: see kDescribe.
const char* kDescribe = R"py(
class Step:
    inputs, outputs = {"x": "ANY[...]"}, {"y": "BYTES"}
    def __call__(self, batch):
        x = batch["x"]
        if isinstance(x, np.ndarray):
            said = f"{x.dtype}{list(x.shape)} {'rw'[x.flags.writeable]} {x.tolist()}"
        else:
            said = repr(x)
        return {"y": [said] * len(x)}
)py";

// --- Setup.

TEST_F(PythonTest, IntroducesItself) {
  Answer answer = start(R"py(
class Step:
    inputs, outputs = {"x": "FP32[16]", "z": "BYTES"}, {"y": "IMAGE"}
    side_effects = True
    def __init__(self, by, name): assert (by, name) == (2.5, "n")
    def __call__(self, batch): pass
)py",
                        R"({"by": 2.5, "name": "n"})");
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  ASSERT_EQ(answer.outputs.size(), 1u);
  EXPECT_THAT(strings(answer.outputs[0]),
              ElementsAre("2", "x", "FP32[16]", "z", "BYTES", "1", "y", "IMAGE", "1"));
  // What the file says comes first.
  answer = start(kDescribe, "{}", {"x", "FP32[3]"}, {"y", "BYTES"});
  EXPECT_THAT(strings(answer.outputs[0]), ElementsAre("1", "x", "FP32[3]", "1", "y", "BYTES", "0"));
}

TEST_F(PythonTest, WhatIsWrongWithAStep) {
  const std::string call = "    def __call__(self, batch): pass\n";
  const std::string ports = "    inputs, outputs = {'x': 'FP32'}, {'y': 'FP32'}\n";
  const std::string good = "class Step:\n" + ports + call;
  struct Case {
    std::string code, error, params = "{}";
  };
  const Case cases[] = {
      {"import cv9\n" + good, "ModuleNotFoundError: No module named 'cv9'"},
      {"class Stop:\n" + ports + call, "AttributeError: "},
      {"x = = 1\n", "SyntaxError: invalid syntax (steps.py, line 2)"},
      {"class Step:\n" + call, "TypeError: Step does not say its inputs: inputs = {"},
      {"class Step:\n    inputs = {}\n" + call, "TypeError: Step does not say its outputs: "},
      {"class Step:\n" + ports + "    pass\n", "TypeError: Step has no __call__(self, batch)"},
      {"class Step:\n    inputs, outputs = {'x': 'FP33'}, {}\n" + call,
       "ValueError: input x: 'FP33' is no type"},
      {"class Step:\n    inputs, outputs = {}, {'y': float}\n" + call,
       "ValueError: output y: <class 'float'> is no type"},
      {good, "TypeError: Step() takes no arguments", R"({"by": 1})"},
      {"import sys; sys.exit('no licence')", "SystemExit: no licence"},
      {"raise ValueError('one\\n  two')", "ValueError: one two"},
  };
  for (const Case& one : cases) {
    Answer answer = start(one.code, one.params);
    EXPECT_EQ(answer.status.code(), Code::kStepFailed) << one.code;
    EXPECT_THAT(answer.status.message(), HasSubstr(one.error));
  }
}

TEST_F(PythonTest, WithoutNumpy) {
  std::vector<std::string> words = python_words();
  words.insert(words.begin(), {"-I", "-S"});
  auto started = Worker::start({.program = interpreter(), .arguments = words}, *exchange);
  worker = *std::move(started);
  const std::string_view setup[] = {"python", "things", "/nowhere.py", "Step", "{}", "0", "0"};
  Answer answer = ask({*Tensor::strings(setup)}, 1);
  EXPECT_EQ(answer.status.code(), Code::kStepFailed);
  EXPECT_THAT(answer.status.message(), HasSubstr("No module named 'numpy'"));
  EXPECT_THAT(answer.status.message(), HasSubstr("-m pip install numpy"));
}

TEST_F(PythonTest, ItsFolderHoldsModules) {
  std::ofstream(folder / "near.py") << "VALUE = 7";
  std::ofstream(folder / "json.py") << "raise ImportError('not the one')";
  must_start(R"py(
import json, sys, near
class Step:
    inputs, outputs = {"x": "FP32"}, {"y": "BYTES"}
    def __call__(self, batch):
        return {"y": [f"{near.VALUE} {__name__} {sys.argv[0] == __file__}"]}
)py");
  EXPECT_EQ(one(number(1)).string(), "7 steps True");
}

// --- Inputs and outputs.

TEST_F(PythonTest, EveryTypeThereAndBack) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "NUMBER[...]"}, {"same": "ANY[...]", "copy": "ANY[...]"}
    def __call__(self, batch):
        x = batch["x"]
        assert not x.flags.writeable and len(x) == 1
        return {"same": x, "copy": x[:, ::-1].copy()[:, ::-1]}
)py");
  const char* numpy[] = {"bool",  "uint8", "uint16",  "uint32", "uint64",  "int8",   "int16",
                         "int32", "int64", "float16", "uint16", "float32", "float64"};
  for (int i = 0; i < kDTypes - 1; ++i) {
    auto type = static_cast<DType>(i);
    Tensor made = *Tensor::allocate(type, Shape{3, 2});
    for (size_t b = 0; b < made.byte_size(); ++b) {
      made.mutable_data()[b] = static_cast<std::byte>(type == DType::kBool ? b % 2 : 50 + b);
    }
    Tensor x = in_exchange(made);
    Answer answer = ask({x}, 1);
    ASSERT_EQ(answer.outputs.size(), 2u) << answer.status.message();
    // Types without one of their own in numpy come back as what they are there.
    DType back = type == DType::kBf16 ? DType::kUint16 : type;
    EXPECT_EQ(answer.outputs[0].dtype(), back) << numpy[i];
    EXPECT_EQ(answer.outputs[0].data(), x.data());
    EXPECT_EQ(answer.outputs[1].dtype(), back);
    EXPECT_NE(answer.outputs[1].data(), x.data());
    ASSERT_EQ(answer.outputs[1].byte_size(), x.byte_size());
    EXPECT_EQ(std::memcmp(answer.outputs[1].data(), x.data(), x.byte_size()), 0) << numpy[i];
  }
  must_start(kDescribe);
  for (int i = 0; i < kDTypes - 1; ++i) {
    Tensor made = *Tensor::allocate(static_cast<DType>(i), Shape{2});
    std::memset(made.mutable_data(), 0, made.byte_size());
    EXPECT_THAT(std::string(one(made).string()), HasSubstr(cat(numpy[i], "[1, 2] r ")));
  }
}

TEST_F(PythonTest, Bf16IsDeclared) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "BF16[2]"}, {"y": "BF16[2]"}
    def __call__(self, batch): return {"y": batch["x"] + np.uint16(1)}
)py");
  Tensor x = *Tensor::allocate(DType::kBf16, Shape{2});
  std::memset(x.mutable_data(), 1, 4);
  Tensor y = one(x);
  EXPECT_EQ(y.dtype(), DType::kBf16);
  EXPECT_EQ(reinterpret_cast<const uint16_t*>(y.data())[1], 0x0102);
}

TEST_F(PythonTest, HowItemsCome) {
  must_start(kDescribe);
  auto said = [&](std::vector<Tensor> items) {
    Answer answer = ask(items, items.size());
    EXPECT_TRUE(answer.status.ok()) << answer.status.message();
    EXPECT_EQ(answer.outputs.size(), items.size());
    return std::string(answer.outputs.at(0).string());
  };
  Tensor all = in_exchange(floats({1, 2, 3, 4, 5, 6}).reshaped(Shape{3, 2}));
  EXPECT_EQ(said({all.row(0), all.row(1), all.row(2)}),
            "float32[3, 2] r [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]");
  EXPECT_EQ(said({all.row(2), all.row(0)}), "float32[2, 2] r [[5.0, 6.0], [1.0, 2.0]]");
  EXPECT_EQ(said({number(5)}), "float32[1] r [5.0]");
  EXPECT_EQ(said({number(5), number(6)}), "float32[2] r [5.0, 6.0]");
  EXPECT_THAT(said({all.row(0), number(5)}),
              HasSubstr("[array([1., 2.], dtype=float32), array(5."));
  EXPECT_THAT(said({all.row(0), Tensor()}), HasSubstr("dtype=float32), None]"));
  EXPECT_EQ(said({Tensor()}), "[None]");
  EXPECT_EQ(said({text("a photo"), text("")}), "[b'a photo', b'']");
  const std::string_view two[] = {"a", "bc"}, three[] = {"", "d", "e"};
  Tensor some = *Tensor::strings(two), more = *Tensor::strings(three);
  EXPECT_EQ(said({some}), "object[1, 2] w [[b'a', b'bc']]");
  EXPECT_EQ(said({some, some}), "object[2, 2] w [[b'a', b'bc'], [b'a', b'bc']]");
  EXPECT_EQ(said({more.rows(1, 3), some}), "object[2, 2] w [[b'd', b'e'], [b'a', b'bc']]");
  EXPECT_THAT(said({some, more}), HasSubstr("array([b'', b'd', b'e'], dtype=object)]"));
  EXPECT_EQ(said({*Tensor::allocate(DType::kFp32, Shape{0, 4})}), "float32[1, 0, 4] r [[]]");
}

TEST_F(PythonTest, ViewsStayWhereTheyAre) {
  must_start(R"py(
class Step:
    inputs = {"a": "FP32[4]", "b": "FP32[4]"}
    outputs = {"all": "FP32[4]", "halves": "FP32[2]", "turned": "FP32[4]", "rows": "FP32[4]"}
    def __call__(self, batch):
        a, b = batch["a"], batch["b"]
        return {"all": a, "halves": [x[2:] for x in a], "turned": a[::-1], "rows": list(b)}
)py");
  Tensor a = in_exchange(*Tensor::allocate(DType::kFp32, Shape{2, 4}));
  Tensor b = in_exchange(*Tensor::allocate(DType::kFp32, Shape{2, 4}));
  Answer answer = ask({a.row(0), b.row(0), a.row(1), b.row(1)}, 2);
  ASSERT_EQ(answer.outputs.size(), 7u) << answer.status.message();
  EXPECT_THAT(answer.whole, ElementsAre(0, 0, 1, 0));  // no input is as large as all rows together
  EXPECT_EQ(answer.outputs[0].data(), a.row(0).data());
  EXPECT_EQ(answer.outputs[1].data(), a.row(1).data());
  EXPECT_EQ(answer.outputs[1].shape(), Shape{4});
  EXPECT_EQ(answer.outputs[2].data(), a.row(0).data() + 8);
  EXPECT_EQ(answer.outputs[3].data(), a.row(1).data() + 8);
  EXPECT_EQ(std::memcmp(answer.outputs[4].data(), a.row(1).data(), 16), 0);  // a copy, turned
  EXPECT_EQ(answer.outputs[4].shape(), (Shape{2, 4}));
  EXPECT_EQ(answer.outputs[6].data(), b.row(1).data());
}

TEST_F(PythonTest, APictureKeepsItsScale) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "IMAGE"}, {"y": "IMAGE", "part": "IMAGE"}
    def __call__(self, batch):
        x = batch["x"]
        return {"y": x, "part": x[:, 1:]}
)py");
  Tensor picture = *Tensor::allocate(DType::kUint8, Shape{4, 6, 3});
  picture.set_full_size({30, 20});
  Answer answer = ask({picture}, 1);
  ASSERT_EQ(answer.outputs.size(), 2u) << answer.status.message();
  EXPECT_EQ(answer.outputs[0].full_size().width, 30);
  EXPECT_EQ(answer.outputs[0].full_size().height, 20);
  EXPECT_EQ(answer.outputs[1].shape(), (Shape{3, 6, 3}));
  EXPECT_EQ(answer.outputs[1].full_size().width, 6);
}

TEST_F(PythonTest, WhatWasKeptIsNoInput) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "FP32[2]"}, {"y": "FP32[2]"}
    kept = None
    def __call__(self, batch):
        old, self.kept = self.kept, batch["x"]
        return {"y": self.kept if old is None else old}
)py");
  Tensor first = in_exchange(floats({1, 2})), second = in_exchange(floats({3, 4}));
  EXPECT_EQ(one(first).data(), first.data());
  Tensor y = one(second);
  EXPECT_EQ(y.values<float>()[0], 1);  // the memory was held here
  EXPECT_NE(y.data(), first.data());
}

TEST_F(PythonTest, EmptyNeedsNoCopy) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "FP32[4]"}, {"y": "FP32[4]", "half": "FP32[2]", "same": "BOOL"}
    def __call__(self, batch):
        y = leat_step.empty((2, 4), "f4")
        y[...] = batch["x"] * 2
        self.last = y
        at = y.__array_interface__["data"][0]
        return {"y": y, "half": list(y[:, :2].copy()), "same": [True, at % 64 == 0]}
)py");
  Tensor x = in_exchange(*Tensor::allocate(DType::kFp32, Shape{2, 4}));
  std::memset(x.mutable_data(), 0, x.byte_size());
  Answer answer = ask({x.row(0), x.row(1)}, 2);
  ASSERT_EQ(answer.outputs.size(), 3u) << answer.status.message();
  EXPECT_THAT(answer.whole, ElementsAre(1, 1, 1));
  EXPECT_EQ(answer.outputs[0].shape(), (Shape{2, 4}));
  EXPECT_EQ(answer.outputs[2].data()[1], std::byte{1});
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "FP32[4]"}, {"y": "FP32[4]"}
    def __init__(self): self.y = leat_step.empty((1, 4), "f4")
    def __call__(self, batch):
        self.y[...] = batch["x"]
        return {"y": self.y}
)py");
  one(floats({1, 2, 3, 4}));
  EXPECT_EQ(why(floats({1, 2, 3, 4})), "ValueError: assignment destination is read-only");
}

TEST_F(PythonTest, ItemsOfManyKinds) {
  must_start(R"py(
class Step:
    inputs = {"x": "FP32"}
    outputs = {"f": "FP32[?]", "n": "INT64", "t": "BYTES", "ts": "BYTES[...]", "s": "FP32|INT8[...]"}
    def __call__(self, batch):
        return {"f": [np.ones(2, "f4"), [1, 2.5, 3], None],
                "n": (1, np.int64(2), True),
                "t": ["é", b"\0b", bytearray(b"")],
                "ts": [["a", b""], np.array([["b"], ["c"]]), "d"],
                "s": [np.int8(3), [], 0.5]}
)py");
  Answer answer = ask({number(1), number(2), number(3)}, 3);
  ASSERT_EQ(answer.outputs.size(), 13u) << answer.status.message();
  EXPECT_THAT(answer.whole, ElementsAre(0, 1, 0, 0, 0));
  EXPECT_EQ(answer.outputs[0].values<float>()[1], 1);
  EXPECT_EQ(answer.outputs[1].values<float>()[1], 2.5);
  EXPECT_FALSE(answer.outputs[2]);
  EXPECT_THAT(answer.outputs[3].values<int64_t>(), ElementsAre(1, 2, 1));
  EXPECT_EQ(answer.outputs[4].string(), "é");
  EXPECT_EQ(answer.outputs[5].string(), std::string_view("\0b", 2));
  EXPECT_EQ(answer.outputs[6].string(), "");
  EXPECT_THAT(strings(answer.outputs[7]), ElementsAre("a", ""));
  EXPECT_EQ(answer.outputs[8].shape(), (Shape{2, 1}));
  EXPECT_EQ(answer.outputs[9].shape(), Shape{});
  EXPECT_EQ(answer.outputs[10].dtype(), DType::kInt8);
  EXPECT_EQ(answer.outputs[11].shape(), Shape{0});
  EXPECT_EQ(answer.outputs[12].values<float>()[0], 0.5);
}

// --- Failures.

TEST_F(PythonTest, AnItemFailsAlone) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "FP32"}, {"y": "FP32", "z": "FP32[2]"}
    def __call__(self, batch):
        errors = [ValueError("no face"), leat_step.BadInput("too dark"), leat_step.BadMedia()]
        return {"y": [1.0, *errors, 5.0], "z": [[1, 2]] * 4 + [[1, 2, 3]]}
)py");
  Answer answer = ask(std::vector<Tensor>(5, number(1)), 5);
  ASSERT_EQ(answer.outputs.size(), 10u) << answer.status.message();
  using Error = std::pair<Code, std::string>;
  EXPECT_EQ(answer.errors.size(), 4u);
  EXPECT_EQ(answer.errors[1], Error(Code::kStepFailed, "ValueError: no face"));
  EXPECT_EQ(answer.errors[2], Error(Code::kBadInput, "too dark"));
  EXPECT_EQ(answer.errors[3], Error(Code::kBadMedia, "BadMedia"));
  EXPECT_EQ(answer.errors[4],
            Error(Code::kStepFailed,
                  "output z: a list of 3 values of shape [3] was given where FP32[2] is declared"));
  EXPECT_TRUE(answer.outputs[0]);
  EXPECT_TRUE(answer.outputs[5]);
  for (int absent : {1, 2, 3, 4, 6, 7, 8, 9}) EXPECT_FALSE(answer.outputs[absent]) << absent;
}

TEST_F(PythonTest, WhatCannotBeAnAnswer) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "BYTES"}, {"y": "FP32[2]"}
    def __call__(self, batch):
        return eval(batch["x"][0])
)py");
  const std::pair<const char*, const char*> cases[] = {
      {"1 / 0", "ZeroDivisionError: division by zero"},
      {"None", "the step gave NoneType; a dict of its outputs is wanted"},
      {"{'z': 1, 'y': 2}", "the step gave 'y', 'z'; its outputs are 'y'"},
      {"{}", "the step gave nothing; its outputs are 'y'"},
      {"{'y': 1}",
       "output y: int 1 was given for 1 items; an array with a first axis of 1 or a list of 1 "
       "values is wanted"},
      {"{'y': [[1, 2], [3, 4]]}",
       "output y: a list of 2 values was given for 1 items; an array with a first axis of 1 or a "
       "list of 1 values is wanted"},
      {"{'y': np.zeros(2, 'f4')}",
       "output y: FP32[2] was given for 1 items; the first axis must be 1, and the others FP32[2]"},
      {"{'y': np.zeros((1, 3), 'f4')}", "output y: FP32[3] was given where FP32[2] is declared"},
      {"{'y': np.zeros((1, 2))}", "output y: FP64[2] was given where FP32[2] is declared"},
      {"{'y': [np.zeros(2)]}", "output y: FP64[2] was given where FP32[2] is declared"},
      {"{'y': [np.zeros(2, complex)]}",
       "output y: complex128[2] was given where FP32[2] is declared"},
      {"{'y': ['text']}", "output y: str 'text' was given where FP32[2] is declared"},
      {"{'y': [[1, [2]]]}", "output y: a list of 2 values was given where FP32[2] is declared"},
      {"{'y': [[1, 1 << 24 | 1]]}",
       "output y: a list of 2 values of shape [2] was given where FP32[2] is declared"},
      {"({'y': [[1, i]]} for i in range(3))",
       "the step yielded 3 answers; there is one to a request"},
      {"leat_step.empty(2, object)", "TypeError: leat_step.empty: a tensor cannot hold object"},
  };
  for (auto [code, error] : cases) EXPECT_EQ(why(text(code)), error) << code;
  EXPECT_EQ(one(text("({'y': [[1, i]]} for i in range(1))")).values<float>()[0], 1);
  // Of several items the server finds out whose fault it is.
  Answer answer = ask({text("1 / 0"), text("")}, 2);
  EXPECT_EQ(answer.status.code(), Code::kStepFailed);
  EXPECT_EQ(answer.status.message(), "ZeroDivisionError: division by zero");
}

TEST_F(PythonTest, HowItEnds) {
  const std::pair<const char*, const char*> cases[] = {
      {"sys.exit(3)", "exited with status 3"},
      {"sys.exit('out of cheese')", "exited with status 1"},
      {"os._exit(4)", "exited with status 4"},
      {"raise KeyboardInterrupt", "exited with status 1"},
      {"ctypes.string_at(0)", "was killed by signal 11 (Segmentation fault)"},
      {"os.abort()", "was killed by signal 6 (Aborted)"},
      {"thread = threading.Thread(target=time.sleep, args=[1e6]); thread.start(); sys.exit(5)",
       "exited with status 5"},
  };
  for (auto [code, how] : cases) {
    must_start(
        cat("import ctypes, os, sys, threading, time\n"
            "class Step:\n"
            "    inputs, outputs = {'x': 'FP32'}, {'y': 'FP32'}\n"
            "    def __call__(self, batch):\n"
            "        ",
            code, "\n"));
    Answer answer = ask({number(1)}, 1);
    EXPECT_THAT(answer.outputs, IsEmpty());
    EXPECT_EQ(worker->how_it_ended(), how) << code;
  }
}

TEST_F(PythonTest, DescriptorsThatAreClosed) {
  must_start(R"py(
import os
class Step:
    inputs, outputs = {"x": "FP32"}, {"y": "FP32"}
    def __call__(self, batch):
        os.closerange(0, 100)
        return {"y": batch["x"]}
)py");
  ask({number(1)}, 1);  // it may have been answered
  EXPECT_EQ(worker->how_it_ended(), "exited with status 70");
}

TEST_F(PythonTest, AProcessOfItsOwn) {
  must_start(R"py(
import os, subprocess
class Step:
    inputs, outputs = {"x": "FP32"}, {"y": "FP32", "open": "BYTES"}
    def __call__(self, batch):
        child = os.fork()
        if child == 0:
            y = leat_step.empty(1, "f4")
            os._exit(0 if y.base is None else 1)
        _, status = os.waitpid(child, 0)
        find = "for fd in 3 4 5 6 7 8; do readlink /proc/self/fd/$fd; done"
        found = subprocess.run(find, shell=True, close_fds=False, capture_output=True)
        return {"y": [float(status)], "open": [found.stdout]}
)py");
  Answer answer = ask({number(1)}, 1);
  ASSERT_EQ(answer.outputs.size(), 2u) << answer.status.message();
  EXPECT_EQ(answer.outputs[0].values<float>()[0], 0);
  for (const char* leats : {"leat-", "eventfd", "exchange"}) {
    EXPECT_THAT(std::string(answer.outputs[1].string()), Not(HasSubstr(leats)));
  }
}

// --- Memory.

TEST_F(PythonTest, MemoryGoesRound) {
  must_start(R"py(
class Step:
    inputs = {"x": "FP32[?]"}
    outputs = {"own": "FP32[?]", "copy": "FP32[?]", "texts": "BYTES[?]", "rows": "FP32[?]"}
    def __call__(self, batch):
        x = batch["x"]
        own = leat_step.empty(x.shape, x.dtype)
        np.multiply(x, 2, out=own)
        dropped = leat_step.empty(1000, "u1")
        return {"own": own, "copy": x + 1, "texts": [["text"] * 100] * len(x), "rows": list(own)}
)py");
  auto resident = [&] {
    std::ifstream lines(cat("/proc/", worker->pid(), "/statm"));
    uint64_t size = 0, pages = 0;
    lines >> size >> pages;
    return pages * 4096;
  };
  std::vector<float> values(1000, 3);
  Tensor kept;
  uint64_t before = 0;
  for (int i = 0; i < 10000; ++i) {
    auto count = static_cast<int64_t>(i % 7 * 100 + 1);
    Tensor x = in_exchange(*Tensor::of(
        std::span<const float>(values.data(), static_cast<size_t>(count)), Shape{count}));
    Answer answer = ask({x, x}, 2);
    ASSERT_TRUE(answer.status.ok()) << i << ": " << answer.status.message();
    ASSERT_EQ(answer.outputs.size(), 6u);
    ASSERT_EQ(answer.outputs[0].values<float>()[static_cast<size_t>(2 * count - 1)], 6);
    ASSERT_EQ(answer.outputs[1].values<float>()[0], 4);
    ASSERT_EQ(answer.outputs[5].values<float>()[0], 6);
    kept = answer.outputs[0];
    if (i == 1000) before = resident();
  }
  EXPECT_LE(resident(), before + kMiB);
  kept.reset();
  EXPECT_EQ(exchange->stats().in_use, 0u);
}

TEST_F(PythonTest, FullMemoryFailsOneBatch) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "INT64"}, {"y": "UINT8[?]"}
    def __call__(self, batch):
        return {"y": leat_step.empty((1, int(batch["x"][0])), "u1")}
)py");
  auto bytes = [](int64_t count) { return *Tensor::scalar(count); };
  std::string error = why(bytes(20 * kMiB));
  EXPECT_THAT(error, HasSubstr("MemoryError: the step's memory is full: 0 of 16777216 bytes"));
  std::vector<Tensor> held;
  for (int i = 0; i < 3; ++i) held.push_back(one(bytes(4 * kMiB)));
  EXPECT_THAT(why(bytes(4 * kMiB)), HasSubstr("12582912 of 16777216 bytes are in use"));
  // Other sizes are cut from what has been given back.
  held.clear();
  one(bytes(12 * kMiB));
  for (int i = 0; i < 12; ++i) held.push_back(one(bytes(kMiB)));
}

TEST_F(PythonTest, LargeAnswers) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "FP32"}, {"y": "BYTES"}
    def __call__(self, batch):
        n = len(batch["x"])
        return {"y": [leat_step.BadInput("no " * 400) if i % 2 else str(i) for i in range(n)]}
)py");
  for (int i = 0; i < 300; ++i) {
    Answer answer = ask(std::vector<Tensor>(100, number(1)), 100);
    ASSERT_TRUE(answer.status.ok()) << answer.status.message();
    ASSERT_EQ(answer.outputs.size(), 100u);
    ASSERT_EQ(answer.errors.size(), 50u);
    EXPECT_EQ(answer.outputs[98].string(), "98");
  }
}

}  // namespace
}  // namespace leat
