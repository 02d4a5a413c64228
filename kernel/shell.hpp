// The C++ side of the session (python/parvis/_kernel): requests in, answers out, as encodings. Main thread, with the
// GIL.
//
// What user code raises never leaves here: it becomes an error answer. So does an interrupt that arrives while a value
// is being pickled.
#pragma once

#include <pybind11/pybind11.h>

#include <functional>
#include <memory>
#include <string>

#include "kernel/output.hpp"
#include "kernel/queue.hpp"
#include "kernel/request.hpp"

namespace parvis::kernel {

struct ShellOptions {
  std::string kernel;               // id
  int stack_fd = -1, dump_fd = -1;  // where faulthandler writes: at death, on SIGUSR1
  bool ipython = true;
};

class Shell {
 public:
  // Imports the package and makes the namespace. Throws pybind11::error_already_set.
  Shell(const ShellOptions& options, OutputCapture& output);

  // The work is over as soon as user code and its values are done with: `finished` then tells whether an interrupt was
  // sent.
  struct Guard {
    std::function<bool()> finished;
    std::function<bool()> timed_out;
  };
  CallAnswer run(const Request& request, OutputCapture::OnChunk on_chunk, const Guard& guard);

  // IPython takes half a second to import: done when the kernel is idle, at the latest before the first execute.
  void prepare();
  [[nodiscard]] bool prepared() const { return prepared_; }

  // The text of a Python exception that is no user's, for the log.
  static std::string text_of(pybind11::error_already_set& error);
  // Fields of an error answer for `error`, beside those that the caller adds.
  struct Failure {
    std::string type, message, traceback;
    pybind11::object exception;
  };
  Failure failure(const pybind11::error_already_set& error);
  static Failure failure(const std::exception& error);
  // `exception` under its key: an object, or nil where it cannot be pickled.
  static void write_exception(Writer& out, const pybind11::object& exception);
  void flush_python_output();
  void drop_displays();

  // Swallows an interrupt that was meant for work that is over.
  static void swallow_interrupt(bool sent);
  void finish();  // the exit handlers of user code

 private:
  struct Outcome;
  void perform(const Request& request, Outcome& outcome);
  void evaluate(const Request& request, Outcome& outcome);
  CallAnswer success(const Request& request, Outcome& outcome);
  CallAnswer failed(const Request& request, Outcome& outcome);

  const ShellOptions options_;
  OutputCapture& output_;
  bool prepared_;
  pybind11::module_ boot_;
  pybind11::object session_, nothing_;
};

}  // namespace parvis::kernel
