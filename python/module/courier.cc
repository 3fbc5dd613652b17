#include "courier.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "process.h"

namespace leat {

namespace {

class Reference final : public Parcel {
 public:
  explicit Reference(PyObject* object) : object_(object) {}
  void open() override { Py_DECREF(object_); }

 private:
  PyObject* const object_;
};

// Of one process; a child has its own.
class Desk {
 public:
  explicit Desk(uint32_t made_in) : generation(made_in), thread_([this] { work(); }) {}

  void send(std::unique_ptr<Parcel> parcel) {
    {
      std::lock_guard lock(mutex_);
      if (closing_) return (void)parcel.release();
      waiting_.push_back(std::move(parcel));
    }
    come_.notify_one();
  }

  void close() {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    come_.notify_one();
    thread_.join();
  }

  const uint32_t generation;

 private:
  void work() {
    PyGILState_STATE had = PyGILState_Ensure();
    PyThreadState* state = PyEval_SaveThread();
    std::vector<std::unique_ptr<Parcel>> taken;
    for (bool last = false; !last;) {
      {
        std::unique_lock lock(mutex_);
        come_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
        last = closing_;
        taken.swap(waiting_);
      }
      PyEval_RestoreThread(state);
      for (auto& parcel : taken) {
        parcel->open();
        parcel.reset();
      }
      taken.clear();
      state = PyEval_SaveThread();
    }
    PyEval_RestoreThread(state);
    PyGILState_Release(had);
  }

  std::mutex mutex_;
  std::condition_variable come_;
  std::vector<std::unique_ptr<Parcel>> waiting_;  // guarded by mutex_
  bool closing_ = false;                          // guarded by mutex_
  std::thread thread_;                            // last: it uses the others
};

std::atomic<Desk*> desk{nullptr};  // never freed: others may be about to use it
std::atomic<bool> ended{false};

// Null when it has ended. A child's is made at its first use; two threads may try.
Desk* open_desk() {
  for (;;) {
    if (ended.load()) return nullptr;
    Desk* now = desk.load();
    if (now && now->generation == generation()) return now;
    static std::atomic<bool> making{false};
    if (making.exchange(true)) {
      std::this_thread::yield();
      continue;
    }
    now = desk.load();
    if (!now || now->generation != generation()) desk.store(new Desk(generation()));
    making.store(false);
  }
}

}  // namespace

void Courier::send(std::unique_ptr<Parcel> parcel) {
  if (Desk* open = open_desk()) {
    open->send(std::move(parcel));
  } else {
    (void)parcel.release();
  }
}

void Courier::drop(PyObject* object) {
  if (closed()) return;
  if (PyGILState_Check()) {
    Py_DECREF(object);
  } else {
    send(std::make_unique<Reference>(object));
  }
}

void Courier::close() {
  if (ended.exchange(true)) return;
  Desk* open = desk.load();
  if (!open || open->generation != generation()) return;
  PyThreadState* state = PyEval_SaveThread();
  open->close();
  PyEval_RestoreThread(state);
}

bool Courier::closed() { return ended.load(); }

}  // namespace leat
