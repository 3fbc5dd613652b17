// A Filling is one batch under way. Its calls end on threads of the engine, which copy each output
// into its row without the GIL; when the last has ended, Python is told once. A Gate bounds how
// many calls are under way, of all Fillings of a loader together.
#include "filling.h"

#include <nanobind/stl/shared_ptr.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <vector>

#include "courier.h"
#include "errors.h"
#include "pipeline.h"
#include "values.h"

namespace leat {

namespace {

class Gate {
 public:
  explicit Gate(int64_t room) : room_(room) {}

  // Waits for room. False: it has been closed.
  bool enter() {
    std::unique_lock lock(mutex_);
    change_.wait(lock, [this] { return room_ > 0 || closed_; });
    if (closed_) return false;
    --room_;
    return true;
  }
  void leave() {
    {
      std::lock_guard lock(mutex_);
      ++room_;
    }
    change_.notify_one();
  }
  void close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    change_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable change_;
  int64_t room_;         // guarded by mutex_
  bool closed_ = false;  // guarded by mutex_
};

// One output of all rows: an array where all of them have one type and shape, else a list.
class Column {
 public:
  Status place(size_t row, size_t rows, Value value) {
    if (!value.present() || value.is_list() || value.tensor().dtype() == DType::kBytes) {
      return keep(row, rows, std::move(value));
    }
    const Tensor& tensor = value.tensor();
    Tensor whole;
    {
      std::lock_guard lock(mutex_);
      if (!whole_ && tensor.shape().rank() < Shape::kMaxRank) {
        LEAT_ASSIGN(whole_, Tensor::allocate(tensor.dtype(),
                                             tensor.shape().with(0, static_cast<int64_t>(rows))));
      }
      whole = whole_;
    }
    const bool fits =
        whole && whole.dtype() == tensor.dtype() && whole.shape().without(0) == tensor.shape();
    if (!fits) return keep(row, rows, std::move(value));
    if (tensor.byte_size() > 0) {
      std::memcpy(whole.mutable_data() + row * tensor.byte_size(), tensor.data(),
                  tensor.byte_size());
    }
    return {};
  }

  // When all rows have come, with the GIL held. `failed`: rows without a value.
  nb::object to_array(const std::vector<Status>& failed, const std::shared_ptr<Pipeline>& from) {
    if (whole_ && apart_.empty()) {
      Tensor whole = std::move(whole_);
      return to_python(whole, true);
    }
    nb::object list = own(PyList_New(static_cast<Py_ssize_t>(failed.size())));
    for (size_t row = 0; row < failed.size(); ++row) {
      nb::object value = nb::none();
      if (!apart_.empty() && apart_[row].present()) {
        value = to_python(apart_[row], from);
      } else if (failed[row].ok() && whole_ && (apart_.empty() || !is_apart_[row])) {
        value = to_python(Value(whole_.row(static_cast<int64_t>(row))), from);
      }
      PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(row), value.release().ptr());
    }
    return list;
  }

 private:
  Status keep(size_t row, size_t rows, Value value) {
    std::lock_guard lock(mutex_);
    apart_.resize(rows);
    is_apart_.resize(rows);
    apart_[row] = std::move(value);
    is_apart_[row] = true;
    return {};
  }

  std::mutex mutex_;
  Tensor whole_;                // guarded by mutex_; its rows belong to their calls
  std::vector<Value> apart_;    // guarded by mutex_; empty until one is
  std::vector<bool> is_apart_;  // likewise
};

class Batch;

class Row final : public Completion {
 public:
  void done(Answer& answer) override;
  Batch* batch = nullptr;
  size_t number = 0;
};

class Batch final : public Parcel {
 public:
  Batch(nb::object tell, std::shared_ptr<Gate> gate, std::shared_ptr<Pipeline> pipeline,
        size_t rows)
      : tell_(std::move(tell)),
        gate_(std::move(gate)),
        pipeline_(std::move(pipeline)),
        columns_(pipeline_->outputs().size()),
        failed_(rows),
        rows_(rows),
        pending_(rows) {
    for (size_t i = 0; i < rows; ++i) {
      rows_[i].batch = this;
      rows_[i].number = i;
    }
  }

