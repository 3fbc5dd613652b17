// What becomes of a Python step that works and of one that does not.
#include <gmock/gmock.h>

#include "base/text.h"
#include "worker/testing/python_fixture.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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
  answer = start("class Step:\n    inputs = {'z': 'FP32'}\n    def __call__(self, batch): pass\n",
                 "{}", {"x", "FP32[3]"}, {"y", "BYTES"});
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
  run_python(words);
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

TEST_F(PythonTest, AFailureKeepsNothing) {
  must_start(R"py(
class Step:
    inputs, outputs = {"x": "FP32"}, {"large": "UINT8[?]", "wrong": "FP32"}
    def __call__(self, batch):
        return {"large": np.zeros((1, 1 << 20), "u1"), "wrong": np.zeros(1)}
)py");
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(why(number(1)), "output wrong: FP64 was given where FP32 is declared") << i;
  }
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
