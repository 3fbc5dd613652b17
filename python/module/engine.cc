#include "engine.h"

#include <nanobind/stl/string.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "errors.h"

namespace leat {

namespace {

// For what runs when the process ends.
constexpr std::chrono::seconds kGrace{1};

// A child forgets its parent's.
struct Engines {
  std::mutex mutex;
  std::vector<std::weak_ptr<Engine>> all;  // guarded by mutex
  uint32_t generation = 0;                 // guarded by mutex
};

Engines& engines() {
  static auto* engines = new Engines;
  return *engines;
}

void remember(const std::shared_ptr<Engine>& engine) {
  std::lock_guard lock(engines().mutex);
  auto& all = engines().all;
  if (engines().generation != generation()) {
    new std::vector(std::move(all));
    all.clear();
    engines().generation = generation();
  }
  std::erase_if(all, [](const auto& weak) { return weak.expired(); });
  all.push_back(engine);
}

}  // namespace

void raise_forked() {
  raise(Status(Code::kUnavailable,
               "this was made before the process forked, and its threads stayed behind: make the "
               "Engine and its pipelines in the child"));
}

EngineHandle::EngineHandle(const EngineOptions& options) : engine_(Engine::make(options)) {
  remember(engine_.get());
}

void end_engines() {
  std::vector<std::shared_ptr<Engine>> all;
  {
    std::lock_guard lock(engines().mutex);
    if (engines().generation != generation()) return;
    for (const auto& weak : engines().all) {
      if (auto engine = weak.lock()) all.push_back(std::move(engine));
    }
  }
  nb::gil_scoped_release released;
  // A step that hangs must not keep the process: drain() waits for it, this does not.
  std::promise<void> ended;
  std::future<void> end = ended.get_future();
  std::thread([all = std::move(all), ended = std::move(ended)]() mutable {
    for (const auto& engine : all) engine->drain(0);
    all.clear();
    ended.set_value();
  }).detach();
  if (end.wait_for(kGrace) == std::future_status::ready) return;
  // What runs on must not see the program's objects go.
  on_exit(
      [](int status, void*) {
        std::fflush(nullptr);
        _exit(status);
      },
      nullptr);
}

void bind_engine(nb::module_& module) {
  nb::class_<EngineHandle>(module, "Engine")
      .def(
          "__init__",
          [](EngineHandle* self, int threads, int64_t max_in_flight, bool warm_up,
             const std::string& worker_program, const std::string& python) {
            EngineOptions options;
            options.threads = threads;
            options.max_in_flight = max_in_flight;
            options.warm_up = warm_up;
            options.worker_program = worker_program;
            options.python = python;
            nb::gil_scoped_release released;
            new (self) EngineHandle(options);
          },
          nb::arg("threads"), nb::arg("max_in_flight"), nb::arg("warm_up"),
          nb::arg("worker_program"), nb::arg("python"))
      .def("metrics",
           [](const EngineHandle& self) {
             auto engine = self.get();
             nb::gil_scoped_release released;
             return engine->metrics();
           })
      .def("drain", [](const EngineHandle& self, double seconds) {
        auto engine = self.get();
        nb::gil_scoped_release released;
        return engine->drain(static_cast<int64_t>(seconds * 1e9));
      });
}

}  // namespace leat
