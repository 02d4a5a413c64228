// Runs one task of the farm: from its tuple to the tuple that takes its place. Main thread, with the GIL.
//
// The path of a task that does nothing is what bounds the farm's speed: no Python code of ours is in it, the function
// is loaded once for all tasks that carry the same bytes, and an empty pipe costs one system call.
#pragma once

#include <pybind11/pybind11.h>

#include <functional>
#include <list>
#include <string>
#include <unordered_map>

#include "kernel/output.hpp"
#include "kernel/queue.hpp"
#include "kernel/shell.hpp"

namespace parvis::kernel {

// The id field of a task tuple. Throws Error{protocol_error} when it is none.
std::string task_id(const Blob& tuple);

class TaskRunner {
 public:
  TaskRunner(Shell& shell, OutputCapture& output, std::string kernel)
      : shell_(shell), output_(output), kernel_(std::move(kernel)) {}
  // Never throws for what the task does. `interrupted`: whether an interrupt was sent to it; then it is cancelled,
  // whatever error came of that.
  TaskOutcome run(const Task& task, const std::function<bool()>& interrupted);
  // The result of a task that has ended too many kernels. `story`: what is known of their deaths.
  TaskOutcome died(const Task& task, const std::string& story);
  // Attempts beyond meta.deaths: it is not run again.
  static bool poisoned(const Task& task);

 private:
  struct Parts;
  struct Report;
  static constexpr std::size_t cached_functions = 64;
  static constexpr std::size_t cached_bytes = 1 << 20;  // of one function

  static Parts parse(const Task& task);
  pybind11::object function(const Parts& parts, const Blob& owner);
  void call(const Parts& parts, const Task& task, Encoding& out, Report& report);
  void begin_result(Writer& out, const Parts& parts, std::string_view status) const;
  void end_result(Writer& out, const Parts& parts, const Task& task, const Report& report) const;
  TaskOutcome error_result(const Parts& parts, const Task& task, const Report& report, bool cancelled);
  static TaskOutcome again(const Parts& parts, const Task& task);
  static std::shared_ptr<const Encoding> task_tuple(std::string_view tag, const Parts& parts, const Task& task,
                                                    const Value* meta);

  Shell& shell_;
  OutputCapture& output_;
  const std::string kernel_;
  std::unordered_map<std::string, pybind11::object> functions_;
  std::list<std::string> recent_;  // keys of functions_, oldest first
  std::string last_bytes_;         // the usual case: the same function as before
  pybind11::object last_;
};

}  // namespace parvis::kernel
