#include "pipeline.h"

#include <nanobind/stl/string.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/text.h"
#include "courier.h"
#include "errors.h"
#include "values.h"

namespace leat {

namespace {

[[noreturn]] void refuse_arguments(const std::string& why) {
  PyErr_SetString(PyExc_TypeError, why.c_str());
  raise_python();
}

// `value` as the option `name`; false when it is none.
bool read_option(CallOptions& options, const std::string& name, PyObject* value) {
  if (name == "timeout") {
    if (value == Py_None) return true;
    double seconds = PyFloat_AsDouble(value);
    if (seconds == -1 && PyErr_Occurred()) raise_python();
    if (!(seconds > 0))
      refuse_arguments(cat("timeout is ", seconds, "; seconds, more than 0, are wanted"));
    options.timeout = static_cast<int64_t>(std::min(seconds, 1e9) * 1e9);
    if (options.timeout == 0) options.timeout = 1;
  } else if (name == "priority") {
    long long priority = PyLong_AsLongLong(value);
    if (priority == -1 && PyErr_Occurred()) raise_python();
    if (priority < 0 || priority > UINT32_MAX) {
      refuse_arguments(cat("priority is ", priority, "; 0 to ", UINT32_MAX, " is allowed"));
    }
    options.priority = static_cast<uint32_t>(priority);
  } else if (name == "trace") {
    int truth = PyObject_IsTrue(value);
    if (truth < 0) raise_python();
    options.trace = truth != 0;
  } else {
    return false;
  }
  return true;
}

// Waits for one call without the GIL; now and then it looks whether a signal has come, Ctrl-C say.
class Waiting final : public Completion {
 public:
  void done(Answer& answer) override {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    ended_ = true;
    end_.notify_one();
  }

  Answer& wait(Ticket& ticket) {
    while (!wait_for_a_while()) {
      nb::gil_scoped_acquire acquired;
      if (PyErr_CheckSignals() == 0) continue;
      nb::python_error interrupt;
      {
        nb::gil_scoped_release released;
        ticket.cancel();
        std::unique_lock lock(mutex_);
        end_.wait(lock, [this] { return ended_; });
      }
      throw interrupt;
    }
    return answer_;
  }

 private:
  bool wait_for_a_while() {
    std::unique_lock lock(mutex_);
    return end_.wait_for(lock, std::chrono::milliseconds(100), [this] { return ended_; });
  }

  std::mutex mutex_;
  std::condition_variable end_;
  bool ended_ = false;  // guarded by mutex_
  Answer answer_;       // guarded by mutex_ until it has ended
};

// Tells a Python function done(value, error), on the courier's thread.
class Told final : public Completion, public Parcel {
 public:
  Told(nb::object pipeline, nb::object done, bool trace)
      : pipeline_(std::move(pipeline)), done_(std::move(done)), trace_(trace) {}

  void done(Answer& answer) override {
    answer_ = std::move(answer);
    Courier::send(std::unique_ptr<Parcel>(this));
  }

  void open() override {
    nb::object value = nb::none(), error = nb::none();
    try {
      value = nb::inst_ptr<LoadedPipeline>(pipeline_)->answer(answer_, trace_);
    } catch (nb::python_error& failed) {
      error = nb::borrow(failed.value());
    }
    answer_ = {};
    try {
      done_(value, error);
    } catch (nb::python_error& failed) {
      failed.discard_as_unraisable(done_);
    }
  }

