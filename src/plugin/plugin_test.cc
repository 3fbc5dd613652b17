// The same operators, built into this program and in a plug-in, do the same; and a plug-in that is
// wrong is told so. The plug-in is made by CMakeLists.txt.
#include "plugin/plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "memory/arena.h"
#include "memory/testing/op_fixture.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const Plugin& twins() {  // is never unloaded
  static const Plugin* plugin = [] {
    auto loaded = Plugin::load(LEAT_TWINS);
    EXPECT_TRUE(loaded.ok()) << loaded.status().message();
    return *loaded;
  }();
  return *plugin;
}

const OpSpec* spec(const std::string& name) { return &twins().ops().at("twin." + name); }

std::string text_of(const Tensor& tensor) {
  if (!tensor) return "absent";
  std::string out = cat(dtype_name(tensor.dtype()), tensor.shape().text(), " ");
  if (tensor.dtype() == DType::kBytes) {
    for (int64_t i = 0; i < tensor.shape().elements(); ++i) out += cat(tensor.string(i), ";");
  } else {
    for (size_t i = 0; i < tensor.byte_size(); ++i)
      out += cat(static_cast<int>(tensor.data()[i]), ",");
  }
  if (tensor.shape().rank() == 3) {
    out += cat(" full ", tensor.full_size().width, "x", tensor.full_size().height);
  }
  return out;
}

// Runs an operator both ways and compares all that can be seen of it.
void expect_same(const std::string& name, const std::function<void(OpFixture&)>& prepare) {
  SCOPED_TRACE(name);
  OpFixture home("home." + name), twin(spec(name));
  prepare(home);
  prepare(twin);
  for (int i = 0; i < 2; ++i) {
    const Status a = home.run(), b = twin.run();
    EXPECT_EQ(a.code(), b.code());
    EXPECT_EQ(a.message(), b.message());
    if (a.ok() && b.ok()) {
      for (const PortSpec& port : OpCatalogue::find("home." + name)->outputs) {
        EXPECT_EQ(text_of(home[port.name]), text_of(twin[port.name])) << port.name;
      }
    }
  }
  Status made = home.make();
  EXPECT_EQ(made.message(), twin.make().message());
  if (!made.ok()) return;
  EXPECT_EQ(home.promised(), twin.promised());
  EXPECT_EQ(home.op().remark(), twin.op().remark());
  for (size_t port : {0, 1}) {
    EXPECT_TRUE(home.op().need(port) == twin.op().need(port));
  }
}

Tensor floats(const Shape& shape) {
  Tensor out = *Tensor::allocate(DType::kFp32, shape);
  float value = 0.5;
  for (float& to : out.mutable_values<float>()) to = value *= -1.5f;
  return out;
}

TEST(Plugin, SpecsAreThoseOfTheSource) {
  for (const auto& [name, twin] : twins().ops()) {
    SCOPED_TRACE(name);
    const OpSpec* home = OpCatalogue::find("home" + name.substr(4));
    ASSERT_NE(home, nullptr);
    EXPECT_EQ(twin.doc, home->doc);
    for (auto ports : {&OpSpec::inputs, &OpSpec::outputs}) {
      ASSERT_EQ((twin.*ports).size(), (home->*ports).size());
      for (size_t i = 0; i < (twin.*ports).size(); ++i) {
        const PortSpec &a = (twin.*ports)[i], &b = (home->*ports)[i];
        EXPECT_EQ(std::tie(a.name, a.type, a.doc, a.optional, a.many, a.only_with),
                  std::tie(b.name, b.type, b.doc, b.optional, b.many, b.only_with));
      }
    }
    ASSERT_EQ(twin.params.size(), home->params.size());
    for (size_t i = 0; i < twin.params.size(); ++i) {
      const ParamSpec &a = twin.params[i], &b = home->params[i];
      EXPECT_EQ(std::tie(a.name, a.type, a.fallback, a.required, a.min, a.max, a.choices, a.doc),
                std::tie(b.name, b.type, b.fallback, b.required, b.min, b.max, b.choices, b.doc));
    }
  }
  EXPECT_EQ(twins().ops().size(), 8u);
}

