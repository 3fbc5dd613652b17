// A worker that runs a Python step, driven as the server drives it. The interpreter is the tests'
// own, or another one with numpy that LEAT_PYTHON names.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "worker/python.h"
#include "worker/testing/await.h"
#include "worker/wire.h"

namespace leat {

class PythonTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kMiB = 1 << 20;
  using Ports = std::vector<std::string>;  // name, type, name, type ...

  struct Answer {
    Status status;
    std::vector<Tensor> outputs;
    std::vector<uint32_t> whole;
    std::map<uint32_t, std::pair<Code, std::string>> errors;
  };

  void SetUp() override {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "what is tested is in another process, and has one thread here";
#endif
    static const bool numpy = system((interpreter() + " -c 'import numpy'").c_str()) == 0;
    if (!numpy) GTEST_SKIP() << interpreter() << " has no numpy: tools/setup.sh demo installs it";
    char name[] = "/tmp/leat-python-XXXXXX";
    folder = mkdtemp(name);
  }
  void TearDown() override {
    worker.reset();
    if (!folder.empty()) std::filesystem::remove_all(folder);
  }

  static std::string interpreter() {
    const char* named = std::getenv("LEAT_PYTHON");
    return named ? named : "build/deps/venv/bin/python";
  }

  // Starts a worker with the class Step of `code`; its answer to the setup.
  Answer start(const std::string& code, const std::string& params = "{}", const Ports& inputs = {},
               const Ports& outputs = {}) {
    path = folder / "steps.py";
    std::ofstream(path) << "import numpy as np, leat_step\n" << code;
    run_python(python_words());
    std::vector<std::string> words = {"python", "things", path, "Step", params};
    for (const Ports& ports : {inputs, outputs}) {
      words.push_back(std::to_string(ports.size() / 2));
      words.insert(words.end(), ports.begin(), ports.end());
    }
    std::vector<std::string_view> views(words.begin(), words.end());
    return ask({*Tensor::strings(views)}, 1);
  }
  void must_start(const std::string& code) {
    Answer answer = start(code);
    ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  }
  void run_python(std::vector<std::string> words) {
    WorkerSetup setup{interpreter(), std::move(words), 16 * kMiB};
    auto started = Worker::start(setup, *exchange);
    EXPECT_TRUE(started.ok()) << started.status().message();
    worker = *std::move(started);
    batches = 0;
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
  static Tensor text(std::string_view of) { return *Tensor::bytes(of); }
  static Tensor number(float value) { return *Tensor::scalar(value); }
  static Tensor floats(std::initializer_list<float> values) {
    return *Tensor::of(std::span(values.begin(), values.size()),
                       Shape{static_cast<int64_t>(values.size())});
  }
  static std::vector<std::string> strings(const Tensor& tensor) {
    std::vector<std::string> all;
    for (int64_t i = 0; i < tensor.shape().elements(); ++i) all.emplace_back(tensor.string(i));
    return all;
  }

  std::unique_ptr<Arena> exchange = *Arena::shared("exchange", 64 * kMiB);
  std::filesystem::path folder, path;
  std::unique_ptr<Worker> worker;
  uint64_t batches = 0;

 private:
  // What goes with an answer; one that cannot be fails the test.
  static void read_note(std::string_view note, Answer& answer) {
    auto take = [&] {
      uint32_t value = 0;
      EXPECT_GE(note.size(), sizeof value);
      std::memcpy(&value, note.data(), std::min(note.size(), sizeof value));
      note.remove_prefix(std::min(note.size(), sizeof value));
      return value;
    };
    for (uint32_t ports = take(); ports > 0; --ports) answer.whole.push_back(take());
    for (uint32_t errors = take(); errors > 0; --errors) {
      uint32_t item = take();
      auto code = static_cast<Code>(take());
      uint32_t length = take();
      answer.errors[item] = {code, std::string(note.substr(0, length))};
      note.remove_prefix(std::min<size_t>(length, note.size()));
    }
    EXPECT_EQ(note.size(), 0u);
  }
};

}  // namespace leat
