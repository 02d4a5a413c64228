// Errors of the client library as the exceptions of parvis._errors, and waiting without the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <unistd.h>

#include "client/session.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::python {

// The exception (an instance) that stands for an error. Needs the GIL.
pybind11::object exception_of(const Error& error);
void register_errors(pybind11::module_& module);

// Lets go of the GIL for a scope. Between construction and destruction only signalled() may touch Python.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() { take_back(); }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

  // Runs the Python handlers of signals that came in. True: one raised; the exception is set when the scope ends.
  bool signalled() {
    take_back();
    const bool raised = PyErr_CheckSignals() != 0;
    state_ = PyEval_SaveThread();
    return raised;
  }

 private:
  // While the interpreter ends, CPython kills threads that ask for the GIL by unwinding them, which C++ answers with
  // terminate(): such a thread (a daemon thread blocked in a wait) stays where it is instead; the process is about to
  // end.
  void take_back() {
    if (_Py_IsFinalizing() && ::gettid() != ::getpid())
      for (;;) ::pause();
    PyEval_RestoreThread(state_);
  }

  PyThreadState* state_;
};

// Runs `wait(client::Wait)` without the GIL; a signal whose handler raises (Ctrl-C) ends it with that exception.
template <class Function>
auto without_gil(Function&& wait, bool confirm = true) {
  try {
    Unlocked unlocked;
    return wait(client::Wait{[&unlocked] { return unlocked.signalled(); }, confirm});
  } catch (const client::Interrupted&) {
    if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
    throw pybind11::error_already_set();
  }
}

}  // namespace parvis::python