TEST(Plugin, OperatorsAreToldTheSame) {
  expect_same("told", [](OpFixture&) {});
  expect_same("told", [](OpFixture& op) {
    op.param("int", int64_t{1} << 60)
        .param("float", 1e-3)
        .param("bool", false)
        .param("text", std::string("a\0b", 3))
        .param("choice", std::string("a"))
        .param("floats", std::vector<double>{})
        .param("texts", std::vector<std::string>{"", "x"})
        .param("path", std::string("/p"))
        .param("dtype", std::string("INT8"))
        .constant("x", floats({2, 4, 3}))
        .wants("text", Type::of("BYTES"))
        .needs("text", {3, 4, Fit::kStretch})
        .needs("text", {5, 6, Fit::kLetterbox, 1, ImageBox{7, 8, 9, 10}});
  });
}

TEST(Plugin, OperatorsAnswerTheSame) {
  for (const Shape& shape :
       {Shape{}, Shape{0}, Shape{7}, Shape{2, 3, 4}, Shape{1, 1, 1, 1, 1, 1, 1, 2}}) {
    expect_same("scale", [&](OpFixture& op) { op.param("by", -0.25).input("x", floats(shape)); });
    if (shape.rank() == 0) continue;
    if (shape.rank() < 8) {
      expect_same("views", [&](OpFixture& op) { op.input("x", floats(shape)); });
    }
  }
  std::vector<std::string_view> words = {"a", "", "longer than a pointer is"};
  expect_same("words", [&](OpFixture& op) { op.input("words", *Tensor::strings(words)); });
  expect_same("words", [&](OpFixture& op) { op.input("words", *Tensor::strings({})); });
  expect_same("views", [&](OpFixture& op) { op.input("x", *Tensor::strings(words)); });
  for (int count : {1, 2, 20}) {
    std::vector<Tensor> parts;
    for (int64_t i = 0; i < count; ++i)
      parts.push_back(*Tensor::of<int64_t>(std::vector<int64_t>(3, i), Shape{3}));
    expect_same("join", [&](OpFixture& op) { op.inputs("parts", parts); });
    expect_same("join", [&](OpFixture& op) {
      op.inputs("parts", parts).input("more", *Tensor::scalar<float>(3));
    });
  }
  for (ImageSize full : {ImageSize{}, ImageSize{30, 20}}) {
    Tensor image = *Tensor::allocate(DType::kUint8, Shape{4, 5, 3});
    std::memset(image.mutable_data(), 1, image.byte_size());
    image.set_full_size(full);
    expect_same("shrink", [&](OpFixture& op) { op.input("image", image); });
    expect_same("views", [&](OpFixture& op) { op.input("x", image); });
  }
  expect_same("lend", [](OpFixture&) {});
}

TEST(Plugin, NothingIsCopied) {
  Tensor x = floats({3, 4});
  OpFixture op(spec("views"));
  op.input("x", x);
  ASSERT_TRUE(op.run().ok());
  EXPECT_EQ(op["same"].block(), x.block());
  EXPECT_EQ(op["same"].data(), x.data());
  EXPECT_EQ(op["last"].data(), x.data() + 32);
}

TEST(Plugin, ReferencesGoBack) {
  twins();
  Tensor x = floats({3, 4});
  const uint64_t before = Arena::heap().stats().in_use;
  const uint32_t refs = x.block()->refs.load();
  for (int i = 0; i < 3; ++i) {
    OpFixture views(spec("views")), lend(spec("lend"));
    views.input("x", x);
    EXPECT_TRUE(views.run().ok());
    EXPECT_TRUE(lend.run().ok());
    for (const char* how : {"given_and_failed", "given_and_thrown", "type", "too_much", "twice",
                            "then_given", "give_port"}) {
      OpFixture wrong(spec("wrong"));
      wrong.param("how", std::string(how));
      (void)wrong.run().ok();
    }
  }
  EXPECT_EQ(x.block()->refs.load(), refs);
  EXPECT_EQ(Arena::heap().stats().in_use, before);
}

