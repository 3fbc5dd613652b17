#include "worker/testing/child.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/text.h"
#include "worker/wire.h"

namespace leat {

namespace {

Status twice(const WorkerEnd::Batch& batch, WorkerEnd::Made& made) {
  for (const Tensor& x : batch.inputs) {
    LEAT_ASSIGN(Tensor y, Tensor::allocate(DType::kFp32, x.shape()));
    for (size_t i = 0; i < x.values<float>().size(); ++i) {
      y.mutable_values<float>()[i] = 2 * x.values<float>()[i];
    }
    made.outputs.push_back(std::move(y));
  }
  return {};
}

Status same(const WorkerEnd::Batch& batch, WorkerEnd::Made& made) {
  made.outputs.assign(batch.inputs.begin(), batch.inputs.end());
  made.note = cat(batch.items, " items");
  return {};
}

// What the first input says: a text.
Status obey(const WorkerEnd::Batch& batch, WorkerEnd::Made& made) {
  std::string_view what = batch.inputs[0].string();
  if (what == "fail") return Status(Code::kBadMedia, "line 3: not a picture");
  if (what == "abort") std::abort();
  if (what == "exit") std::_Exit(3);
  if (what == "term") kill(getpid(), SIGTERM);
  if (what == "print" || what == "print and exit") {
    std::string_view words = batch.inputs[1].string();
    std::fwrite(words.data(), 1, words.size(), stdout);
    if (what == "print") return {};
    std::fflush(stdout);
    std::_Exit(3);
  }
  if (what == "flood") {  // of so many MiB
    for (int i = 0; i < batch.inputs[1].values<int32_t>()[0]; ++i) {
      std::string lines;
      while (lines.size() < 1 << 20) lines += "this line has been printed very many times\n";
      std::fwrite(lines.data(), 1, lines.size(), stderr);
    }
    return {};
  }
  if (what == "work") {  // for 0.2 s
    const int64_t end = process_cpu_nanos() + 200 * kMillisecond;
    while (process_cpu_nanos() < end) {
    }
  }
  if (what == "close") close_range(3, ~0u, 0);
  if (what.starts_with("eat")) {  // so many MiB, and keeps them
    static std::vector<std::string> kept;
    kept.emplace_back(static_cast<size_t>(batch.inputs[1].values<int32_t>()[0]) << 20, 'x');
    if (what == "eat") return same(batch, made);
  }
  if (what == "hang" || what == "eat and hang") {
    while (true) pause();
  }
  if (what == "copy") {  // of everything
    for (const Tensor& input : batch.inputs) {
      LEAT_ASSIGN(Tensor copy, copy_into(Arena::heap(), input));
      made.outputs.push_back(std::move(copy));
    }
    return {};
  }
  if (what == "parts") {  // of the second input, which has four rows
    const Tensor& whole = batch.inputs[1];
    made.outputs = {whole.rows(1, 3), whole.rows(4, 4), whole.row(2), whole};
    return {};
  }
  if (what == "texts") {
    std::string_view texts[] = {"a", "", "three"};
    LEAT_ASSIGN(Tensor all, Tensor::strings(texts));
    made.outputs.push_back(std::move(all));
    return {};
  }
  return same(batch, made);
}

[[maybe_unused]] const bool run_child = [] {
  const std::string part = child_part();
  if (part != "twice" && part != "same" && part != "obey") return false;
  auto end = WorkerEnd::attach();
  if (!end.ok()) {
    std::fprintf(stderr, "%s\n", end.status().message().c_str());
    std::_Exit(9);
  }
  (*end)->serve(part == "twice" ? twice : part == "same" ? same : obey);
}();

}  // namespace

std::string child_part() {
  std::ifstream words("/proc/self/cmdline");
  std::string word;
  while (std::getline(words, word, '\0')) {
    if (word.starts_with("part=")) return word.substr(5);
  }
  return {};
}

WorkerSetup child(const std::string& part, uint64_t arena_bytes) {
  return {.program = "/proc/self/exe", .arguments = {"part=" + part}, .arena_bytes = arena_bytes};
}

}  // namespace leat
