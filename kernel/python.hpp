// The embedded interpreter: which Python, its start and its end. Main thread only.
//
// The executable is linked to one libpython; `program` decides whose packages it sees: a venv's or another
// installation's of the same minor version.
#pragma once

#include <Python.h>

#include <filesystem>
#include <string>

namespace parvis::kernel {

// The interpreter that `wanted` names (an interpreter or a venv folder; empty: $VIRTUAL_ENV, else Debian's). Throws
// Error{not_found} with one line: it does not exist, or is of another version than the linked libpython.
std::filesystem::path find_python(const std::string& wanted);

// The interpreter's life. After construction the GIL is released: use Gil. There is no finalisation: threads of user
// code may be anywhere, so the process ends by _exit.
class Python {
 public:
  // Throws Error{storage_error} with Python's own reason when it cannot start.
  explicit Python(const std::filesystem::path& program);
  [[nodiscard]] static const char* version() { return PY_VERSION; }

 private:
  PyThreadState* main_ = nullptr;
};

// The GIL, held for a scope. Any thread with a Python thread state, which here means the main one.
class Gil {
 public:
  Gil() : state_(PyGILState_Ensure()) {}
  ~Gil() { PyGILState_Release(state_); }
  Gil(const Gil&) = delete;
  Gil& operator=(const Gil&) = delete;

 private:
  PyGILState_STATE state_;
};

// Given back for a scope by the thread that holds it.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() { PyEval_RestoreThread(state_); }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace parvis::kernel