TEST(Plugin, FailuresAreTheSame) {
  for (const char* how : {"bad_input", "bad_media", "too_large", "given_and_failed", "negative",
                          "huge", "twice", "then_given", "make"}) {
    SCOPED_TRACE(how);
    expect_same("wrong", [&](OpFixture& op) { op.param("how", std::string(how)); });
  }
  expect_same("wrong",
              [&](OpFixture& op) { op.param("how", std::string("abandoned")).abandon_after(3); });
}

TEST(Plugin, MistakesOfAnAuthorAreTold) {
  const std::map<std::string, std::string> said = {
      {"throw", "an exception was thrown: out of paper"},
      {"throw_int", "an exception was thrown that is no std::exception"},
      {"given_and_thrown", "an exception was thrown: after giving"},
      {"output_port", "output(): there is no output port 7"},
      {"give_port", "give(): there is no output port 7"},
      {"strings", "output(): BYTES[2] is made by give()"},
      {"type", "output y: of the plug-in: FP64[] given, FP32 wanted"},
      {"shape", "output y: of the plug-in: FP32[3] given, FP32 wanted"},
      {"nothing", "output y: the plug-in did not give it"},
      {"too_much", "output z: the plug-in gave it, which it should not"},
      {"make_throws", "an exception was thrown: no toner"},
      {"make_parameter", "an exception was thrown: there is no parameter no_such"},
      {"make_nothing", "make() gave no operator"},
      {"make_more", "make() has left 5 output types; there are 2 ports"},
      {"make_type", "its make() is wrong: output y: INT64[3] given, FP32 wanted"}};
  for (const auto& [how, message] : said) {
    OpFixture op(spec("wrong"));
    op.param("how", how);
    EXPECT_EQ(op.run().message(), message) << how;
  }
}

TEST(Plugin, ManyThreads) {
  twins();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      OpFixture op(spec("scale"));
      op.param("by", static_cast<double>(t));
      for (int64_t i = 0; i < 300; ++i) {
        op.input("x", floats({5}));
        ASSERT_TRUE(op.run().ok());
        ASSERT_EQ(op["y"].values<float>()[0], -0.75f * static_cast<float>(t));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// ----- files

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "leat-plugin-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string refusal(const fs::path& path) {
    auto plugin = Plugin::load(path);
    return plugin.ok() ? "none" : plugin.status().message();
  }
  fs::path file(const std::string& name, std::string_view content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }
  fs::path folder_;
};

TEST_F(Files, OfOtherKinds) {
  EXPECT_EQ(refusal(folder_ / "none.so"), "there is no such file");
  EXPECT_EQ(refusal(folder_), "it is no regular file");
  EXPECT_THAT(refusal(file("text.so", "int main;")), HasSubstr("is no shared library"));
  EXPECT_THAT(refusal(file("empty.so", "")), HasSubstr("is no shared library"));
  EXPECT_THAT(refusal("/proc/self/exe"), HasSubstr("it"));
  mkfifo((folder_ / "pipe.so").c_str(), 0600);
  EXPECT_EQ(refusal(folder_ / "pipe.so"), "it is no regular file");
}

// However a library is cut off, nothing is read that is not there.
TEST_F(Files, CutOff) {
  std::ifstream stream(LEAT_TWINS, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(stream)), {});
  ASSERT_GT(whole.size(), 10000u);
  int refused = 0;
  for (size_t length : {size_t{3}, size_t{16}, size_t{20}, size_t{63}, size_t{64}, size_t{100},
                        size_t{700}, size_t{4096}, whole.size() / 2}) {
    refused += refusal(file(cat("cut", length, ".so"), whole.substr(0, length))) != "none";
  }
  EXPECT_EQ(refused, 9);
  std::string other = whole;
  other[4] = 1;  // ELFCLASS32
  EXPECT_EQ(refusal(file("class.so", other)), "it is a library for another kind of machine");
}

TEST_F(Files, ThatChange) {
  fs::path path = folder_ / "twins.so";
  fs::copy_file(LEAT_TWINS, path);
  auto first = Plugin::load(path);
  ASSERT_TRUE(first.ok()) << first.status().message();
  EXPECT_EQ(*Plugin::load(path), *first);
  fs::remove(path);
  file("twins.so", "something else");
  EXPECT_THAT(refusal(path), HasSubstr("it has changed since this program loaded it"));
}

}  // namespace
}  // namespace leat
