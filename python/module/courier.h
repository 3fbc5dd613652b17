// What threads of the engine have for Python: answers to tell, objects to let go.
//
// A thread of the engine never waits for the GIL, which a Python thread may hold for milliseconds.
// One thread of the courier's takes what has come, all at once, and hands it over.
#pragma once

#include <Python.h>

#include <memory>

namespace leat {

class Parcel {
 public:
  virtual ~Parcel() = default;
  // With the GIL held, on the courier's thread. Leaves no exception set.
  virtual void open() = 0;
};

class Courier {
 public:
  // From any thread, with or without the GIL. After the end a parcel is leaked, unopened.
  static void send(std::unique_ptr<Parcel> parcel);
  // Gives a reference up: at once if this thread has the GIL. After the end it is leaked.
  static void drop(PyObject* object);

  // Needs the GIL; waits until what was sent has been handed over, and is the end.
  static void close();
  static bool closed();
};

}  // namespace leat
