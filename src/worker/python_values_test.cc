// Inputs and outputs of Python steps.
#include <gmock/gmock.h>

#include "base/text.h"
#include "worker/testing/python_fixture.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Says what `x` is to the step.
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

TEST_F(PythonTest, FromStepToStep) {
  const std::string step = R"py(
class Step:
    inputs, outputs = {"x": "FP32[3]"}, {"y": "FP32[3]", "x": "FP32[3]"}
    def __call__(self, batch): return {"y": batch["x"] + 1, "x": batch["x"]}
)py";
  must_start(step);
  Answer answer = ask({floats({1, 2, 3})}, 1);
  ASSERT_EQ(answer.outputs.size(), 2u);
  Tensor first = answer.outputs[0].row(0);
  for (int i = 0; i < 2; ++i) {  // to itself, and to another one
    answer = ask({first}, 1);
    ASSERT_EQ(answer.outputs.size(), 2u) << answer.status.message();
    EXPECT_THAT(answer.outputs[0].values<float>(), ElementsAre(3, 4, 5));
    EXPECT_EQ(answer.outputs[1].data(), first.data());
    if (i == 0) must_start(step);  // the first has gone, and what it made has not
  }
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

}  // namespace
}  // namespace leat