 private:
  nb::object pipeline_, done_;
  Answer answer_;
  const bool trace_;
};

template <typename Run>
PyObject* guarded(Run run) {
  try {
    return run().release().ptr();
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

// run(*inputs, **inputs and options)
PyObject* run_pipeline(PyObject* self, PyObject* const* values, Py_ssize_t count,
                       PyObject* keywords) {
  return guarded([&] {
    const auto& loaded = *nb::inst_ptr<LoadedPipeline>(self);
    std::shared_ptr<Pipeline> pipeline = loaded.get();
    Request request = loaded.request(values, static_cast<size_t>(count), keywords);
    const bool trace = request.options.trace;
    Waiting waiting;
    Answer* answer;
    {
      nb::gil_scoped_release released;
      Ticket ticket = pipeline->submit(std::move(request), waiting);
      answer = &waiting.wait(ticket);
    }
    return loaded.answer(*answer, trace);
  });
}

class TicketHandle {
 public:
  TicketHandle(Ticket ticket, std::shared_ptr<Pipeline> pipeline)
      : held_(std::make_unique<Held>(std::move(pipeline), std::move(ticket))) {}
  void cancel() const {
    Held& held = *held_.get();
    nb::gil_scoped_release released;
    held.ticket.cancel();
  }

 private:
  struct Held {
    std::shared_ptr<Pipeline> pipeline;  // tickets go before the engine
    Ticket ticket;
  };
  Rooted<std::unique_ptr<Held>> held_;
};

// start(done, *inputs, **inputs and options)
PyObject* start_pipeline(PyObject* self, PyObject* const* values, Py_ssize_t count,
                         PyObject* keywords) {
  return guarded([&]() -> nb::object {
    if (count < 1) refuse_arguments("start() wants a function to tell");
    const auto& loaded = *nb::inst_ptr<LoadedPipeline>(self);
    std::shared_ptr<Pipeline> pipeline = loaded.get();
    Request request = loaded.request(values + 1, static_cast<size_t>(count) - 1, keywords);
    // Owned by the call until it has ended, then by the courier.
    auto* told = new Told(nb::borrow(self), nb::borrow(values[0]), request.options.trace);
    Ticket ticket;
    {
      nb::gil_scoped_release released;
      ticket = pipeline->submit(std::move(request), *told);
    }
    return nb::cast(new TicketHandle(std::move(ticket), std::move(pipeline)),
                    nb::rv_policy::take_ownership);
  });
}

nb::list described(const std::vector<Port>& ports) {
  nb::list list;
  for (const Port& port : ports) {
    list.append(nb::make_tuple(port.name.c_str(), port.type.text().c_str(), port.optional));
  }
  return list;
}

nb::list described(const std::vector<StepTime>& trace) {
  nb::list list;
  for (const StepTime& step : trace) {
    nb::object name = nb::str(step.step.data(), step.step.size());
    list.append(nb::make_tuple(name, static_cast<double>(step.ready) * 1e-9,
                               static_cast<double>(step.begin) * 1e-9,
                               static_cast<double>(step.end) * 1e-9, step.row, step.batch));
  }
  return list;
}

nb::object loaded(Result<std::shared_ptr<Pipeline>> pipeline) {
  return nb::cast(new LoadedPipeline(value_of(std::move(pipeline))), nb::rv_policy::take_ownership);
}

}  // namespace

LoadedPipeline::LoadedPipeline(std::shared_ptr<Pipeline> pipeline) : pipeline_(pipeline) {
  for (const Port& port : pipeline->inputs()) {
    inputs_.add(port.name);
    types_.push_back(port.type);
    if (pipeline->batched()) types_.back().dims.insert(types_.back().dims.begin(), Dim{});
  }
}

Request LoadedPipeline::request(PyObject* const* values, size_t count, PyObject* keywords) const {
  const Pipeline& pipeline = *get();
  Request request(pipeline);
  auto set = [&](size_t i, PyObject* value) {
    if (value == Py_None) return;
    auto tensor = tensor_from(value, types_[i]);
    if (!tensor.ok()) raise(tensor.status().within(cat("input ", inputs_.text(i))));
    request.set(i, *std::move(tensor));
  };
  if (count > inputs_.size()) {
    refuse_arguments(
        cat(pipeline.name(), " takes ", inputs_.size(), " inputs; ", count, " are given"));
  }
  for (size_t i = 0; i < count; ++i) set(i, values[i]);
  const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GET_ITEM(keywords, i);
    PyObject* value = values[count + static_cast<size_t>(i)];
    if (auto input = inputs_.find(name)) {
      if (*input < count) refuse_arguments(cat("input ", text_of(name), " is given twice"));
      set(*input, value);
    } else if (!read_option(request.options, text_of(name), value)) {
      std::vector<std::string> known;
      for (const Port& port : pipeline.inputs()) known.push_back(port.name);
      raise(Status(Code::kBadInput, cat("there is no input ", text_of(name), "; ", pipeline.name(),
                                        " takes ", join_or(known))));
    }
  }
  return request;
}

nb::object LoadedPipeline::answer(Answer& answer, bool trace) const {
  if (!answer.status.ok()) raise(answer.status);
  const std::shared_ptr<Pipeline>& from = get();
  if (answer.outputs.size() == 1 && !trace) return to_python(answer.outputs[0], from);
  nb::object made = own(PyTuple_New(static_cast<Py_ssize_t>(answer.outputs.size())));
  for (size_t i = 0; i < answer.outputs.size(); ++i) {
    PyTuple_SET_ITEM(made.ptr(), static_cast<Py_ssize_t>(i),
                     to_python(answer.outputs[i], from).release().ptr());
  }
  made = as_answer(answer_, made);
  if (trace) made.attr("trace") = answer_.attr("trace_of")(described(answer.trace));
  return made;
}

void bind_pipeline(nb::module_& module) {
  nb::class_<TicketHandle>(module, "Ticket").def("cancel", &TicketHandle::cancel);
  nb::class_<LoadedPipeline>(module, "LoadedPipeline")
      .def_prop_ro("name", [](const LoadedPipeline& self) { return self.get()->name(); })
      .def_prop_ro("description",
                   [](const LoadedPipeline& self) { return self.get()->description(); })
      .def_prop_ro("batched", [](const LoadedPipeline& self) { return self.get()->batched(); })
      .def_prop_ro("inputs",
                   [](const LoadedPipeline& self) { return described(self.get()->inputs()); })
      .def_prop_ro("outputs",
                   [](const LoadedPipeline& self) { return described(self.get()->outputs()); })
      .def("graph",
           [](const LoadedPipeline& self, const std::string& format) {
             auto pipeline = self.get();
             Result<std::string> drawn = [&] {
               nb::gil_scoped_release released;
               return pipeline->graph(format);
             }();
             return value_of(std::move(drawn));
           })
      .def("functions", [](nb::handle self, nb::object answer) {
        nb::inst_ptr<LoadedPipeline>(self)->set_answer(std::move(answer));
        static PyMethodDef* const run = describe_function("run", "", run_pipeline);
        static PyMethodDef* const start = describe_function("start", "", start_pipeline);
        return nb::make_tuple(make_function(run, "leat", self), make_function(start, "leat", self));
      });
  module.def("load_path",
             [](const EngineHandle& engine, const std::string& path, const std::string& name) {
               auto held = engine.get();
               auto made = [&] {
                 nb::gil_scoped_release released;
                 return held->load(path, {.name = name, .version = "1"});
               }();
               return loaded(std::move(made));
             });
  module.def("load_text",
             [](const EngineHandle& engine, const std::string& text, const std::string& folder) {
               auto held = engine.get();
               auto made = [&] {
                 nb::gil_scoped_release released;
                 return held->load_text(text, folder);
               }();
               return loaded(std::move(made));
             });
}

}  // namespace leat