  Row& row(size_t number) { return rows_[number]; }

  void take(size_t row, Answer& answer) {
    Status status = answer.status;
    for (size_t i = 0; status.ok() && i < columns_.size(); ++i) {
      status = columns_[i].place(row, rows_.size(), std::move(answer.outputs[i]));
    }
    answer.outputs.clear();
    failed_[row] = std::move(status);
    gate_->leave();
    count_down();
  }

  // A row whose call was not made. The batch may be gone afterwards.
  void leave_out(size_t row, Status why) {
    failed_[row] = std::move(why);
    count_down();
  }

  void open() override {
    try {
      nb::list outputs, failures;
      for (Column& column : columns_) outputs.append(column.to_array(failed_, pipeline_));
      for (size_t row = 0; row < failed_.size(); ++row) {
        if (failed_[row].ok() || failed_[row].code() == Code::kCancelled) continue;
        failures.append(nb::make_tuple(row, exception_of(failed_[row])));
      }
      tell_(outputs, failures);
    } catch (nb::python_error& failed) {
      failed.discard_as_unraisable(tell_);
    }
  }

 private:
  void count_down() {
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      Courier::send(std::unique_ptr<Parcel>(this));
    }
  }

  nb::object tell_;
  const std::shared_ptr<Gate> gate_;
  const std::shared_ptr<Pipeline> pipeline_;
  std::vector<Column> columns_;
  std::vector<Status> failed_;  // by row; ok: it is there
  std::vector<Row> rows_;
  std::atomic<size_t> pending_;
};

void Row::done(Answer& answer) { batch->take(number, answer); }

// The batch belongs to its calls until the last has ended, then to the courier.
class Filling {
 public:
  Filling(nb::handle pipeline, std::shared_ptr<Gate> gate, nb::object tell, size_t rows)
      : pipeline_(nb::borrow(pipeline)), gate_(gate) {
    batch_ = new Batch(std::move(tell), std::move(gate), loaded().get(), rows);
  }

  // Once for each row. The request is made first, so that what cannot be a value raises.
  void start(size_t row, nb::handle named) {
    std::vector<PyObject*> values;
    nb::object names = nb::steal(PyTuple_New(PyDict_Size(named.ptr())));
    PyObject *key, *value;
    Py_ssize_t at = 0, count = 0;
    while (PyDict_Next(named.ptr(), &at, &key, &value)) {
      values.push_back(value);
      PyTuple_SET_ITEM(names.ptr(), count++, (Py_INCREF(key), key));
    }
    Request request = loaded().request(values.data(), 0, names.ptr());
    std::shared_ptr<Pipeline> pipeline = loaded().get();
    nb::gil_scoped_release released;
    if (!gate_->enter()) {
      batch_->leave_out(row, Status(Code::kCancelled, "the loader was closed"));
      return;
    }
    pipeline->submit(std::move(request), batch_->row(row));
  }
  void leave_out(size_t row) {
    batch_->leave_out(row, Status(Code::kCancelled, "it could not be read"));
  }

 private:
  const LoadedPipeline& loaded() const { return *nb::inst_ptr<LoadedPipeline>(pipeline_); }

  nb::object pipeline_;
  std::shared_ptr<Gate> gate_;
  Batch* batch_;
};

}  // namespace

void bind_filling(nb::module_& module) {
  nb::class_<Gate>(module, "Gate").def("close", &Gate::close);
  nb::class_<Filling>(module, "Filling")
      .def("start", &Filling::start)
      .def("leave_out", &Filling::leave_out);
  module.def("gate", [](int64_t room) { return std::make_shared<Gate>(room); });
  module.def("filling",
             [](nb::handle pipeline, std::shared_ptr<Gate> gate, nb::object tell, size_t rows) {
               return new Filling(pipeline, std::move(gate), std::move(tell), rows);
             });
}

}  // namespace leat
